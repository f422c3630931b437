// The namespaces that a caller may know of.
#pragma once

#include <string_view>
#include <vector>

#include "node/api/call.h"

namespace ferro::node::api {

struct VisibleNamespaces {
  std::vector<store::NamespaceStats> page;
  bool more = false;  // there are others behind the page
};

// At most `limit` with live entries in order of printed name, behind `after`. Names of other scopes show
// nowhere, not even in where the page ends; for that a caller with a fixed scope pays a walk over the
// namespaces in between.
VisibleNamespaces visible_namespaces(const engine::Engine& engine, const Caller& caller,
                                     std::string_view prefix, std::string_view after, size_t limit);

}  // namespace ferro::node::api
