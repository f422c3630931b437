// The members' certificates: for every ordinal that runs, is to run or may wake.
#include <algorithm>

#include "operator/plan/confirm.h"
#include "operator/plan/limits.h"
#include "operator/plan/operations.h"
#include "operator/plan/sub_planners.h"

namespace ferro::oper::plan {
namespace {

// A certificate that ends this much later than one made now would: its validity was shortened.
constexpr int64_t kTooLongS = 3600;

bool is_of_current(const PkiView& pki, const Leaf& leaf) {
  return leaf.issuer_fingerprint == pki.current->fingerprint;
}

int64_t due_unix(const Facts& facts, const Leaf& leaf) {
  return renewal_unix(leaf.not_before_unix, leaf.not_after_unix, facts.spec.tls.cert_renew_before_s);
}

bool is_due(const Facts& facts, const Leaf& leaf) {
  const auto& tls = facts.spec.tls;
  return !leaf.names_match || tls.rotate_generation > facts.world.pki.rotated_generation ||
         !is_of_current(facts.world.pki, leaf) || facts.now >= due_unix(facts, leaf) ||
         leaf.not_after_unix > facts.now + tls.cert_validity_s + kTooLongS;
}

// A member that is about to be cut off by its own certificate's end loses nothing by the change.
bool is_urgent(const Facts& facts, const Leaf& leaf) {
  const int64_t due = due_unix(facts, leaf);
  return facts.now >= leaf.not_after_unix - (leaf.not_after_unix - due) / 4;
}

// Another authority's certificates are shown only to members that trust it. The promotion has asked the same;
// what is left is an authority that was made anew because the former one was lost.
std::optional<Hold> hold_of_trust(const Facts& facts) {
  const PkiView& pki = facts.world.pki;
  Question question{Rule::trust_not_loaded, "trust the authority that issues certificates",
                    made_unix(*pki.current), true, made_unix(*pki.current) + kSilentPatienceS};
  question.is_loaded = [&](const PodView&, const NodeReport& report) {
    const auto& trusted = report.trusted_fingerprints;
    return std::find(trusted.begin(), trusted.end(), pki.current->fingerprint) != trusted.end();
  };
  return ask_all(facts, question);
}

bool is_published(const PkiView& pki, const std::string& anchor) {
  return std::find(pki.published.begin(), pki.published.end(), anchor) != pki.published.end();
}

// The certificate that a member shows loses nothing by being replaced at once: whoever loads the bundle stops
// trusting it. Without NAME-ca and NAME-trust both, waiting would only keep members apart for longer.
bool is_cut_off(const PkiView& pki, const Leaf* leaf) {
  if (leaf != nullptr) return !is_published(pki, leaf->issuer_fingerprint);
  return std::all_of(pki.published.begin(), pki.published.end(),
                     [&](const std::string& anchor) { return anchor == pki.current->fingerprint; });
}

// That a node has loaded what its kubelet brought is told by nobody but the node.
bool is_being_loaded(const Facts& facts) {
  const PkiView& pki = facts.world.pki;
  return std::any_of(facts.members.begin(), facts.members.end(), [&](const Member& member) {
    const auto leaf = pki.leaves.find(member.ordinal);
    const NodeReport* report = member.report();
    return report != nullptr && member.pod->tls && leaf != pki.leaves.end() &&
           report->certificate_fingerprint != leaf->second.fingerprint &&
           facts.now < leaf->second.not_before_unix + kSilentPatienceS;
  });
}

}  // namespace

void plan_leaves(const Facts& facts, Draft& draft) {
  const PkiView& pki = facts.world.pki;
  if (!facts.spec.tls.enabled || !pki.current || !is_published(pki, pki.current->fingerprint)) return;
  // What is issued now would be issued anew right after a promotion.
  if (std::any_of(draft.actions().begin(), draft.actions().end(),
                  [](const Action& action) { return std::holds_alternative<PromoteAuthority>(action); }))
    return;
  IssueLeaves issue;
  bool changes_issuer = false;
  bool urgent = false;
  for (int64_t ordinal = 0; ordinal < facts.ordinals; ++ordinal) {
    const auto found = pki.leaves.find(ordinal);
    if (found != pki.leaves.end() && !is_due(facts, found->second)) {
      draft.look_at(due_unix(facts, found->second));
      continue;
    }
    issue.ordinals.push_back(ordinal);
    const bool has_pod = std::any_of(facts.world.pods.begin(), facts.world.pods.end(),
                                     [&](const PodView& pod) { return pod.ordinal == ordinal && pod.tls; });
    const Leaf* leaf = found != pki.leaves.end() ? &found->second : nullptr;
    if (has_pod && (leaf == nullptr || !is_of_current(pki, *leaf)) && !is_cut_off(pki, leaf))
      changes_issuer = true;
    if (leaf != nullptr && is_urgent(facts, *leaf)) urgent = true;
  }
  if (is_being_loaded(facts)) draft.look_soon();
  if (issue.ordinals.empty()) return;
  if (changes_issuer && !urgent) {
    auto members = hold_of_trust(facts);
    auto clients = hold_of_clients(facts, *pki.current);
    const bool waits = members || clients;
    if (members) draft.hold(kRenewCertificates, std::move(*members));
    if (clients) draft.hold(kRenewCertificates, std::move(*clients));
    if (waits) return;
  }
  issue.rotated_generation = std::max(facts.spec.tls.rotate_generation, pki.rotated_generation);
  issue.keep_below = facts.ordinals;
  issue.issuer_fingerprint = pki.current->fingerprint;
  draft.event(false, "CertificatesIssued",
              "certificates for " + std::to_string(issue.ordinals.size()) + " members, by authority " +
                  std::to_string(pki.current->generation));
  draft.act(std::move(issue));
}

}  // namespace ferro::oper::plan
