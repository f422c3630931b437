// What a handler gets: the request, who sent it, what it works on, and the reply it owes.
#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <string_view>

#include "node/api/api.h"

namespace ferro::node::api {

// One per Api; outlives every call.
struct Backend {
  const ApiOptions options;
  engine::Engine& engine;
  const security::TokenSource& tokens;
  metrics::Metrics& metrics;
  const Clock& clock;
  std::atomic<bool> draining{false};
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
