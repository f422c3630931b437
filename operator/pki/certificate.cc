#include "operator/pki/certificate.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include <algorithm>
#include <ctime>

#include "common/crypto/certificate.h"
#include "operator/pki/openssl.h"
#include "operator/plan/limits.h"

namespace ferro::oper::pki {
namespace {

constexpr size_t kNameBytesMax = 64;  // ub-common-name and ub-organization-name of RFC 5280
constexpr int kSerialBits = 127;      // positive, far beyond any chance of two alike
constexpr int kVersion3 = 2;

Status set_times(X509* certificate, int64_t now_unix, int64_t validity_s) {
  auto from = static_cast<time_t>(now_unix - plan::kBackdateS);
  auto until = static_cast<time_t>(now_unix + validity_s);
  if (X509_time_adj_ex(X509_getm_notBefore(certificate), 0, 0, &from) == nullptr ||
      X509_time_adj_ex(X509_getm_notAfter(certificate), 0, 0, &until) == nullptr) {
    return openssl_error("a certificate's times cannot be set");
  }
  return {};
}

Status set_serial(X509* certificate) {
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> serial(BN_new(), BN_free);
  if (serial == nullptr || BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1 ||
      BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) == nullptr) {
    return openssl_error("a serial number cannot be made");
  }
  return {};
}

Status add_name(X509* certificate, const char* field, std::string_view value) {
  value = value.substr(0, kNameBytesMax);
  if (value.empty()) return {};
  const auto* bytes = reinterpret_cast<const unsigned char*>(value.data());
  if (X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), field, MBSTRING_UTF8, bytes,
                                 static_cast<int>(value.size()), -1, 0) != 1) {
    return openssl_error("a certificate's subject cannot be set");
  }
  return {};
}

Status add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) {
    return openssl_error("a certificate's extension cannot be made");
  }
  return {};
}

// Name by name instead of the configuration syntax, in which a comma in a name would begin another.
Status add_dns_names(X509* certificate, const std::vector<std::string>& dns_names) {
  if (dns_names.empty()) return {};
  const Owned<GENERAL_NAMES> names(GENERAL_NAMES_new());
  if (names == nullptr) return openssl_error("a certificate's names cannot be made");
  for (const std::string& dns_name : dns_names) {
    GENERAL_NAME* const name = GENERAL_NAME_new();
    ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
    if (name == nullptr || text == nullptr ||
        ASN1_STRING_set(text, dns_name.data(), static_cast<int>(dns_name.size())) != 1 ||
        sk_GENERAL_NAME_push(names.get(), name) <= 0) {
      GENERAL_NAME_free(name);
      ASN1_IA5STRING_free(text);
      return openssl_error("a certificate's name cannot be made");
    }
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) != 1) {
    return openssl_error("a certificate's names cannot be added");
  }
  return {};
}

struct Blank {
  Owned<X509> certificate;
  Owned<EVP_PKEY> key;
};

Result<Blank> make_blank(int64_t now_unix, int64_t validity_s) {
  if (validity_s <= 0) return Status::invalid("a certificate's validity must be above 0");
  ERR_clear_error();
  Blank blank{Owned<X509>(X509_new()), Owned<EVP_PKEY>(EVP_EC_gen("P-256"))};
  if (blank.certificate == nullptr || blank.key == nullptr) return openssl_error("a key cannot be made");
  X509* const certificate = blank.certificate.get();
  if (X509_set_version(certificate, kVersion3) != 1 || X509_set_pubkey(certificate, blank.key.get()) != 1) {
    return openssl_error("a certificate cannot be made");
  }
  FERRO_RETURN_IF_ERROR(set_serial(certificate));
  FERRO_RETURN_IF_ERROR(set_times(certificate, now_unix, validity_s));
  return blank;
}

Result<Identity> sign(const Blank& blank, X509* issuer, EVP_PKEY* issuer_key) {
  X509* const certificate = blank.certificate.get();
  if (X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) != 1 ||
      X509_sign(certificate, issuer_key, EVP_sha256()) <= 0) {
    return openssl_error("a certificate cannot be signed");
  }
  FERRO_ASSIGN_OR_RETURN(std::string pem, to_pem(certificate));
  FERRO_ASSIGN_OR_RETURN(Secret key, to_pem(blank.key.get()));
  return Identity{std::move(pem), std::move(key)};
}

std::vector<std::string> dns_names_of(const X509* certificate) {
  std::vector<std::string> found;
  const Owned<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS) continue;
    const unsigned char* const bytes = ASN1_STRING_get0_data(name->d.dNSName);
    const int size = ASN1_STRING_length(name->d.dNSName);
    if (bytes == nullptr || size <= 0) continue;
    found.emplace_back(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  }
  std::sort(found.begin(), found.end());
  return found;
}

