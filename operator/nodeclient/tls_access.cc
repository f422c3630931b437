#include "operator/nodeclient/tls_access.h"

#include <openssl/ssl.h>

#include <exception>

#include "common/crypto/certificate.h"

namespace ferro::oper::nodeclient {
namespace {

using boost::asio::const_buffer;
using boost::asio::ssl::context;

Status openssl_error(std::string_view what) {
  return Status::invalid(std::string(what) + " (" + crypto::take_openssl_error() + ")");
}

// All certificates of the text become anchors: asio's own call stops at the first damaged one without a word.
Status trust(SSL_CTX* native, std::string_view anchors) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
      BIO_new_mem_buf(anchors.data(), static_cast<int>(anchors.size())), BIO_free_all);
  X509_STORE* const store = SSL_CTX_get_cert_store(native);
  X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
  int trusted = 0;
  while (bio != nullptr) {
    const std::unique_ptr<X509, decltype(&X509_free)> anchor(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free);
    if (anchor == nullptr) break;
    if (X509_STORE_add_cert(store, anchor.get()) != 1) return openssl_error("an anchor cannot be used");
    ++trusted;
  }
  crypto::take_openssl_error();  // the end of the text reads as an error
  return trusted > 0 ? Status() : Status::invalid("the trust bundle holds no certificate");
}

}  // namespace

Result<std::shared_ptr<const TlsAccess>> TlsAccess::make(std::string_view anchors,
                                                         std::string_view certificate, const Secret& key) {
  try {
    std::shared_ptr<TlsAccess> access(new TlsAccess);
    SSL_CTX* const native = access->context_.native_handle();
    SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION) != 1) return openssl_error("TLS 1.2");
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
    FERRO_RETURN_IF_ERROR(trust(native, anchors));
    if (!certificate.empty()) {
      access->context_.use_certificate_chain(const_buffer(certificate.data(), certificate.size()));
      access->context_.use_private_key(const_buffer(key.reveal().data(), key.reveal().size()), context::pem);
      if (SSL_CTX_check_private_key(native) != 1) {
        return openssl_error("the operator's key does not belong to its certificate");
      }
    }
    return std::shared_ptr<const TlsAccess>(std::move(access));
  } catch (const std::exception& error) {
    return Status::invalid(std::string("the operator's certificate cannot be used: ") + error.what());
  }
}

}  // namespace ferro::oper::nodeclient
