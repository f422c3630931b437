// The authorities of one cluster, as the Secret NAME-ca holds them, and the steps of replacing one. Each step
// is a pure function from what the Secret holds to what it is to hold: a crash between two steps leaves a
// state that the next pass recognises. docs/operator/security.md, "Replacing the authority".
//
// Values; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "operator/pki/certificate.h"
#include "operator/pki/secret_json.h"

namespace ferro::oper::pki {

struct Authorities {
  std::optional<Identity> current;  // issues leaves
  std::optional<Identity> next;     // trusted already, issues nothing yet
  std::string previous;             // certificates still trusted, PEM; empty = none
  int64_t generation = 0;           // of `current`; `next` has one more
  int64_t requested = 0;            // spec.tls.replaceCAGeneration acted on
};

// invalid_argument, naming the key, if what is there cannot be read or a key is another certificate's.
Result<Authorities> read_authorities(const Json& secret);
SecretContent content_of(const Authorities& authorities);

struct AuthorityTerms {
  std::string ns;
  std::string cluster;
  int64_t validity_s = 0;
  int64_t requested = 0;
};

// The first authority. `trusted_before`: anchors found in a trust bundle although their authority is lost
// (its Secret was deleted); they stay trusted as `previous` until every member serves a new leaf.
Result<Authorities> first_authority(const AuthorityTerms& terms, int64_t generation,
                                    std::string_view trusted_before, int64_t now_unix);
// failed_precondition if one is published already or there is no current one.
Result<Authorities> with_next(const Authorities& held, const AuthorityTerms& terms, int64_t now_unix);
// failed_precondition without a next one. What was current joins `previous`.
Result<Authorities> promoted(const Authorities& held);
Authorities without_previous(const Authorities& held);

// Every anchor in force, no certificate twice: current, next, previous. What cannot be parsed is left out.
std::string bundle_of(const Authorities& authorities);
// The key of NAME-trust.
inline constexpr std::string_view kBundleKey = "ca.crt";
// All certificates of the texts, in order, none twice.
std::string join_bundles(const std::vector<std::string_view>& texts);

}  // namespace ferro::oper::pki
