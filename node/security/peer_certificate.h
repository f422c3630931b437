// What the other side of a link between nodes has shown of itself, kept to be judged again when the trusted
// authorities change. Immutable; any thread.
#pragma once

#include <memory>

#include "common/base/status.h"
#include "common/crypto/certificate.h"
#include "node/security/peer_tls.h"

struct ssl_st;   // OpenSSL's SSL
struct x509_st;  // X509
struct stack_st_X509;

namespace ferro::node::security {

class PeerCertificate {
 public:
  // After the handshake of a connection that demands certificates. Null if nothing was shown.
  static std::shared_ptr<const PeerCertificate> of(const ssl_st& connection);

  const crypto::CertificateFacts& facts() const noexcept { return facts_; }
  // ok if a new link with it would be accepted now; permission_denied with OpenSSL's reason.
  Status verify(const PeerTls::InForce& in_force) const;

 private:
  PeerCertificate() = default;
  std::shared_ptr<x509_st> leaf_;
  std::shared_ptr<stack_st_X509> chain_;  // as sent; may be null
  bool shown_by_server_ = false;
  crypto::CertificateFacts facts_;
};

}  // namespace ferro::node::security
