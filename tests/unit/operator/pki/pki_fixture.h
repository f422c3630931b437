// A cluster's Secrets for tests, as the API server would hold them.
#pragma once

#include <string>

#include "operator/pki/authorities.h"
#include "operator/pki/leaves.h"
#include "operator/pki/secret_json.h"

namespace ferro::oper::pki {

inline constexpr int64_t kNow = 1'700'000'000;
inline constexpr int64_t kYear = 8760 * 3600, kMonth = 720 * 3600;

inline AuthorityTerms terms(int64_t requested = 0) {
  return {"shop", "demo", kYear, requested};
}
inline Json secret_of(const SecretContent& content) {
  Json object = {{"kind", "Secret"}, {"metadata", {{"name", "x"}}}};
  set_content(content, object);
  return object;
}
inline Json trust_of(const Authorities& authorities) {
  return secret_of({{{std::string(kBundleKey), Secret(bundle_of(authorities))}}, {}});
}
inline std::string fingerprint(std::string_view pem) {
  return inspect(pem).value().fingerprint;
}

}  // namespace ferro::oper::pki
