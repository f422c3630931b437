// What a TLS connection to the API server needs, put into OpenSSL's hands.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "common/base/result.h"
#include "common/base/secret.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace ferro::oper::k8s {

// Why the last handshake's server certificate was not accepted, in OpenSSL's words. Thread-safe.
class TrustDiagnosis {
 public:
  void set(std::string reason);
  std::string take();

 private:
  std::mutex mutex_;
  std::string reason_;
};

struct TlsMaterial {
  std::string anchors_pem;      // empty = the system's
  std::string certificate_pem;  // of the client, with its chain; empty = none
  Secret key_pem;
  std::string server_name;  // a DNS name or an address, that the server's certificate must be made out to
  bool server_name_is_address = false;
  bool verify = true;

  friend bool operator==(const TlsMaterial& a, const TlsMaterial& b) {
    return a.anchors_pem == b.anchors_pem && a.certificate_pem == b.certificate_pem &&
           a.key_pem.reveal() == b.key_pem.reveal() && a.server_name == b.server_name &&
           a.server_name_is_address == b.server_name_is_address && a.verify == b.verify;
  }
};

// Makes the context speak TLS 1.2 or later, trust the anchors and nothing else, check the server's name, and
// show the client certificate. `diagnosis` is kept for as long as the context lives. invalid_argument if the
// material cannot be used.
Status configure_tls(const TlsMaterial& material, const std::shared_ptr<TrustDiagnosis>& diagnosis,
                     ssl_ctx_st* context);
// The same on a context of its own: is the material usable?
Status check_tls(const TlsMaterial& material);

}  // namespace ferro::oper::k8s
