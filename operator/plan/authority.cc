// The authority: made once, replaced in three phases. docs/operator/operations.md, "Replacing the authority".
#include <algorithm>
#include <set>

#include "operator/plan/confirm.h"
#include "operator/plan/operations.h"
#include "operator/plan/sub_planners.h"

namespace ferro::oper::plan {
namespace {

bool lists(const std::vector<std::string>& fingerprints, const std::string& fingerprint) {
  return std::find(fingerprints.begin(), fingerprints.end(), fingerprint) != fingerprints.end();
}

// Near the end of its life whoever does not answer is cut off anyway when it ends.
int64_t forced_replacement_unix(const Facts& facts, const Authority& authority) {
  const int64_t due =
      renewal_unix(authority.not_before_unix, authority.not_after_unix, facts.spec.tls.ca_renew_before_s);
  return authority.not_after_unix - (authority.not_after_unix - due) / 4;
}

bool is_bundle_short(const PkiView& pki) {
  for (const auto* authority : {&pki.current, &pki.next, &pki.previous}) {
    if (*authority && !lists(pki.published, (*authority)->fingerprint)) return true;
  }
  return false;
}

// Anchors of authorities that NAME-ca does not know: left by a step that was cut short.
bool has_stray_anchors(const PkiView& pki) {
  return std::any_of(pki.published.begin(), pki.published.end(), [&](const std::string& anchor) {
    return anchor != pki.current->fingerprint && !(pki.next && anchor == pki.next->fingerprint);
  });
}

void promote(const Facts& facts, Draft& draft) {
  const PkiView& pki = facts.world.pki;
  const Authority& next = *pki.next;
  draft.look_soon();
  Question question{Rule::trust_not_loaded, "trust the next authority", made_unix(next), true,
                    forced_replacement_unix(facts, *pki.current)};
  question.is_loaded = [&](const PodView&, const NodeReport& report) {
    return lists(report.trusted_fingerprints, next.fingerprint);
  };
  auto members = ask_all(facts, question);
  auto clients = hold_of_clients(facts, next);
  if (facts.now >= *question.forced_from) clients.reset();
  const bool waits = members || clients;
  if (members) draft.hold(kReplaceCa, std::move(*members));
  if (clients) draft.hold(kReplaceCa, std::move(*clients));
  if (waits) return;
  draft.act(PromoteAuthority{next.generation});
  draft.event(false, "AuthorityPromoted",
              "every member trusts authority " + std::to_string(next.generation) +
                  ": it issues certificates from now on");
}

// Certificates of the former authority may still be served: by whom is asked before it is forgotten.
void drop_previous(const Facts& facts, Draft& draft) {
  const PkiView& pki = facts.world.pki;
  draft.look_soon();
  int64_t issued = 0;
  // Of pods that run, and of those that nobody sees yet and that start with what the Secret holds.
  std::set<int64_t> ordinals;
  for (int64_t ordinal = 0; ordinal < facts.ordinals; ++ordinal) ordinals.insert(ordinal);
  for (const PodView& pod : facts.world.pods) {
    if (pod.tls) ordinals.insert(pod.ordinal);
  }
  for (const int64_t ordinal : ordinals) {
    const auto leaf = pki.leaves.find(ordinal);
    // plan_leaves issues it, or says what it waits for.
    if (leaf == pki.leaves.end() || leaf->second.issuer_fingerprint != pki.current->fingerprint) return;
    issued = std::max(issued, leaf->second.not_before_unix);
  }
  Question question{Rule::leaf_not_served, "serve its new certificate", issued, true, std::nullopt};
  if (pki.previous) question.forced_from = pki.previous->not_after_unix;
  question.is_loaded = [&](const PodView& pod, const NodeReport& report) {
    const std::string& fingerprint = pki.leaves.at(pod.ordinal).fingerprint;
    return report.certificate_fingerprint == fingerprint &&
           lists(report.trusted_fingerprints, pki.current->fingerprint) &&
           (report.client_certificate_fingerprint.empty() ||
            report.client_certificate_fingerprint == fingerprint);
  };
  if (auto hold = ask_all(facts, question)) return draft.hold(kReplaceCa, std::move(*hold));
  draft.act(DropPreviousAuthority{pki.current->generation});
  draft.event(false, "AuthorityReplaced",
              "every member serves a certificate of authority " + std::to_string(pki.current->generation) +
                  ": the former one is dropped");
}

void publish_next(const Facts& facts, Draft& draft, const std::string& reason) {
  const int64_t generation = facts.world.pki.current->generation + 1;
  draft.act(PublishNextAuthority{generation, facts.spec.tls.replace_ca_generation});
  draft.event(false, "AuthorityPublished",
              "authority " + std::to_string(generation) + " is made known to the members: " + reason);
}

}  // namespace

int64_t renewal_unix(int64_t not_before_unix, int64_t not_after_unix, int64_t renew_before_s) {
  // One that was made under shorter terms would otherwise be due from its first day.
  return not_after_unix - std::min(renew_before_s, (not_after_unix - not_before_unix) / 2);
}

void plan_authority(const Facts& facts, Draft& draft) {
  const auto& tls = facts.spec.tls;
  const PkiView& pki = facts.world.pki;
  if (!tls.enabled) return;
  if (!pki.damaged.empty()) {
    return draft.hold(kReplaceCa,
                      {Rule::authority_damaged, "",
                       pki.damaged + "; put it right, or delete the Secret to have a new authority made"});
  }
  if (!pki.current) {
    const int64_t generation = facts.remembered.ca_generation + 1;
    draft.act(CreateAuthority{generation, tls.replace_ca_generation});
    if (generation > 1)
      draft.event(true, "AuthorityLost", "the Secret with the authority is gone: a new one is made");
    return;
  }
  if (is_bundle_short(pki)) return draft.act(RepublishTrust{});
  if (pki.next) return promote(facts, draft);
  if (pki.previous || has_stray_anchors(pki)) return drop_previous(facts, draft);
  const int64_t due =
      renewal_unix(pki.current->not_before_unix, pki.current->not_after_unix, tls.ca_renew_before_s);
  if (tls.replace_ca_generation > pki.replaced_generation)
    return publish_next(facts, draft, "spec.tls.replaceCAGeneration was raised");
  if (facts.now >= due) return publish_next(facts, draft, "the present one ends soon");
  draft.look_at(due);
}

}  // namespace ferro::oper::plan
