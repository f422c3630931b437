// What status and metrics tell about a certificate. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

struct x509_st;  // OpenSSL's X509

namespace ferro::crypto {

struct CertificateFacts {
  std::string fingerprint_sha256;  // lower-case hex of the DER's SHA-256
  int64_t not_before_unix = 0;
  int64_t not_after_unix = 0;
  std::string subject;  // RFC 2253, non-ASCII escaped
};

CertificateFacts facts_of(const x509_st& certificate);
// Of the first certificate in a PEM text; invalid_argument if there is none.
Result<CertificateFacts> facts_of_pem(std::string_view pem);

// The reason of this thread's oldest waiting OpenSSL error in OpenSSL's words ("no start line"), and clears
// the queue.
std::string take_openssl_error();

}  // namespace ferro::crypto
