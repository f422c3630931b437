// Query parameters: switches, and the namespace that a request may name beside an id.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "node/api/call.h"
#include "node/model/namespace_key.h"

namespace ferro::node::api {

// `?name=true|false` (also 1|0); absent = false.
Result<bool> switch_parameter(const http::Request& request, std::string_view name);
// ?local=true: on this node only. ?repair=: compare the owners' copies after a hit, or do not; absent = as
// configured.
struct Routing {
  cache::Reach reach = cache::Reach::everywhere;
  std::optional<bool> read_repair;
};
Result<Routing> routing_of(const http::Request& request);
// Whole number within the bounds; absent = `fallback`.
Result<size_t> count_parameter(const http::Request& request, std::string_view name, size_t fallback,
                               size_t min, size_t max);

// Which namespaces a request by id concerns: exactly one, one scope, or all.
struct NamespaceFilter {
  std::optional<model::NamespaceKey> ns;
  std::optional<std::string> scope;  // set only without `ns`

  bool admits(const model::NamespaceKey& key) const {
    if (ns) return key == *ns;
    return !scope || key.scope == *scope;
  }
};
// From ?model_id=&cache_scope=&conversation_id= and the caller's fixed scope. cache_scope may stand alone;
// conversation_id needs its model_id.
Result<NamespaceFilter> namespace_filter(const http::Request& request, const Caller& caller);

}  // namespace ferro::node::api
