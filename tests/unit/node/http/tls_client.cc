#include "tests/unit/node/http/tls_client.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

namespace ferro::node::http {
namespace {

constexpr timeval kPatience{60, 0};

void show(SSL_CTX* context, const fakes::Pem& own) {
  BIO* bio = BIO_new_mem_buf(own.certificate.data(), static_cast<int>(own.certificate.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  bio = BIO_new_mem_buf(own.key.data(), static_cast<int>(own.key.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  EXPECT_EQ(SSL_CTX_use_certificate(context, certificate), 1);
  EXPECT_EQ(SSL_CTX_use_PrivateKey(context, key), 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

}  // namespace

TlsClient::TlsClient(uint16_t port, const fakes::Pem* own)
    : tcp_(port), context_(SSL_CTX_new(TLS_client_method())), ssl_(nullptr), connected_(false) {
  if (own != nullptr) show(context_, *own);
  setsockopt(tcp_.socket(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, tcp_.socket());
  connected_ = SSL_connect(ssl_) == 1;
}

TlsClient::~TlsClient() {
  ERR_clear_error();
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

bool TlsClient::send(std::string_view bytes) {
  ERR_clear_error();
  size_t written = 0;
  return SSL_write_ex(ssl_, bytes.data(), bytes.size(), &written) == 1 && written == bytes.size();
}

std::optional<Answer> TlsClient::receive() {
  while (true) {
    if (auto answer = take_answer(received_)) return answer;
    char bytes[65'536];
    size_t size = 0;
    ERR_clear_error();
    if (SSL_read_ex(ssl_, bytes, sizeof bytes, &size) != 1) return std::nullopt;
    received_.append(bytes, size);
  }
}

bool TlsClient::is_closed_cleanly() {
  char byte = 0;
  size_t size = 0;
  ERR_clear_error();
  const int result = SSL_read_ex(ssl_, &byte, 1, &size);
  return result != 1 && SSL_get_error(ssl_, result) == SSL_ERROR_ZERO_RETURN;
}

std::string TlsClient::server_name() const {
  X509* certificate = SSL_get1_peer_certificate(ssl_);
  char name[256] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  X509_free(certificate);
  return name;
}

}  // namespace ferro::node::http
