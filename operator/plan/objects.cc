// The objects and how many pods there are: creation, scaling up, shrinking by a member that has left,
// hibernation and waking, and the restart of all pods when mutual TLS is switched. One ApplyObjects at most.
#include <algorithm>
#include <optional>
#include <utility>

#include "operator/plan/gate.h"
#include "operator/plan/operations.h"
#include "operator/plan/sub_planners.h"

namespace ferro::oper::plan {
namespace {

std::string from_to(int64_t from, int64_t to) {
  return "from " + std::to_string(from) + " to " + std::to_string(to) + " pods";
}

// Pods that have to stop before any of the other kind may start. Those on their way out stop by themselves.
bool must_restart_all(const Facts& facts) {
  return facts.held > 0 &&
         std::any_of(facts.world.pods.begin(), facts.world.pods.end(), [&](const PodView& pod) {
           return pod.tls != facts.spec.tls.enabled && !pod.terminating;
         });
}

bool holds_credentials(const Facts& facts, Draft& draft, std::string_view operation, int64_t count) {
  if (has_credentials(facts, count)) return true;
  draft.hold(operation,
             {Rule::credentials_missing, "",
              "certificates or tokens are missing that pods would start with; they are made first"});
  return false;
}

// Nothing: the StatefulSet must not be touched at all.
std::optional<int64_t> decide_restart_all(const Facts& facts, Draft& draft) {
  const bool is_applied = facts.world.statefulset->tls == facts.spec.tls.enabled;
  const auto stay = is_applied ? std::optional(facts.held) : std::nullopt;
  if (facts.spec.update_paused) {
    draft.hold(kRestartAll, {Rule::update_paused, "",
                             "tls.enabled was changed, which restarts all pods; update.paused is true"});
    return stay;
  }
  draft.under_way({"RestartingAll",
                   "tls.enabled was changed: nodes with and without it cannot talk to each other, so all "
                   "pods stop and start at once"});
  if (!holds_credentials(facts, draft, kRestartAll, facts.ordinals)) return stay;
  return 0;
}

// Volumes that a former cluster of this name left behind, which this one goes by, and that no member of it
// would run on. What was on them and on the others was one cluster's: it may be nowhere else.
std::optional<Hold> hold_of_left_out_volumes(const Facts& facts) {
  const api::Cluster& cluster = facts.world.cluster;
  if (cluster.volumes_id.empty()) return std::nullopt;
  std::string names;
  int64_t count = 0;
  for (const ClaimView& claim : facts.world.claims) {
    const bool is_former =
        claim.created_unix < cluster.created_unix && claim.volumes_id == cluster.volumes_id;
    if (claim.terminating || !is_former || claim.ordinal < facts.ordinals) continue;
    names += (names.empty() ? "" : " ") + claim.name;
    count = std::max(count, claim.ordinal + 1);
  }
  if (names.empty()) return std::nullopt;
  return Hold{Rule::retained_volumes_left_out, "",
              "a former cluster of this name kept " + std::to_string(count) +
                  " volumes and spec.replicas is " + std::to_string(facts.wanted) +
                  ": those left out may hold the only copy of entries; set spec.replicas to " +
                  std::to_string(count) +
                  " (and lower it when all are ready), or give them up: `kubectl -n " + cluster.ns +
                  " delete pvc " + names + "`"};
}

// From no pods to those that the spec means, or to those that slept.
int64_t decide_start(const Facts& facts, Draft& draft) {
  const bool is_new = facts.remembered.ring_members == 0;
  const std::string_view operation = is_new ? kCreate : kWake;
  if (facts.tls_switch) {
    draft.under_way(
        {"RestartingAll", "tls.enabled was changed: the last pods of the other kind are stopping"});
    draft.hold(kRestartAll, {Rule::pods_of_other_transport, "",
                             "nodes with and without mutual TLS cannot talk to each other: some still stop"});
    return 0;
  }
  auto left_out = is_new ? hold_of_left_out_volumes(facts) : std::nullopt;
  draft.under_way({is_new ? "Creating" : "Waking", from_to(0, facts.ordinals), left_out.has_value()});
  if (left_out) {
    draft.hold(operation, std::move(*left_out));
    return 0;
  }
  return holds_credentials(facts, draft, operation, facts.ordinals) ? facts.ordinals : 0;
}

int64_t decide_scale_up(const Facts& facts, Draft& draft) {
  draft.under_way({"ScalingUp", from_to(facts.held, facts.wanted)});
  for (const ClaimView& claim : facts.world.claims) {
    if (claim.ordinal < facts.held || claim.ordinal >= facts.wanted || !claim.terminating) continue;
    draft.hold(kScaleUp, {Rule::claim_terminating, claim.name,
                          claim.name + " of an earlier member is still being deleted"});
    return facts.held;
  }
  return holds_credentials(facts, draft, kScaleUp, facts.wanted) ? facts.wanted : facts.held;
}

// The StatefulSet's controller makes a pod within a second, unless it is refused: a quota, a PriorityClass
// that does not exist. Said for as long as it lasts, since nothing else remembers how long that is.
void hold_missing_pods(const Facts& facts, Draft& draft) {
  const auto& set = facts.world.statefulset;
  if (!set || !set->observed) return;
  for (const Member& member : facts.members) {
    if (member.pod != nullptr) continue;
    draft.hold(kStartPod, {Rule::member_missing, member.name,
                           member.name + " has no pod; if that stays, `kubectl -n " + facts.world.cluster.ns +
                               " describe statefulset " + facts.world.cluster.name + "` tells why"});
    return;
  }
}

// The pods are there; what made them is over when they are ready.
void wait_for_started(const Facts& facts, Draft& draft) {
  const std::string& reason = facts.remembered.progressing_reason;
  if (reason != "Creating" && reason != "Waking" && reason != "ScalingUp" && reason != "RestartingAll")
    return;
  for (const Member& member : facts.members) {
    if ((member.pod != nullptr && is_ready(*member.pod)) || !is_passing(facts, member)) continue;
    std::string message =
        std::to_string(facts.count_ready()) + " of " + std::to_string(facts.held) + " members are ready";
    if (member.pod != nullptr && !member.pod->unschedulable.empty())
      message += "; " + member.name + " " + describe(*member.pod);
    draft.under_way({reason, std::move(message)});
    return;
  }
}

std::optional<int64_t> decide_replicas(const Facts& facts, Draft& draft) {
  if (facts.spec.hibernated) {
    if (!facts.world.pods.empty() || facts.held > 0)
      draft.under_way({"Hibernating", "all pods stop, volumes are kept"});
    return 0;
  }
  if (must_restart_all(facts)) return decide_restart_all(facts, draft);
  if (facts.held == 0) return decide_start(facts, draft);
  if (facts.held < facts.wanted) return decide_scale_up(facts, draft);
  if (is_scaling_down(facts) && may_shrink(facts)) return facts.held - 1;
  hold_missing_pods(facts, draft);
  wait_for_started(facts, draft);
  return facts.held;
}

// What pods that are made from now on start with has to be there; what runs needs nothing.
bool may_apply(const Facts& facts, Draft& draft, int64_t replicas) {
  const auto& set = facts.world.statefulset;
  if (!set) return replicas > 0 || facts.spec.hibernated || facts.tls_switch;
  const bool changes_template = set->template_hash != facts.world.desired_template_hash;
  return replicas == 0 || !changes_template || holds_credentials(facts, draft, kApply, replicas);
}

}  // namespace

bool has_credentials(const Facts& facts, int64_t count) {
  const World& world = facts.world;
  if (facts.spec.auth.enabled && (!world.tokens.exists || !world.tokens.damaged.empty())) return false;
  if (!facts.spec.tls.enabled) return true;
  const PkiView& pki = world.pki;
  const auto is_published = [&](const std::string& anchor) {
    return std::find(pki.published.begin(), pki.published.end(), anchor) != pki.published.end();
  };
  if (!pki.current || !is_published(pki.current->fingerprint)) return false;
  for (int64_t ordinal = 0; ordinal < count; ++ordinal) {
    const auto leaf = pki.leaves.find(ordinal);
    if (leaf == pki.leaves.end() || !leaf->second.names_match || leaf->second.not_after_unix <= facts.now ||
        !is_published(leaf->second.issuer_fingerprint))
      return false;
  }
  return true;
}

void plan_objects(const Facts& facts, Draft& draft) {
  const World& world = facts.world;
  for (const std::string& object : world.foreign)
    draft.hold(kApply,
               {Rule::foreign_object, "",
                object + " exists and belongs to somebody else: delete it, or name the cluster differently"});
  if (!world.foreign.empty()) return;
  if (world.statefulset && world.statefulset->terminating)
    return draft.hold(
        kApply, {Rule::stateful_set_terminating, "", "the StatefulSet is being deleted, then made anew"});
  const auto replicas = decide_replicas(facts, draft);
  if (!replicas || !may_apply(facts, draft, *replicas)) return;
  const bool is_written = world.statefulset && *replicas == facts.held && world.missing.empty() &&
                          world.statefulset->template_hash == world.desired_template_hash;
  if (is_written) return;
  const ApplyObjects apply{*replicas, *replicas < facts.held};
  if (apply.shrinks) {
    draft.take_slot(facts.spec.hibernated    ? kHibernate
                    : is_scaling_down(facts) ? kScaleDown
                                             : kRestartAll,
                    apply, from_to(facts.held, *replicas));
    return;
  }
  if (*replicas > facts.held)
    draft.event(false, facts.held == 0 ? "Started" : "ScaledUp", from_to(facts.held, *replicas));
  draft.act(apply);
}

}  // namespace ferro::oper::plan
