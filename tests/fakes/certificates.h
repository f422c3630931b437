// Real certificates for tests of TLS, made on the spot (EC P-256: a fraction of a millisecond each).
#pragma once

#include <cstdint>
#include <string>

namespace ferro::fakes {

struct Pem {
  std::string certificate;
  std::string key;
};

struct CertificateOptions {
  std::string common_name = "localhost";  // also an alternative name, besides localhost and 127.0.0.1
  int64_t valid_from_now_seconds = -60;
  int64_t valid_until_from_now_seconds = 3600;
  bool is_authority = false;
  const Pem* issuer = nullptr;  // null = signed by itself
  bool encrypt_key = false;     // with the password "password"
};

// Aborts if OpenSSL fails: a test without certificates proves nothing.
Pem make_certificate(const CertificateOptions& options);
// `not_after` of what was made is the time of the call plus valid_until_from_now_seconds.
Pem make_authority(const std::string& common_name);
Pem make_leaf(const std::string& common_name, const Pem& authority);

}  // namespace ferro::fakes
