#include "operator/pki/openssl.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "common/crypto/certificate.h"

namespace ferro::oper::pki {
namespace {

// Without a callback OpenSSL would ask for the password on the terminal.
int refuse_password(char*, int, int, void*) {
  return -1;
}

Owned<BIO> bio_of(std::string_view text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

}  // namespace

Status openssl_error(std::string_view what) {
  return Status::internal(std::string(what) + " (" + crypto::take_openssl_error() + ")");
}

Result<std::vector<Owned<X509>>> read_certificates(std::string_view pem) {
  if (pem.size() > kPemBytesMax) return Status::invalid("is too large for certificates");
  ERR_clear_error();
  const Owned<BIO> bio = bio_of(pem);
  std::vector<Owned<X509>> certificates;
  while (bio != nullptr) {
    Owned<X509> certificate(PEM_read_bio_X509(bio.get(), nullptr, refuse_password, nullptr));
    if (certificate == nullptr) break;
    if (certificates.size() == kPemCertificatesMax) return Status::invalid("holds too many certificates");
    certificates.push_back(std::move(certificate));
  }
  // The end of the text reads as "no start line".
  const unsigned long last = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
  const std::string reason = crypto::take_openssl_error();
  if (certificates.empty()) return Status::invalid("holds no certificate in PEM form (" + reason + ")");
  if (!at_end) return Status::invalid("holds a certificate that does not parse (" + reason + ")");
  return certificates;
}

Result<Owned<EVP_PKEY>> read_key(std::string_view pem) {
  if (pem.size() > kPemBytesMax) return Status::invalid("is too large for a private key");
  ERR_clear_error();
  const Owned<BIO> bio = bio_of(pem);
  Owned<EVP_PKEY> key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_password, nullptr) : nullptr);
  const std::string reason = crypto::take_openssl_error();
  if (key == nullptr) return Status::invalid("holds no private key in PEM form (" + reason + ")");
  return key;
}

Result<std::string> to_pem(X509* certificate) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1) {
    return openssl_error("a certificate cannot be written");
  }
  return text_of(bio.get());
}

Result<Secret> to_pem(EVP_PKEY* key) {
  const Owned<BIO> bio(BIO_new(BIO_s_secmem()));
  if (bio == nullptr ||
      PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return openssl_error("a private key cannot be written");
  }
  return Secret(text_of(bio.get()));
}

}  // namespace ferro::oper::pki
