// What the planner sees of keys and tokens: facts, never material. Pure; thread-safe.
#pragma once

#include <string_view>

#include "operator/pki/secret_json.h"
#include "operator/plan/world.h"

namespace ferro::oper::pki {

// From the Secrets NAME-ca, NAME-trust and NAME-tls; null = absent. A NAME-ca that cannot be read is
// `damaged`: no authority is made in its place, since what members serve still hangs on it. A bundle or leaf
// that cannot be read is as good as absent, and made again.
plan::PkiView view_authorities(std::string_view cluster, std::string_view ns, const Json* ca,
                               const Json* trust, const Json* tls);

// From NAME-token or, if `external`, from the user's Secret.
plan::TokenView view_tokens(const Json* secret, bool external);

}  // namespace ferro::oper::pki
