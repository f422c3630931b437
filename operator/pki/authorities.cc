#include "operator/pki/authorities.h"

#include <algorithm>
#include <set>

#include "common/crypto/certificate.h"
#include "operator/api/names.h"
#include "operator/pki/openssl.h"

namespace ferro::oper::pki {
namespace {

constexpr std::string_view kCurrentCertificate = "tls.crt", kCurrentKey = "tls.key";
constexpr std::string_view kNextCertificate = "next.crt", kNextKey = "next.key";
constexpr std::string_view kPrevious = "previous.crt";

// Nothing if neither key is there; an error if only one is, or they do not belong together.
Result<std::optional<Identity>> read_identity(const Json& secret, std::string_view certificate_key,
                                              std::string_view key_key) {
  auto certificate = data_of(secret, certificate_key);
  auto key = data_of(secret, key_key);
  if (certificate.status().code() == StatusCode::not_found && key.status().code() == StatusCode::not_found) {
    return std::optional<Identity>();
  }
  if (!certificate.ok()) return certificate.status();
  if (!key.ok()) return key.status();
  Identity identity{std::string(certificate->reveal()), std::move(key).value()};
  const Status pair = check_pair(identity.certificate, identity.key);
  if (!pair.ok()) return pair.with_context(std::string(certificate_key) + " and " + std::string(key_key));
  const auto info = inspect(identity.certificate);
  if (!info.ok()) return info.status().with_context(certificate_key);
  if (!info->is_authority)
    return Status::invalid(std::string(certificate_key) + " is no authority's certificate");
  return std::optional<Identity>(std::move(identity));
}

Result<Identity> make(const AuthorityTerms& terms, int64_t generation, int64_t now_unix) {
  return make_authority({terms.ns, terms.cluster, generation, terms.validity_s}, now_unix);
}

}  // namespace

Result<Authorities> read_authorities(const Json& secret) {
  Authorities held;
  FERRO_ASSIGN_OR_RETURN(held.current, read_identity(secret, kCurrentCertificate, kCurrentKey));
  FERRO_ASSIGN_OR_RETURN(held.next, read_identity(secret, kNextCertificate, kNextKey));
  if (!held.current) return Status::invalid("holds no authority (keys tls.crt and tls.key)");
  auto previous = data_of(secret, kPrevious);
  if (previous.ok()) {
    held.previous = previous->reveal();
    const auto parsed = read_certificates(held.previous);
    if (!parsed.ok()) return parsed.status().with_context(kPrevious);
  } else if (previous.status().code() != StatusCode::not_found) {
    return previous.status();
  }
  held.generation = std::max<int64_t>(annotation_number(secret, api::kGeneration), 1);
  held.requested = annotation_number(secret, api::kRequestedGeneration);
  return held;
}

SecretContent content_of(const Authorities& authorities) {
  SecretContent content;
  const auto add = [&content](const std::optional<Identity>& identity, std::string_view certificate_key,
                              std::string_view key_key) {
    if (!identity) return;
    content.data.emplace(certificate_key, Secret(identity->certificate));
    content.data.emplace(key_key, identity->key);
  };
  add(authorities.current, kCurrentCertificate, kCurrentKey);
  add(authorities.next, kNextCertificate, kNextKey);
  if (!authorities.previous.empty()) content.data.emplace(kPrevious, Secret(authorities.previous));
  content.annotations.emplace(api::kGeneration, std::to_string(authorities.generation));
  content.annotations.emplace(api::kRequestedGeneration, std::to_string(authorities.requested));
  return content;
}

Result<Authorities> first_authority(const AuthorityTerms& terms, int64_t generation,
                                    std::string_view trusted_before, int64_t now_unix) {
  Authorities made;
  FERRO_ASSIGN_OR_RETURN(made.current, make(terms, generation, now_unix));
  made.previous = join_bundles({trusted_before});
  made.generation = generation;
  made.requested = terms.requested;
  return made;
}

Result<Authorities> with_next(const Authorities& held, const AuthorityTerms& terms, int64_t now_unix) {
  if (!held.current) return Status(StatusCode::failed_precondition, "there is no authority to replace");
  if (held.next) return Status(StatusCode::failed_precondition, "the next authority is published already");
  Authorities made = held;
  FERRO_ASSIGN_OR_RETURN(made.next, make(terms, held.generation + 1, now_unix));
  made.requested = terms.requested;
  return made;
}

Result<Authorities> promoted(const Authorities& held) {
  if (!held.current || !held.next) {
    return Status(StatusCode::failed_precondition, "there is no next authority to promote");
  }
  Authorities made = held;
  made.previous = join_bundles({held.current->certificate, held.previous});
  made.current = held.next;
  made.next.reset();
  made.generation = held.generation + 1;
  return made;
}

Authorities without_previous(const Authorities& held) {
  Authorities made = held;
  made.previous.clear();
  return made;
}

std::string bundle_of(const Authorities& authorities) {
  std::vector<std::string_view> texts;
  if (authorities.current) texts.push_back(authorities.current->certificate);
  if (authorities.next) texts.push_back(authorities.next->certificate);
  texts.push_back(authorities.previous);
  return join_bundles(texts);
}

std::string join_bundles(const std::vector<std::string_view>& texts) {
  std::string bundle;
  std::set<std::string> seen;
  for (const std::string_view text : texts) {
    const auto certificates = read_certificates(text);
    if (!certificates.ok()) continue;
    for (const Owned<X509>& certificate : *certificates) {
      if (!seen.insert(crypto::facts_of(*certificate).fingerprint_sha256).second) continue;
      if (const auto pem = to_pem(certificate.get()); pem.ok()) bundle += *pem;
    }
  }
  return bundle;
}

}  // namespace ferro::oper::pki
