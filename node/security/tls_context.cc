#include "node/security/tls_context.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <exception>
#include <vector>

namespace ferro::node::security {

namespace {

struct OpenSslDeleter {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
template <typename T>
using Owned = std::unique_ptr<T, OpenSslDeleter>;

Status file_error(const PemFile& file, const std::string& what) {
  return Status::invalid(file.path + ": " + what + " (" + crypto::take_openssl_error() + ")");
}

Owned<BIO> bio_of(const PemFile& file) {
  return Owned<BIO>(BIO_new_mem_buf(file.text.data(), static_cast<int>(file.text.size())));
}

// Without a callback OpenSSL would ask for the password on the terminal.
int refuse_password(char*, int, int, void*) {
  return -1;
}

// All certificates of a file, at least one.
Result<std::vector<Owned<X509>>> read_certificates(const PemFile& file) {
  ERR_clear_error();
  const Owned<BIO> bio = bio_of(file);
  std::vector<Owned<X509>> certificates;
  while (bio != nullptr) {
    Owned<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, refuse_password, nullptr));
    if (certificate == nullptr) break;
    certificates.push_back(std::move(certificate));
  }
  // The end of the file reads as "no start line".
  const bool at_end = ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_PEM &&
                      ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (certificates.empty()) return file_error(file, "holds no certificate in PEM form");
  if (!at_end) return file_error(file, "holds a certificate that does not parse");
  ERR_clear_error();
  return certificates;
}

Result<Owned<EVP_PKEY>> read_key(const PemFile& file) {
  ERR_clear_error();
  const Owned<BIO> bio = bio_of(file);
  Owned<EVP_PKEY> key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_password, nullptr) : nullptr);
  if (key == nullptr)
    return file_error(file, "holds no private key in PEM form that can be read without a password");
  return key;
}

// HTTP/1.1 if the client names protocols at all; a client that names only others is left to its own devices.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                    unsigned in_size, void*) {
  static constexpr std::array<unsigned char, 9> kHttp11{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kHttp11.data(), kHttp11.size(), in, in_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

Status apply_policy(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  // No resumption: a resumed session would go on under a certificate or authority that has been replaced, and
  // clients keep their connections open anyway.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  // An idle connection gives its 32 KiB of buffers back.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // 1.2: forward secrecy and authenticated encryption only; 1.3 has nothing else.
  if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
      SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") != 1) {
    return Status::internal("OpenSSL refuses the TLS settings (" + crypto::take_openssl_error() + ")");
  }
  return {};
}

Status use_certificate(SSL_CTX* context, const PemFile& chain_file, const PemFile& key_file,
                       crypto::CertificateFacts& facts) {
  FERRO_ASSIGN_OR_RETURN(std::vector<Owned<X509>> chain, read_certificates(chain_file));
  FERRO_ASSIGN_OR_RETURN(const Owned<EVP_PKEY> key, read_key(key_file));
  if (X509_check_private_key(chain.front().get(), key.get()) != 1) {
    return file_error(key_file, "the private key does not belong to the certificate in " + chain_file.path);
  }
  facts = crypto::facts_of(*chain.front());
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) {
    return file_error(chain_file, "the certificate cannot be used");
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) return file_error(key_file, "the key cannot be used");
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) {
      return file_error(chain_file, "certificate " + std::to_string(i + 1) + " cannot be used");
    }
  }
  return {};
}

Status demand_certificate(SSL_CTX* context, const PemFile& file,
                          std::vector<crypto::CertificateFacts>* facts = nullptr) {
  FERRO_ASSIGN_OR_RETURN(const std::vector<Owned<X509>> authorities, read_certificates(file));
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  for (const Owned<X509>& authority : authorities) {
    if (X509_STORE_add_cert(store, authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1) {
      return file_error(file, "an authority's certificate cannot be used");
    }
    if (facts != nullptr) facts->push_back(crypto::facts_of(*authority));
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

}  // namespace

Result<TlsContext> make_tls_context(const PemFile& chain, const PemFile& key, const PemFile& client_ca) {
  TlsContext made;
  try {
    made.context = std::make_shared<boost::asio::ssl::context>(boost::asio::ssl::context::tls_server);
  } catch (const std::exception& error) {
    return Status::internal(std::string("OpenSSL makes no TLS context: ") + error.what());
  }
  SSL_CTX* const context = made.context->native_handle();
  FERRO_RETURN_IF_ERROR(apply_policy(context));
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  FERRO_RETURN_IF_ERROR(use_certificate(context, chain, key, made.certificate));
  if (!client_ca.path.empty()) FERRO_RETURN_IF_ERROR(demand_certificate(context, client_ca));
  return made;
}

Result<PeerTlsContext> make_peer_tls_context(const PemFile& chain, const PemFile& key,
                                             const PemFile& anchors) {
  PeerTlsContext made;
  made.context = std::shared_ptr<SSL_CTX>(SSL_CTX_new(TLS_method()), SSL_CTX_free);
  SSL_CTX* const context = made.context.get();
  if (context == nullptr)
    return Status::internal("OpenSSL makes no TLS context: " + crypto::take_openssl_error());
  FERRO_RETURN_IF_ERROR(apply_policy(context));
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
  SSL_CTX_set_read_ahead(context, 1);  // a record in one read
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_PARTIAL_CHAIN);
  FERRO_RETURN_IF_ERROR(use_certificate(context, chain, key, made.certificate));
  FERRO_RETURN_IF_ERROR(demand_certificate(context, anchors, &made.anchors));
  return made;
}

}  // namespace ferro::node::security
