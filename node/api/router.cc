#include "node/api/router.h"

#include <array>

#include "node/api/handlers.h"

namespace ferro::node::api {
namespace {

using http::Method;
using security::Role;

// The busiest first: they are looked up in this order.
constexpr std::array kRoutes = {
    Route{Method::post, "/query", Access::token, Role::read, Reach::scope, handle_query},
    Route{Method::post, "/insert", Access::token, Role::write, Reach::scope, handle_insert},
    Route{Method::post, "/query/batch", Access::token, Role::read, Reach::scope, handle_query_batch},
    Route{Method::post, "/insert/batch", Access::token, Role::write, Reach::scope, handle_insert_batch},
    Route{Method::get, "/entry/{id}", Access::token, Role::read, Reach::scope, handle_read_entry},
    Route{Method::delete_, "/entry/{id}", Access::token, Role::write, Reach::scope, handle_delete_entry},
    Route{Method::get, "/health", Access::open, Role::read, Reach::scope, handle_health},
    Route{Method::get, "/livez", Access::open, Role::read, Reach::scope, handle_livez},
    Route{Method::get, "/readyz", Access::open, Role::read, Reach::scope, handle_readyz},
    Route{Method::get, "/metrics", Access::metrics, Role::read, Reach::whole_node, handle_metrics},
    Route{Method::get, "/stats", Access::token, Role::read, Reach::scope, handle_stats},
    Route{Method::get, "/cluster/status", Access::token, Role::read, Reach::scope, handle_cluster_status},
    Route{Method::get, "/namespaces", Access::token, Role::admin, Reach::scope, handle_list_namespaces},
    Route{Method::delete_, "/namespaces", Access::token, Role::admin, Reach::scope, handle_drop_namespace},
    Route{Method::delete_, "/namespaces/{name}", Access::token, Role::admin, Reach::scope,
          handle_drop_named_namespace},
    Route{Method::post, "/admin/invalidate", Access::token, Role::admin, Reach::scope, handle_invalidate},
    Route{Method::post, "/admin/compact", Access::token, Role::admin, Reach::whole_node, handle_compact},
    Route{Method::post, "/admin/drain", Access::token, Role::admin, Reach::whole_node, handle_start_drain},
    Route{Method::delete_, "/admin/drain", Access::token, Role::admin, Reach::whole_node,
          handle_cancel_drain},
    Route{Method::get, "/admin/entry-stats", Access::token, Role::admin, Reach::scope, handle_entry_stats},
    Route{Method::get, "/internal/entry/{id}", Access::internal, Role::admin, Reach::scope,
          handle_read_internal_entry},
    Route{Method::get, "/openapi.json", Access::token, Role::read, Reach::scope, handle_openapi},
};

// Every pattern is a literal, or a literal and one {parameter} at its end.
bool fits(std::string_view pattern, std::string_view path, std::string_view& segment) {
  const size_t brace = pattern.find('{');
  if (brace == std::string_view::npos) return path == pattern;
  if (path.size() <= brace || path.substr(0, brace) != pattern.substr(0, brace)) return false;
  segment = path.substr(brace);
  return segment.find('/') == std::string_view::npos;
}

}  // namespace

std::span<const Route> routes() {
  return kRoutes;
}

Match find_route(Method method, std::string_view path) {
  const Method wanted = method == Method::head ? Method::get : method;
  Match match;
  for (const Route& route : kRoutes) {
    if (!fits(route.pattern, path, match.segment)) continue;
    match.path = &route;
    if (route.method == wanted) {
      match.route = &route;
      return match;
    }
  }
  return match;
}

std::string allowed_methods(const Route& path) {
  std::string allowed;
  for (const Route& route : kRoutes) {
    if (route.pattern != path.pattern) continue;
    allowed += std::string(http::to_string(route.method)) + ", ";
    if (route.method == Method::get) allowed += "HEAD, ";
  }
  return allowed + "OPTIONS";
}

}  // namespace ferro::node::api
