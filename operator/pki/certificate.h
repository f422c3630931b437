// Makes authorities and leaves (EC P-256, SHA-256) and reads what certificates say. Pure but for OpenSSL's
// random numbers; thread-safe. Times are Unix seconds and come from the caller.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace ferro::oper::pki {

// A certificate and its key, both PEM. The key is not encrypted.
struct Identity {
  std::string certificate;
  Secret key;
};

struct AuthorityRequest {
  std::string ns;
  std::string cluster;
  int64_t generation = 1;
  int64_t validity_s = 0;
};
// Self-signed, may sign leaves and nothing else (path length 0). Its subject names namespace, cluster and
// generation, so that a person who looks at a chain sees which authority it is.
Result<Identity> make_authority(const AuthorityRequest& request, int64_t now_unix);

struct LeafRequest {
  std::string common_name;             // at most 64 bytes are kept; the names below are what counts
  std::vector<std::string> dns_names;  // may be empty: then it is good for a client only
  int64_t validity_s = 0;
};
// For both sides of a connection. invalid_argument if `authority` cannot be read or its key is another's.
//
// It may end after its authority does: both have their own date of renewal, and a leaf cut to its
// authority's end would be due again as soon as it is made.
Result<Identity> make_leaf(const LeafRequest& request, const Identity& authority, int64_t now_unix);

struct CertificateInfo {
  std::string fingerprint;  // SHA-256 of the DER, lower-case hex
  int64_t not_before_unix = 0;
  int64_t not_after_unix = 0;
  bool is_authority = false;
  std::vector<std::string> dns_names;  // sorted
};

// Of the first certificate of the text.
Result<CertificateInfo> inspect(std::string_view certificate_pem);
// Of every certificate in the text, in its order.
Result<std::vector<CertificateInfo>> inspect_all(std::string_view pem);
// Key and certificate parse and belong together.
Status check_pair(std::string_view certificate_pem, const Secret& key);
// True if the first certificate of `leaf_pem` was signed by the first of `authority_pem`.
bool is_signed_by(std::string_view leaf_pem, std::string_view authority_pem);
// Fingerprint of the one of several authorities that signed it; empty if none did.
std::string signer_among(std::string_view leaf_pem, std::string_view authorities_pem);

}  // namespace ferro::oper::pki
