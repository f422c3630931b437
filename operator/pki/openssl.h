// Owners for OpenSSL's objects, and PEM in and out. Private to pki.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace ferro::oper::pki {

struct OpenSslDeleter {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
  void operator()(X509_EXTENSION* extension) const noexcept { X509_EXTENSION_free(extension); }
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};
template <typename T>
using Owned = std::unique_ptr<T, OpenSslDeleter>;

// A Secret is at most 1 MiB; longer texts are refused before OpenSSL sees them.
inline constexpr size_t kPemBytesMax = 1 << 20;
// Certificates read from one text: a bundle of ours has three.
inline constexpr size_t kPemCertificatesMax = 64;

// "what (OpenSSL's reason)"; clears OpenSSL's queue.
Status openssl_error(std::string_view what);

// All certificates of a text, at least one. What stands between them is ignored, as everywhere with PEM.
Result<std::vector<Owned<X509>>> read_certificates(std::string_view pem);
// Not encrypted.
Result<Owned<EVP_PKEY>> read_key(std::string_view pem);
Result<std::string> to_pem(X509* certificate);
Result<Secret> to_pem(EVP_PKEY* key);

}  // namespace ferro::oper::pki
