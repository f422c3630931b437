#include "tests/fakes/certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "common/base/assert.h"

namespace ferro::fakes {

namespace {

struct Deleter {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
  void operator()(X509_EXTENSION* extension) const noexcept { X509_EXTENSION_free(extension); }
};
template <typename T>
using Owned = std::unique_ptr<T, Deleter>;

#define MUST(expression) FERRO_ASSERT((expression), "OpenSSL failed in a test's certificate")

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

Owned<BIO> bio_of(const std::string& text) {
  return Owned<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  MUST(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

void set_common_name(X509* certificate, const std::string& name) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(name.data());
  MUST(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, bytes,
                                  static_cast<int>(name.size()), -1, 0) == 1);
}

void set_serial(X509* certificate) {
  uint64_t serial = 0;
  MUST(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  MUST(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1);
}

}  // namespace

Pem make_certificate(const CertificateOptions& options) {
  const Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const Owned<X509> certificate(X509_new());
  MUST(key != nullptr && certificate != nullptr && X509_set_version(certificate.get(), 2) == 1);
  set_serial(certificate.get());
  MUST(X509_gmtime_adj(X509_getm_notBefore(certificate.get()), options.valid_from_now_seconds) != nullptr);
  MUST(X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options.valid_until_from_now_seconds) !=
       nullptr);
  MUST(X509_set_pubkey(certificate.get(), key.get()) == 1);
  set_common_name(certificate.get(), options.common_name);

  Owned<X509> issuer;
  Owned<EVP_PKEY> issuer_key;
  if (options.issuer != nullptr) {
    issuer.reset(PEM_read_bio_X509(bio_of(options.issuer->certificate).get(), nullptr, nullptr, nullptr));
    issuer_key.reset(PEM_read_bio_PrivateKey(bio_of(options.issuer->key).get(), nullptr, nullptr, nullptr));
    MUST(issuer != nullptr && issuer_key != nullptr);
  }
  X509* const signer = issuer ? issuer.get() : certificate.get();
  MUST(X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer)) == 1);
  add_extension(certificate.get(), signer, NID_subject_key_identifier, "hash");
  add_extension(certificate.get(), signer, NID_basic_constraints,
                options.is_authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!options.is_authority) {
    add_extension(certificate.get(), signer, NID_subject_alt_name,
                  "DNS:" + options.common_name + ",DNS:localhost,IP:127.0.0.1");
  }
  MUST(X509_sign(certificate.get(), issuer_key ? issuer_key.get() : key.get(), EVP_sha256()) > 0);

  Pem pem;
  const Owned<BIO> certificate_bio(BIO_new(BIO_s_mem())), key_bio(BIO_new(BIO_s_mem()));
  MUST(PEM_write_bio_X509(certificate_bio.get(), certificate.get()) == 1);
  const auto* password = reinterpret_cast<const unsigned char*>("password");
  MUST(PEM_write_bio_PrivateKey(key_bio.get(), key.get(), options.encrypt_key ? EVP_aes_128_cbc() : nullptr,
                                options.encrypt_key ? password : nullptr, options.encrypt_key ? 8 : 0,
                                nullptr, nullptr) == 1);
  pem.certificate = text_of(certificate_bio.get());
  pem.key = text_of(key_bio.get());
  return pem;
}

Pem make_authority(const std::string& common_name) {
  CertificateOptions options;
  options.common_name = common_name;
  options.is_authority = true;
  return make_certificate(options);
}

Pem make_leaf(const std::string& common_name, const Pem& authority) {
  CertificateOptions options;
  options.common_name = common_name;
  options.issuer = &authority;
  return make_certificate(options);
}

}  // namespace ferro::fakes
