// Who sends a request and whether that suffices. docs/api.md, "Authentication".
#pragma once

#include "common/base/result.h"
#include "node/api/call.h"
#include "node/api/router.h"

namespace ferro::node::api {

// The sender by the Authorization header; unauthenticated if no valid token is there. Without any token
// configured everybody is an unscoped administrator. Notes that the token's generation is in use.
Result<Caller> authenticate(const Backend& backend, const http::Request& request);
// Of a request that came in through the nodes' own port: the certificate has said who it is.
Result<Caller> authenticate_peer(const http::Request& request);
// permission_denied if the caller's role or scope does not suffice for the route.
Status authorise(const Caller& caller, const Route& route);

}  // namespace ferro::node::api
