#include "common/crypto/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <ctime>
#include <limits>
#include <memory>

#include "common/crypto/digest.h"

namespace ferro::crypto {

namespace {

struct BioDeleter {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
};
struct X509Deleter {
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
using BioPointer = std::unique_ptr<BIO, BioDeleter>;

int64_t unix_seconds(const ASN1_TIME* time) {
  std::tm utc{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &utc) != 1) return 0;
  return static_cast<int64_t>(timegm(&utc));
}

std::string subject_of(const X509& certificate) {
  const BioPointer text(BIO_new(BIO_s_mem()));
  if (!text || X509_NAME_print_ex(text.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253) < 0)
    return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(text.get(), &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

}  // namespace

CertificateFacts facts_of(const X509& certificate) {
  CertificateFacts facts;
  unsigned char* der = nullptr;
  const int der_size = i2d_X509(&certificate, &der);
  if (der_size > 0) facts.fingerprint_sha256 = to_hex(sha256({der, static_cast<size_t>(der_size)}));
  OPENSSL_free(der);
  facts.not_before_unix = unix_seconds(X509_get0_notBefore(&certificate));
  facts.not_after_unix = unix_seconds(X509_get0_notAfter(&certificate));
  facts.subject = subject_of(certificate);
  return facts;
}

Result<CertificateFacts> facts_of_pem(std::string_view pem) {
  if (pem.size() > static_cast<size_t>(std::numeric_limits<int>::max()))
    return Status::invalid("PEM text too large");
  const BioPointer bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<X509, X509Deleter> certificate(
      bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!certificate) return Status::invalid("holds no certificate in PEM form (" + take_openssl_error() + ")");
  return facts_of(*certificate);
}

std::string take_openssl_error() {
  const unsigned long code = ERR_get_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return reason != nullptr ? reason : "no reason given";
}

}  // namespace ferro::crypto
