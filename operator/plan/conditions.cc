#include "operator/plan/conditions.h"

#include <algorithm>
#include <utility>

#include "operator/plan/gate.h"
#include "operator/plan/operations.h"
#include "operator/plan/sub_planners.h"

namespace ferro::oper::plan {
namespace {

using api::Condition;

Condition condition(std::string type, std::string status, std::string reason, std::string message = {}) {
  Condition made;
  made.type = std::move(type);
  made.status = std::move(status);
  made.reason = std::move(reason);
  made.message = std::move(message);
  return made;
}

std::string of(int64_t part, int64_t whole, std::string_view what) {
  return std::to_string(part) + " of " + std::to_string(whole) + " " + std::string(what);
}

// Members that the ring has; those that run it if nobody tells.
int64_t ring_size(const Facts& facts) {
  int64_t size = 0;
  for (const Member& member : facts.members) {
    if (const NodeReport* report = member.report(); report != nullptr && is_ready(*member.pod))
      size = std::max(size, report->ring_members);
  }
  return size > 0 ? size : facts.held;
}

// With fewer members away than there are copies every partition has an owner that serves.
Condition available(const Facts& facts) {
  if (!facts.world.statefulset || facts.held == 0) {
    if (facts.spec.hibernated)
      return condition("Available", "False", "Hibernated", "no pods run; volumes are kept");
    return condition("Available", "False", "NoPods", "no pods run yet");
  }
  const int64_t ready = facts.count_ready();
  const int64_t size = std::max(ring_size(facts), ready);
  const std::string count = of(ready, facts.held, "members are ready");
  if (ready == 0) return condition("Available", "False", "NoMemberReady", count);
  const int64_t away = std::max<int64_t>(size - ready, 0);
  if (away == 0) return condition("Available", "True", "AllPartitionsServed");
  if (away < facts.copies)
    return condition("Available", "True", "AllPartitionsServed",
                     "every partition has an owner that is ready");
  return condition("Available", "False", "TooManyMembersAway",
                   count + " and the ring keeps " + std::to_string(facts.copies) +
                       " copies: some partitions may have no owner, requests for them fail");
}

// The reason that a person can do something about comes first.
const api::Blocker* first_blocker(const Draft& draft) {
  const auto& blockers = draft.blockers();
  for (const api::Blocker& blocker : blockers) {
    if (blocker.rule != name_of(Rule::other_action_first)) return &blocker;
  }
  return blockers.empty() ? nullptr : &blockers.front();
}

Condition progressing(const Facts& facts, const Draft& draft) {
  if (!facts.world.invalid.empty())
    return condition("Progressing", "False", "InvalidSpec", facts.world.invalid);
  if (!facts.world.foreign.empty())
    return condition("Progressing", "False", "ForeignObject",
                     draft.blockers().empty() ? "" : draft.blockers().front().message);
  if (facts.spec.paused) return condition("Progressing", "False", "Paused", "spec.paused is true");
  const api::Blocker* blocker = first_blocker(draft);
  const std::string waits = blocker != nullptr ? "; waits: " + blocker->message : "";
  for (const UnderWay& operation : draft.operations()) {
    if (operation.stalled)
      return condition("Progressing", "False", blocker != nullptr ? blocker->rule : "Stalled",
                       operation.message + waits);
  }
  if (!draft.operations().empty()) {
    const UnderWay& operation = draft.operations().front();
    return condition("Progressing", "True", operation.reason, operation.message + waits);
  }
  if (facts.spec.hibernated) return condition("Progressing", "False", "Hibernated");
  return condition("Progressing", "False", "UpToDate");
}

// A roll that has stopped: what is under way does not explain its pod any more.
const api::Blocker* stopped_roll(const Draft& draft) {
  for (const api::Blocker& blocker : draft.blockers()) {
    if (blocker.rule == name_of(Rule::new_pod_not_ready)) return &blocker;
  }
  return nullptr;
}

// The first thing that is not as it should be and that nothing under way explains.
Condition degraded(const Facts& facts, const Draft& draft) {
  if (facts.held == 0) return condition("Degraded", "False", "AsExpected");
  if (const api::Blocker* stopped = stopped_roll(draft))
    return condition("Degraded", "True", stopped->rule, stopped->message);
  const bool moves = !draft.operations().empty();
  for (const Member& member : facts.members) {
    if (moves && is_passing(facts, member)) continue;
    if (member.pod == nullptr)
      return condition("Degraded", "True", "MemberMissing", member.name + " has no pod");
    if (is_draining(member.report()) && draft.drain_wanted() == member.ordinal) continue;
    if (!is_ready(*member.pod))
      return condition("Degraded", "True", "MemberNotReady", member.name + " " + describe(*member.pod));
    if (!member.pod->report)
      return condition(
          "Degraded", "True", "MemberUnreachable",
          member.name + " is ready for its kubelet but " + describe(*member.pod) + " to the operator");
  }
  for (const Member& member : facts.members) {
    const NodeReport* report = member.report();
    if (report == nullptr || moves) continue;
    if (report->partitions_under_replicated > 0)
      return condition("Degraded", "True", "PartitionsUnderReplicated",
                       "partitions of " + member.name + " have fewer live copies than they should");
    if (report->partitions_out_of_step > 0)
      return condition("Degraded", "True", "PartitionsOutOfStep",
                       "copies of partitions of " + member.name + " differ");
  }
  return condition("Degraded", "False", "AsExpected");
}

bool blocks(const Draft& draft, std::string_view action) {
  return std::any_of(draft.blockers().begin(), draft.blockers().end(),
                     [&](const api::Blocker& blocker) { return blocker.action == action; });
}

std::string message_of(const Draft& draft, std::string_view action) {
  for (const api::Blocker& blocker : draft.blockers()) {
    if (blocker.action == action) return blocker.message;
  }
  return {};
}

Condition certificates(const Facts& facts, const Draft& draft) {
  constexpr const char* kType = "CertificatesReady";
  const PkiView& pki = facts.world.pki;
  if (!facts.spec.tls.enabled) return condition(kType, "True", "Disabled", "tls.enabled is false");
  if (!pki.damaged.empty()) return condition(kType, "False", "AuthorityDamaged", pki.damaged);
  if (!pki.current) return condition(kType, "False", "Pending", "the authority is being made");
  if (pki.current->not_after_unix <= facts.now)
    return condition(kType, "False", "AuthorityExpired", "the authority has expired; it is being replaced");
  for (const Member& member : facts.members) {
    const auto leaf = pki.leaves.find(member.ordinal);
    if (leaf == pki.leaves.end())
      return condition(kType, "False", "CertificateMissing", member.name + " has no certificate yet");
    if (leaf->second.not_after_unix <= facts.now)
      return condition(kType, "False", "CertificateExpired",
                       "the certificate of " + member.name + " has expired");
  }
  if (pki.next || pki.previous)
    return condition(kType, "True", "ReplacingAuthority", message_of(draft, kReplaceCa));
  for (const Member& member : facts.members) {
    const auto leaf = pki.leaves.find(member.ordinal);
    const NodeReport* report = member.report();
    if (report != nullptr && member.pod->tls && report->certificate_fingerprint != leaf->second.fingerprint)
      return condition(kType, "True", "Renewing", member.name + " does not serve its new certificate yet");
  }
  if (blocks(draft, kRenewCertificates))
    return condition(kType, "True", "Renewing", message_of(draft, kRenewCertificates));
  return condition(kType, "True", "Issued");
}

Condition tokens_ready(const Facts& facts, const Draft& draft) {
  constexpr const char* kType = "TokensReady";
  const TokenView& tokens = facts.world.tokens;
  if (!facts.spec.auth.enabled) return condition(kType, "True", "Disabled", "auth.enabled is false");
  if (!tokens.exists)
    return condition(kType, "False", tokens.external ? "ExternalSecretMissing" : "Pending",
                     message_of(draft, kLoadTokens));
  if (!tokens.damaged.empty()) return condition(kType, "False", "TokenSecretDamaged", tokens.damaged);
  if (tokens.external) return condition(kType, "True", "External", "tokens are those of auth.existingSecret");
  if (tokens.newest_generation > tokens.current_generation)
    return condition(kType, "True", "Rotating", message_of(draft, kRotateToken));
  if (tokens.previous_generation)
    return condition(kType, "True", "Overlapping", "the former token is still accepted");
  return condition(kType, "True", "Loaded");
}

Condition storage_ready(const Facts& facts, const Draft& draft) {
  constexpr const char* kType = "StorageReady";
  for (const Member& member : facts.members) {
    if (member.claim != nullptr && is_lost(*member.claim))
      return condition(kType, "False", "VolumeLost", "the volume of " + member.name + " is lost");
  }
  for (const api::Blocker& blocker : draft.blockers()) {
    if (blocker.rule == name_of(Rule::retained_volumes_left_out))
      return condition(kType, "False", blocker.rule, blocker.message);
    if (blocker.action == kGrowStorage && blocker.rule != name_of(Rule::other_action_first))
      return condition(kType, "False", blocker.rule, blocker.message);
  }
  for (const Member& member : facts.members) {
    if (member.claim == nullptr)
      return condition(kType, "False", "Pending", member.name + " has no claim yet");
    if (member.claim->phase != "Bound")
      return condition(kType, "False", "Pending", member.claim->name + " is " + member.claim->phase);
    if (member.claim->resize_pending || member.claim->capacity_bytes < member.claim->requested_bytes)
      return condition(kType, "True", "Growing", member.claim->name + " grows");
  }
  return condition(kType, "True", facts.held == 0 ? "NoPods" : "Bound");
}

Condition snapshots_healthy(const Facts& facts, const Draft& draft) {
  constexpr const char* kType = "SnapshotsHealthy";
  bool known = false;
  for (const Member& member : facts.members) {
    const NodeReport* report = member.report();
    if (report == nullptr) continue;
    known = true;
    if (report->snapshot_failed)
      return condition(kType, "False", "SnapshotFailed",
                       "the last snapshot of " + member.name + " failed: look at its disk and its log");
  }
  if (!known) return condition(kType, "Unknown", "NoReport", "no member tells of its snapshots");
  if (blocks(draft, kCompact)) return condition(kType, "True", "Waiting", message_of(draft, kCompact));
  return condition(kType, "True", "Healthy");
}

// Whether a member could be removed right now.
Condition scale_safe(const Facts& facts, const Draft& draft) {
  constexpr const char* kType = "ScaleSafe";
  if (facts.held == 0) return condition(kType, "False", "NoPods", "no pods run");
  if (draft.drain_wanted()) return condition(kType, "False", "Draining", message_of(draft, kScaleDown));
  if (auto hold = gate(facts, std::nullopt))
    return condition(kType, "False", std::string(name_of(hold->rule)), hold->message);
  return condition(kType, "True", "Safe");
}

bool holds(const std::vector<Condition>& conditions, std::string_view type, std::string_view status) {
  return std::any_of(conditions.begin(), conditions.end(),
                     [&](const Condition& one) { return one.type == type && one.status == status; });
}

bool is_under_way(const Draft& draft, std::initializer_list<std::string_view> reasons) {
  const auto& operations = draft.operations();
  return std::any_of(operations.begin(), operations.end(), [&](const UnderWay& operation) {
    return !operation.stalled && std::find(reasons.begin(), reasons.end(), operation.reason) != reasons.end();
  });
}

}  // namespace

std::vector<Condition> make_conditions(const Facts& facts, const Draft& draft) {
  std::vector<Condition> conditions;
  conditions.push_back(available(facts));
  conditions.push_back(progressing(facts, draft));
  conditions.push_back(degraded(facts, draft));
  conditions.push_back(certificates(facts, draft));
  conditions.push_back(tokens_ready(facts, draft));
  conditions.push_back(storage_ready(facts, draft));
  conditions.push_back(snapshots_healthy(facts, draft));
  conditions.push_back(scale_safe(facts, draft));
  conditions.push_back(condition("Paused", facts.spec.paused ? "True" : "False",
                                 facts.spec.paused ? "Requested" : "NotPaused"));
  for (Condition& one : conditions) one.observed_generation = facts.world.cluster.generation;
  return conditions;
}

std::string phase_of(const Facts& facts, const Draft& draft, const std::vector<Condition>& conditions) {
  if (!facts.world.invalid.empty() || !facts.world.foreign.empty()) return "Failed";
  if (facts.spec.paused) return "Paused";
  if (facts.spec.hibernated && facts.held == 0 && facts.world.pods.empty()) return "Hibernated";
  if (!facts.world.statefulset) return "Pending";
  if (is_under_way(draft, {"Creating", "Waking"})) return "Provisioning";
  if (is_under_way(draft, {"ScalingUp", "ScalingDown"})) return "Scaling";
  if (is_under_way(draft, {"Rolling", "RestartingAll", "Hibernating", "GrowingStorage", "ReplacingVolume"}))
    return "Updating";
  if (holds(conditions, "Degraded", "True") || !holds(conditions, "Available", "True")) return "Degraded";
  return "Ready";
}

}  // namespace ferro::oper::plan
