#include "operator/pki/view.h"

#include <algorithm>

#include "operator/api/names.h"
#include "operator/pki/authorities.h"
#include "operator/pki/leaves.h"
#include "operator/pki/tokens.h"

namespace ferro::oper::pki {
namespace {

std::optional<plan::Authority> view_authority(std::string_view certificate, int64_t generation) {
  const auto info = inspect(certificate);
  if (!info.ok()) return std::nullopt;
  return plan::Authority{generation, info->fingerprint, info->not_before_unix, info->not_after_unix};
}

// Of several the one that ends last: until then something may hang on one of them.
std::optional<plan::Authority> view_previous(const Authorities& held) {
  if (held.previous.empty()) return std::nullopt;
  const auto anchors = inspect_all(held.previous);
  if (!anchors.ok()) return std::nullopt;
  const CertificateInfo& last = *std::max_element(
      anchors->begin(), anchors->end(),
      [](const CertificateInfo& a, const CertificateInfo& b) { return a.not_after_unix < b.not_after_unix; });
  return plan::Authority{held.generation - 1, last.fingerprint, last.not_before_unix, last.not_after_unix};
}

void view_anchors(const Json& ca, plan::PkiView& view, Authorities& held) {
  auto read = read_authorities(ca);
  if (!read.ok()) {
    view.damaged = read.status().message();
    return;
  }
  held = std::move(read).value();
  view.replaced_generation = held.requested;
  view.current = view_authority(held.current->certificate, held.generation);
  if (held.next) view.next = view_authority(held.next->certificate, held.generation + 1);
  view.previous = view_previous(held);
}

// Empty for a stranger's.
std::string issuer_of(std::string_view leaf, const Authorities& held, const plan::PkiView& view) {
  if (view.current && is_signed_by(leaf, held.current->certificate)) return view.current->fingerprint;
  if (view.next && is_signed_by(leaf, held.next->certificate)) return view.next->fingerprint;
  return held.previous.empty() ? std::string() : signer_among(leaf, held.previous);
}

}  // namespace

plan::PkiView view_authorities(std::string_view cluster, std::string_view ns, const Json* ca,
                               const Json* trust, const Json* tls) {
  plan::PkiView view;
  Authorities held;
  if (ca != nullptr) view_anchors(*ca, view, held);
  if (!view.damaged.empty()) view.damaged = api::ca_secret(cluster) + ": " + view.damaged;
  if (trust != nullptr) {
    const auto bundle = data_of(*trust, kBundleKey);
    const auto anchors = bundle.ok() ? inspect_all(bundle->reveal()) : bundle.status();
    if (anchors.ok()) {
      for (const CertificateInfo& anchor : *anchors) view.published.push_back(anchor.fingerprint);
    }
  }
  if (tls == nullptr) return view;
  const Leaves leaves = read_leaves(*tls, cluster);
  view.rotated_generation = leaves.requested;
  for (const auto& [ordinal, identity] : leaves.by_ordinal) {
    const auto info = inspect(identity.certificate);
    if (!info.ok()) continue;
    view.leaves[ordinal] = {info->fingerprint, issuer_of(identity.certificate, held, view),
                            info->not_before_unix, info->not_after_unix,
                            info->dns_names == leaf_names(cluster, ns, ordinal)};
  }
  return view;
}

plan::TokenView view_tokens(const Json* secret, bool external) {
  plan::TokenView view;
  view.external = external;
  if (secret == nullptr) return view;
  view.exists = true;
  const auto read = external ? read_foreign_tokens(*secret) : read_tokens(*secret);
  if (!read.ok()) {
    view.damaged = read.status().message();
    return view;
  }
  const Tokens& tokens = *read;
  view.current_generation = tokens.current_generation();
  view.newest_generation = tokens.newest_generation();
  view.previous_generation = tokens.previous_generation();
  view.minted_unix = tokens.minted_unix;
  view.switched_unix = tokens.switched_unix;
  view.rotated_generation = tokens.requested;
  return view;
}

}  // namespace ferro::oper::pki