CertificateInfo info_of(X509* certificate) {
  const crypto::CertificateFacts facts = crypto::facts_of(*certificate);
  CertificateInfo info;
  info.fingerprint = facts.fingerprint_sha256;
  info.not_before_unix = facts.not_before_unix;
  info.not_after_unix = facts.not_after_unix;
  info.is_authority = X509_check_ca(certificate) > 0;
  info.dns_names = dns_names_of(certificate);
  ERR_clear_error();
  return info;
}

bool signed_by(X509* leaf, X509* authority) {
  const bool issued =
      X509_check_issued(authority, leaf) == X509_V_OK && X509_verify(leaf, X509_get0_pubkey(authority)) == 1;
  ERR_clear_error();
  return issued;
}

}  // namespace

Result<Identity> make_authority(const AuthorityRequest& request, int64_t now_unix) {
  FERRO_ASSIGN_OR_RETURN(const Blank blank, make_blank(now_unix, request.validity_s));
  X509* const certificate = blank.certificate.get();
  FERRO_RETURN_IF_ERROR(add_name(certificate, "O", request.ns));
  FERRO_RETURN_IF_ERROR(add_name(certificate, "OU", request.cluster));
  FERRO_RETURN_IF_ERROR(
      add_name(certificate, "CN", "FerroCache authority " + std::to_string(request.generation)));
  FERRO_RETURN_IF_ERROR(
      add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  FERRO_RETURN_IF_ERROR(
      add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign"));
  FERRO_RETURN_IF_ERROR(add_extension(certificate, certificate, NID_subject_key_identifier, "hash"));
  return sign(blank, certificate, blank.key.get());
}

Result<Identity> make_leaf(const LeafRequest& request, const Identity& authority, int64_t now_unix) {
  FERRO_RETURN_IF_ERROR(check_pair(authority.certificate, authority.key).with_context("the authority"));
  FERRO_ASSIGN_OR_RETURN(const auto issuers, read_certificates(authority.certificate));
  FERRO_ASSIGN_OR_RETURN(const auto issuer_key, read_key(authority.key.reveal()));
  X509* const issuer = issuers.front().get();

  FERRO_ASSIGN_OR_RETURN(const Blank blank, make_blank(now_unix, request.validity_s));
  X509* const certificate = blank.certificate.get();
  FERRO_RETURN_IF_ERROR(add_name(certificate, "CN", request.common_name));
  FERRO_RETURN_IF_ERROR(add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE"));
  FERRO_RETURN_IF_ERROR(add_extension(certificate, issuer, NID_key_usage, "critical,digitalSignature"));
  FERRO_RETURN_IF_ERROR(add_extension(certificate, issuer, NID_ext_key_usage, "serverAuth,clientAuth"));
  FERRO_RETURN_IF_ERROR(add_extension(certificate, issuer, NID_subject_key_identifier, "hash"));
  FERRO_RETURN_IF_ERROR(add_extension(certificate, issuer, NID_authority_key_identifier, "keyid"));
  FERRO_RETURN_IF_ERROR(add_dns_names(certificate, request.dns_names));
  return sign(blank, issuer, issuer_key.get());
}

Result<CertificateInfo> inspect(std::string_view certificate_pem) {
  FERRO_ASSIGN_OR_RETURN(const auto certificates, read_certificates(certificate_pem));
  return info_of(certificates.front().get());
}

Result<std::vector<CertificateInfo>> inspect_all(std::string_view pem) {
  FERRO_ASSIGN_OR_RETURN(const auto certificates, read_certificates(pem));
  std::vector<CertificateInfo> infos;
  infos.reserve(certificates.size());
  for (const Owned<X509>& certificate : certificates) infos.push_back(info_of(certificate.get()));
  return infos;
}

Status check_pair(std::string_view certificate_pem, const Secret& key) {
  FERRO_ASSIGN_OR_RETURN(const auto certificates, read_certificates(certificate_pem));
  FERRO_ASSIGN_OR_RETURN(const auto parsed, read_key(key.reveal()));
  const bool belongs = X509_check_private_key(certificates.front().get(), parsed.get()) == 1;
  ERR_clear_error();
  return belongs ? Status() : Status::invalid("the private key does not belong to the certificate");
}

bool is_signed_by(std::string_view leaf_pem, std::string_view authority_pem) {
  const auto leaf = read_certificates(leaf_pem);
  const auto authority = read_certificates(authority_pem);
  return leaf.ok() && authority.ok() && signed_by(leaf->front().get(), authority->front().get());
}

std::string signer_among(std::string_view leaf_pem, std::string_view authorities_pem) {
  const auto leaf = read_certificates(leaf_pem);
  const auto authorities = read_certificates(authorities_pem);
  if (!leaf.ok() || !authorities.ok()) return {};
  for (const Owned<X509>& authority : *authorities) {
    if (signed_by(leaf->front().get(), authority.get()))
      return crypto::facts_of(*authority).fingerprint_sha256;
  }
  return {};
}

}  // namespace ferro::oper::pki
