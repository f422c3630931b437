// The routes: one table that dispatch, access control, 405 and the test of openapi.json all read.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "node/api/call.h"

namespace ferro::node::api {

enum class Access : uint8_t {
  open,      // no token ever
  metrics,   // open unless http.metrics_auth
  token,     // a token with at least the role
  internal,  // ... or a node's certificate; without either nobody where nodes have certificates
};

// Whom a route concerns: what the caller's scope lets it see, or everybody.
enum class Reach : uint8_t { scope, whole_node };

using Handler = void (*)(Call&& call);

struct Route {
  http::Method method;
  std::string_view pattern;  // at most one {parameter}, a whole segment
  Access access;
  security::Role role;
  Reach reach;
  Handler handler;
};

std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;  // null: no such method here
  const Route* path = nullptr;   // any route of this path; null: no such path
  std::string_view segment;      // the {parameter} as sent, still encoded
};

// HEAD finds the route of GET.
Match find_route(http::Method method, std::string_view path);
// "GET, HEAD, OPTIONS": what the path of this route allows.
std::string allowed_methods(const Route& path);

}  // namespace ferro::node::api
