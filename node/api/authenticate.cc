#include "node/api/authenticate.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace ferro::node::api {
namespace {

// The token of `Bearer <token>`, the scheme in any case (RFC 6750, RFC 9110 section 11.1); empty if it is
// none.
std::string_view bearer_token(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  const auto same = [](char sent, char wanted) { return (sent | 0x20) == (wanted | 0x20); };
  if (header.size() <= kScheme.size() || !std::equal(kScheme.begin(), kScheme.end(), header.begin(), same))
    return {};
  header.remove_prefix(kScheme.size());
  const size_t first = header.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return header.substr(first, header.find_last_not_of(" \t") - first + 1);
}

std::string_view name_of(security::Role role) {
  switch (role) {
    case security::Role::read:
      return "read";
    case security::Role::write:
      return "write";
    case security::Role::admin:
      return "admin";
  }
  return "admin";
}

}  // namespace

Result<Caller> authenticate(const Backend& backend, const http::Request& request) {
  const security::TokenSource& tokens = backend.tokens;
  if (!tokens.enabled()) return Caller{};
  const std::string_view presented = bearer_token(request.authorization);
  const std::shared_ptr<const security::TokenSet> current = tokens.current();
  const security::Identity* const identity = presented.empty() ? nullptr : current->find(presented);
  if (identity == nullptr) {
    return Status(StatusCode::unauthenticated,
                  "send a valid token in the header 'Authorization: Bearer <token>'");
  }
  current->note_use(*identity, backend.clock.wall_ms() / 1000);
  return Caller{identity->role, identity->scope};
}

Result<Caller> authenticate_peer(const http::Request& request) {
  if (request.over_mutual_tls) return Caller{};
  return Status(StatusCode::unauthenticated, "show a certificate of the cluster");
}

Status authorise(const Caller& caller, const Route& route) {
  if (caller.role < route.role) {
    return {StatusCode::permission_denied, "this token has the role " + std::string(name_of(caller.role)) +
                                               ": use one with the role " + std::string(name_of(route.role))};
  }
  if (caller.fixed_scope && route.reach == Reach::whole_node) {
    return {StatusCode::permission_denied,
            "this token is limited to cache_scope '" + *caller.fixed_scope +
                "' and this route concerns the whole node: use a token without scope"};
  }
  return {};
}

}  // namespace ferro::node::api
