// Pods on another template than the spec renders to are replaced: those that do not run first, then one at a
// time behind the gate. A new pod that does not become ready stops it.
#include <algorithm>
#include <utility>

#include "operator/plan/gate.h"
#include "operator/plan/limits.h"
#include "operator/plan/operations.h"
#include "operator/plan/sub_planners.h"

namespace ferro::oper::plan {
namespace {

constexpr const char* kRolling = "Rolling";

bool is_outdated(const Facts& facts, const Member& member) {
  return member.pod != nullptr && !member.pod->terminating &&
         member.pod->template_hash != facts.world.desired_template_hash;
}

bool is_nobody_ready(const Facts& facts) {
  return std::none_of(facts.members.begin(), facts.members.end(),
                      [](const Member& member) { return member.pod != nullptr && is_ready(*member.pod); });
}

// It runs but will not become ready by itself: it says so, or nothing in the cluster is ready and there is
// nothing to protect. A pod that is silent while others serve may well serve behind a broken network.
bool is_stuck(const Facts& facts, const PodView& pod) {
  // Ready a moment ago, by its kubelet: it may be so again in a moment (a drain that was cancelled).
  if (pod.ready) return false;
  if (facts.now - std::max(pod.created_unix, pod.not_ready_since_unix) < kStuckS) return false;
  if (!pod.report) return is_nobody_ready(facts);
  const NodeReport& report = *pod.report;
  return !is_draining(&report) && !report.catch_up_running && facts.now - report.started_unix >= kStuckS;
}

DeletePod replace(const Member& member, std::string reason) {
  return {member.name, member.pod->uid, std::move(reason)};
}

// Deleting it takes nothing out of service. With one that is stuck goes a process that others may still read
// from, so that waits for the one that went before it.
const Member* find_broken(const Facts& facts, bool with_stuck) {
  for (auto member = facts.members.rbegin(); member != facts.members.rend(); ++member) {
    if (is_outdated(facts, *member) &&
        (is_dead(*member->pod) || (with_stuck && is_stuck(facts, *member->pod))))
      return &*member;
  }
  return nullptr;
}

// A pod is on its way out, and not for longer than that takes, or is gone and not made anew yet: where it
// cannot be made, the next one could not be either.
bool is_one_leaving(const Facts& facts) {
  return std::any_of(facts.members.begin(), facts.members.end(), [&](const Member& member) {
    return member.pod == nullptr || (member.pod->terminating && is_passing(facts, member));
  });
}

// The first pod of the current template that is not ready: what others are waited with for.
std::optional<Hold> hold_of_new_pod(const Facts& facts) {
  for (const Member& member : facts.members) {
    const PodView* pod = member.pod;
    if (pod == nullptr || pod->terminating || pod->template_hash != facts.world.desired_template_hash ||
        is_ready(*pod))
      continue;
    if (is_draining(member.report())) continue;
    const bool young = facts.now - pod->created_unix < kStartingS && !has_stumbled(*pod);
    if (young) return Hold{Rule::pod_starting, member.name, member.name + " is starting"};
    return Hold{Rule::new_pod_not_ready, member.name,
                member.name + " is on the current template and " + describe(*pod) +
                    "; no other pod is replaced until it is ready or the spec is changed"};
  }
  return std::nullopt;
}

// A member that is drained for the roll goes on; then those that are not ready; then from the highest ordinal
// down.
const Member* choose_victim(const Facts& facts) {
  const Member* best = nullptr;
  const auto rank = [](const Member& member) {
    return is_draining(member.report()) ? 0 : !is_ready(*member.pod) ? 1 : 2;
  };
  for (auto member = facts.members.rbegin(); member != facts.members.rend(); ++member) {
    if (is_outdated(facts, *member) && (best == nullptr || rank(*member) < rank(*best))) best = &*member;
  }
  return best;
}

// update.maxUnavailable beyond one counts only as far as every partition keeps a serving owner.
int64_t down_allowed(const Facts& facts) {
  return std::clamp<int64_t>(facts.spec.update_max_unavailable, 1, std::max<int64_t>(facts.copies - 1, 1)) -
         1;
}

// The pods that were replaced last are on the current template and not ready yet: the roll is not over.
void wait_for_last(const Facts& facts, Draft& draft) {
  if (facts.remembered.progressing_reason != kRolling) return;
  for (const Member& member : facts.members) {
    if (member.pod != nullptr && is_ready(*member.pod)) continue;
    if (!is_passing(facts, member)) continue;
    draft.under_way({kRolling, "all pods are on the current template, " + member.name + " is not ready yet"});
    return;
  }
}

}  // namespace

void plan_roll(const Facts& facts, Draft& draft) {
  const World& world = facts.world;
  if (facts.held == 0 || facts.tls_switch || !world.statefulset) return;
  const auto outdated = std::count_if(facts.members.begin(), facts.members.end(),
                                      [&](const Member& member) { return is_outdated(facts, member); });
  if (outdated == 0) return wait_for_last(facts, draft);
  const auto new_pod = hold_of_new_pod(facts);
  if (facts.spec.update_paused)
    return draft.hold(kRoll,
                      {Rule::update_paused, "",
                       std::to_string(outdated) + " pods are on an older template; update.paused is true"});
  const bool stalled = new_pod && new_pod->rule == Rule::new_pod_not_ready;
  draft.under_way({kRolling,
                   std::to_string(facts.held - outdated) + " of " + std::to_string(facts.held) +
                       " pods are on the current template",
                   stalled});
  if (world.statefulset->template_hash != world.desired_template_hash)
    return draft.hold(kRoll,
                      {Rule::template_not_applied, "", "the StatefulSet does not have the new template yet"});
  if (draft.changes_pods(facts.held))
    return draft.hold(kRoll, {Rule::other_action_first, "", "the number of pods changes first"});
  if (!world.statefulset->observed)
    return draft.hold(
        kRoll, {Rule::stateful_set_behind, "",
                "the StatefulSet's controller (kube-controller-manager) has not seen the new template"});
  const bool is_one_away = (new_pod && !stalled) || is_one_leaving(facts);
  if (const Member* broken = find_broken(facts, !is_one_away)) {
    draft.take_slot(
        kRoll, replace(*broken, "ReplaceBroken"),
        broken->name + " " + describe(*broken->pod) + " and is replaced by one of the current template");
    return;
  }
  if (stalled || (new_pod && down_allowed(facts) == 0)) return draft.hold(kRoll, *new_pod);
  const Member* victim = choose_victim(facts);
  if (draft.drain_wanted() && *draft.drain_wanted() != victim->ordinal)
    return draft.hold(kRoll, {Rule::other_action_first, "", "a member is removed first"});
  take_out(facts, draft, kRoll, *victim, replace(*victim, "RollTemplate"), down_allowed(facts));
}

}  // namespace ferro::oper::plan
