#include "operator/k8s/server_trust.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <utility>

#include "common/crypto/certificate.h"

namespace ferro::oper::k8s {
namespace {

template <typename T, void (*release)(T*)>
struct Releaser {
  void operator()(T* object) const noexcept { release(object); }
};
template <typename T, void (*release)(T*)>
using Owned = std::unique_ptr<T, Releaser<T, release>>;
using OwnedBio = Owned<BIO, BIO_free_all>;
using OwnedCertificate = Owned<X509, X509_free>;
using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedContext = Owned<SSL_CTX, SSL_CTX_free>;

Status wrong(std::string_view what) {
  const std::string reason = crypto::take_openssl_error();
  std::string message(what);
  if (!reason.empty()) message.append(": ").append(reason);
  return Status::invalid(std::move(message));
}

OwnedBio reader(std::string_view text) {
  return OwnedBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Never asks a person.
int no_password(char*, int, int, void*) {
  return -1;
}

void free_diagnosis(void*, void* pointer, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<std::shared_ptr<TrustDiagnosis>*>(pointer);
}

int diagnosis_index() {
  static const int slot = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_diagnosis);
  return slot;
}

// In place of the library's own check of the name, which knows nothing of an overriding one or of IPv6: the
// name stands in the context's parameters and OpenSSL compares it.
int verify_chain(X509_STORE_CTX* chain, void*) {
  X509_STORE_CTX_set_verify_cb(chain, [](int good, X509_STORE_CTX*) { return good; });
  const int good = X509_verify_cert(chain);
  if (good == 1) return 1;
  const auto* ssl =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  const auto* kept = static_cast<std::shared_ptr<TrustDiagnosis>*>(
      SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), diagnosis_index()));
  if (kept != nullptr) (*kept)->set(X509_verify_cert_error_string(X509_STORE_CTX_get_error(chain)));
  return good;
}

Status trust(std::string_view anchors_pem, SSL_CTX* context) {
  X509_STORE* store = X509_STORE_new();
  if (store == nullptr) return wrong("out of memory");
  SSL_CTX_set_cert_store(context, store);  // owns it from here on
  const OwnedBio bio = reader(anchors_pem);
  size_t count = 0;
  while (OwnedCertificate anchor{PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)}) {
    if (X509_STORE_add_cert(store, anchor.get()) != 1) return wrong("an authority's certificate is refused");
    ++count;
  }
  // The loop ends with "no start line" behind the last certificate, or with what is wrong about one.
  const bool damaged = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE;
  if (count == 0 || damaged) return wrong("the authorities' certificates are no valid PEM");
  ERR_clear_error();
  // A pinned intermediate is an anchor like any other.
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  return {};
}

Status show_certificate(const TlsMaterial& material, SSL_CTX* context) {
  const OwnedBio bio = reader(material.certificate_pem);
  const OwnedCertificate leaf{PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)};
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) {
    return wrong("the client certificate is no valid PEM");
  }
  while (X509* issuer = PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr)) {
    if (SSL_CTX_add_extra_chain_cert(context, issuer) != 1) {  // owns it from here on
      X509_free(issuer);
      return wrong("the client certificate's chain is refused");
    }
  }
  ERR_clear_error();
  const OwnedBio key_bio = reader(material.key_pem.reveal());
  const OwnedKey key{PEM_read_bio_PrivateKey(key_bio.get(), nullptr, no_password, nullptr)};
  if (!key) return wrong("the client key is no valid PEM without a password");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    return wrong("the client key does not belong to the client certificate");
  }
  return {};
}

}  // namespace

void TrustDiagnosis::set(std::string reason) {
  const std::lock_guard lock(mutex_);
  reason_ = std::move(reason);
}

std::string TrustDiagnosis::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(reason_, {});
}

Status configure_tls(const TlsMaterial& material, const std::shared_ptr<TrustDiagnosis>& diagnosis,
                     SSL_CTX* context) {
  ERR_clear_error();
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) return wrong("TLS 1.2 is not there");
  if (!material.certificate_pem.empty()) FERRO_RETURN_IF_ERROR(show_certificate(material, context));
  if (!material.verify) return {};
  if (!material.anchors_pem.empty()) {
    FERRO_RETURN_IF_ERROR(trust(material.anchors_pem, context));
  } else if (SSL_CTX_set_default_verify_paths(context) != 1) {
    return wrong("the system's authorities cannot be read");
  }
  X509_VERIFY_PARAM* parameters = SSL_CTX_get0_param(context);
  const int named =
      material.server_name_is_address
          ? X509_VERIFY_PARAM_set1_ip_asc(parameters, material.server_name.c_str())
          : X509_VERIFY_PARAM_set1_host(parameters, material.server_name.data(), material.server_name.size());
  if (named != 1) return wrong("the server's name cannot be checked");
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  SSL_CTX_set_cert_verify_callback(context, verify_chain, nullptr);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  auto kept = std::make_unique<std::shared_ptr<TrustDiagnosis>>(diagnosis);
  if (SSL_CTX_set_ex_data(context, diagnosis_index(), kept.get()) == 1) static_cast<void>(kept.release());
  return {};
}

Status check_tls(const TlsMaterial& material) {
  const OwnedContext context{SSL_CTX_new(TLS_client_method())};
  if (!context) return wrong("out of memory");
  return configure_tls(material, std::make_shared<TrustDiagnosis>(), context.get());
}

}  // namespace ferro::oper::k8s
