#include "node/security/peer_certificate.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

namespace ferro::node::security {

std::shared_ptr<const PeerCertificate> PeerCertificate::of(const SSL& connection) {
  X509* const leaf = SSL_get1_peer_certificate(&connection);
  if (leaf == nullptr) return nullptr;
  auto shown = std::shared_ptr<PeerCertificate>(new PeerCertificate);
  shown->leaf_ = std::shared_ptr<X509>(leaf, X509_free);
  if (STACK_OF(X509)* const chain = SSL_get_peer_cert_chain(&connection)) {
    shown->chain_ = std::shared_ptr<STACK_OF(X509)>(
        X509_chain_up_ref(chain),
        [](STACK_OF(X509) * certificates) { sk_X509_pop_free(certificates, X509_free); });
  }
  shown->shown_by_server_ = SSL_is_server(&connection) == 0;
  shown->facts_ = crypto::facts_of(*leaf);
  return shown;
}

Status PeerCertificate::verify(const PeerTls::InForce& in_force) const {
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> judge(X509_STORE_CTX_new(),
                                                                              X509_STORE_CTX_free);
  X509_STORE* const store = SSL_CTX_get_cert_store(in_force.context.get());
  if (judge == nullptr || X509_STORE_CTX_init(judge.get(), store, leaf_.get(), chain_.get()) != 1 ||
      X509_STORE_CTX_set_default(judge.get(), shown_by_server_ ? "ssl_server" : "ssl_client") != 1) {
    return Status::internal("a certificate cannot be judged: " + crypto::take_openssl_error());
  }
  if (X509_verify_cert(judge.get()) == 1) return {};
  crypto::take_openssl_error();  // leaves nothing for others to find
  const char* const reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(judge.get()));
  return {StatusCode::permission_denied, "the certificate " + facts_.subject + " is not trusted: " + reason};
}

}  // namespace ferro::node::security
