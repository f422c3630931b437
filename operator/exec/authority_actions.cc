#include "operator/api/names.h"
#include "operator/exec/key_actions.h"
#include "operator/pki/authorities.h"
#include "operator/pki/leaves.h"

namespace ferro::oper::exec {
namespace {

using Live = std::optional<k8s::Json>;

// A Secret with the authorities in it, or what kept it from being read.
struct Held {
  Live secret;
  pki::Authorities authorities;
};

std::variant<Held, Outcome> read_authorities(SecretEditor& secrets, const std::string& name) {
  auto read = secrets.read(name);
  if (auto* const failed = std::get_if<Outcome>(&read)) return *failed;
  Held held{std::get<Live>(std::move(read)), {}};
  if (!held.secret) return Outcome::failed(Status::not_found("Secret " + name + " is gone"));
  auto authorities = pki::read_authorities(*held.secret);
  if (!authorities.ok()) return Outcome::failed(authorities.status().with_context("Secret " + name));
  held.authorities = std::move(authorities).value();
  return held;
}

// Makes the bundle hold these anchors; with `keep` besides those that it has.
Outcome publish(SecretEditor& secrets, const std::string& name, const std::string& anchors, bool keep) {
  auto read = secrets.read(name);
  if (auto* const failed = std::get_if<Outcome>(&read)) return *failed;
  const Live& before = std::get<Live>(read);
  std::string bundle = anchors;
  if (keep && before) {
    const auto published = pki::data_of(*before, pki::kBundleKey);
    if (published.ok()) bundle = pki::join_bundles({anchors, published->reveal()});
  }
  return secrets.write(name, before, {{{std::string(pki::kBundleKey), Secret(bundle)}}, {}});
}

Outcome both(const Outcome& first, Outcome second) {
  second.changed = second.changed || first.changed;
  return second;
}

}  // namespace

Outcome KeyActions::perform(const plan::CreateAuthority& action) {
  const std::string name = api::ca_secret(cluster_.name), trust = api::trust_secret(cluster_.name);
  auto read = secrets_.read(name);
  if (auto* const failed = std::get_if<Outcome>(&read)) return *failed;
  if (std::get<Live>(read)) return Outcome::nothing();
  auto bundle = secrets_.read(trust);
  if (auto* const failed = std::get_if<Outcome>(&bundle)) return *failed;
  std::string trusted;
  if (const Live& before = std::get<Live>(bundle)) {
    if (const auto published = pki::data_of(*before, pki::kBundleKey); published.ok())
      trusted = pki::join_bundles({published->reveal()});
  }
  if (trusted.empty()) trusted = known_anchors_;
  const pki::AuthorityTerms terms{cluster_.ns, cluster_.name, cluster_.spec.tls.ca_validity_s,
                                  action.replaced_generation};
  const auto made = pki::first_authority(terms, action.generation, trusted, now_unix_);
  if (!made.ok()) return Outcome::failed(made.status());
  Outcome written = secrets_.write(name, std::nullopt, pki::content_of(*made));
  if (!written.ok()) return written;
  return both(written, publish(secrets_, trust, pki::bundle_of(*made), true));
}

Outcome KeyActions::perform(const plan::PublishNextAuthority& action) {
  const std::string name = api::ca_secret(cluster_.name);
  auto read = read_authorities(secrets_, name);
  if (auto* const failed = std::get_if<Outcome>(&read)) return *failed;
  const Held& held = std::get<Held>(read);
  if (held.authorities.next || held.authorities.generation + 1 != action.generation)
    return Outcome::nothing();
  const pki::AuthorityTerms terms{cluster_.ns, cluster_.name, cluster_.spec.tls.ca_validity_s,
                                  action.replaced_generation};
  const auto made = pki::with_next(held.authorities, terms, now_unix_);
  if (!made.ok()) return Outcome::failed(made.status());
  // The key first: an anchor that is trusted while its key was lost would be of no use.
  Outcome written = secrets_.write(name, held.secret, pki::content_of(*made));
  if (!written.ok()) return written;
  return both(written, publish(secrets_, api::trust_secret(cluster_.name), pki::bundle_of(*made), true));
}

Outcome KeyActions::perform(const plan::PromoteAuthority& action) {
  const std::string name = api::ca_secret(cluster_.name);
  auto read = read_authorities(secrets_, name);
  if (auto* const failed = std::get_if<Outcome>(&read)) return *failed;
  const Held& held = std::get<Held>(read);
  if (!held.authorities.next || held.authorities.generation + 1 != action.generation)
    return Outcome::nothing();
  const auto made = pki::promoted(held.authorities);
  if (!made.ok()) return Outcome::failed(made.status());
  return secrets_.write(name, held.secret, pki::content_of(*made));
}

Outcome KeyActions::perform(const plan::DropPreviousAuthority& action) {
  const std::string name = api::ca_secret(cluster_.name);
  auto read = read_authorities(secrets_, name);
  if (auto* const failed = std::get_if<Outcome>(&read)) return *failed;
  const Held& held = std::get<Held>(read);
  if (held.authorities.generation != action.generation) return Outcome::nothing();
  const pki::Authorities made = pki::without_previous(held.authorities);
  Outcome written = secrets_.write(name, held.secret, pki::content_of(made));
  if (!written.ok()) return written;
  return both(written, publish(secrets_, api::trust_secret(cluster_.name), pki::bundle_of(made), false));
}

Outcome KeyActions::perform(const plan::RepublishTrust& /*action*/) {
  auto read = read_authorities(secrets_, api::ca_secret(cluster_.name));
  if (auto* const failed = std::get_if<Outcome>(&read)) return *failed;
  return publish(secrets_, api::trust_secret(cluster_.name), pki::bundle_of(std::get<Held>(read).authorities),
                 true);
}

Outcome KeyActions::perform(const plan::IssueLeaves& action) {
  auto authority = read_authorities(secrets_, api::ca_secret(cluster_.name));
  if (auto* const failed = std::get_if<Outcome>(&authority)) return *failed;
  const pki::Identity& issuer = *std::get<Held>(authority).authorities.current;
  const auto facts = pki::inspect(issuer.certificate);
  if (!facts.ok()) return Outcome::failed(facts.status());
  if (facts->fingerprint != action.issuer_fingerprint) return Outcome::nothing();

  const std::string name = api::tls_secret(cluster_.name);
  auto read = secrets_.read(name);
  if (auto* const failed = std::get_if<Outcome>(&read)) return *failed;
  const Live& before = std::get<Live>(read);
  const pki::Leaves held = before ? pki::read_leaves(*before, cluster_.name) : pki::Leaves();
  auto made = pki::with_leaves(held, action.ordinals, action.keep_below, issuer, cluster_.name, cluster_.ns,
                               cluster_.spec.tls.cert_validity_s, now_unix_);
  if (!made.ok()) return Outcome::failed(made.status());
  made->requested = action.rotated_generation;
  return secrets_.write(name, before, pki::content_of(*made, cluster_.name));
}

}  // namespace ferro::oper::exec
