// What a handler gets: the request, who sent it, what it works on, and the reply it owes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "node/api/api.h"

namespace ferro::node::api {

// One per Api; outlives every call.
struct Backend : ApiParts {
  Backend(ApiOptions api_options, const ApiParts& parts)
      : ApiParts(parts),
        options(std::move(api_options)),
        started_at_ms(parts.clock.wall_ms()),
        here(cache::make_local_cache(parts.engine)) {}

  const ApiOptions options;
  const int64_t started_at_ms;
  const std::unique_ptr<cache::Cache> here;  // what this node holds, whoever else there is
  std::atomic<bool> stopping{false};         // the process is on its way out
  std::atomic<uint64_t> cluster_entries{0};  // as last counted over the whole cluster
};

struct Caller {
  security::Role role = security::Role::admin;
  std::optional<std::string> fixed_scope;  // the token's: the request cannot leave it
};

struct Call {
  Backend& backend;
  const http::Request& request;  // valid until `reply` was given
  Caller caller;
  std::string segment;  // the path's {parameter}, decoded
  http::Reply reply;
};

}  // namespace ferro::node::api
