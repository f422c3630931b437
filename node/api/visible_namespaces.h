// The namespaces that a caller may know of.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "node/api/call.h"

namespace ferro::node::api {

struct VisibleNamespaces {
  cache::NamespaceList page;
  bool more = false;  // there are others behind the page
};

// At most `listing.limit` with live entries in order of printed name, behind `listing.after`. Names of other
// scopes show nowhere, not even in where the page ends; for that a caller with a fixed scope pays a walk over
// the namespaces in between. `done` is called once, on whatever thread `cache` answers on.
void list_visible_namespaces(cache::Cache& cache, std::optional<std::string> fixed_scope,
                             cache::ListRequest listing, cache::Done<VisibleNamespaces> done);

}  // namespace ferro::node::api
