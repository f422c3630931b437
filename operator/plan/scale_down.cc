// One member fewer: the highest is drained, leaves the ring, and then its pod goes. Taken back at any moment
// by a spec that wants it again (plan_drains).
#include <algorithm>
#include <utility>

#include "operator/plan/gate.h"
#include "operator/plan/limits.h"
#include "operator/plan/operations.h"
#include "operator/plan/sub_planners.h"

namespace ferro::oper::plan {
namespace {

// Fewer members than copies cannot hold what they should; a single one holds everything once.
int64_t floor_of(const Facts& facts) {
  return facts.wanted == 1 ? 1 : std::max(facts.wanted, std::min(facts.spec.replication_factor, facts.held));
}

// With one copy of everything whatever a member has on its volume is nowhere else. Nothing is there if no
// volume is, or if the pod that it was made for has never run.
bool may_hold_only_copy(const Facts& facts, const Member& member) {
  const ClaimView* claim = member.claim;
  if (facts.copies > 1 || claim == nullptr || claim->terminating || claim->phase != "Bound") return false;
  const PodView* pod = member.pod;
  return pod == nullptr || !pod->never_ran || pod->created_unix > claim->created_unix + kFirstPodS;
}

// A member that does not answer cannot be drained. If it was never in the ring, or the ring has given it up
// and made its copies elsewhere, nothing hangs on it.
std::optional<Hold> hold_of_absent(const Facts& facts, const Member& last) {
  const auto& set = facts.world.statefulset;
  if (last.pod == nullptr && set && set->observed && set->pods_made >= facts.held)
    return Hold{Rule::stateful_set_behind, last.name,
                "the StatefulSet's controller has made " + last.name + ", or makes it anew"};
  if (may_hold_only_copy(facts, last))
    return Hold{Rule::member_unreachable, last.name,
                last.name +
                    " does not answer and its volume may hold the only copy of entries: it is removed "
                    "when it answers and has been drained; delete claim " +
                    last.claim->name + " to give them up"};
  if (auto hold = gate(facts, last.ordinal)) return hold;
  for (const Member& member : facts.members) {
    const NodeReport* report = member.report();
    if (report != nullptr && report->ring_members > facts.held - 1)
      return Hold{Rule::still_in_ring, last.name,
                  last.name + " does not answer and the ring still has it: it cannot be drained"};
  }
  return std::nullopt;
}

// Why the highest member may not be removed yet.
std::optional<Hold> hold_of_shrink(const Facts& facts) {
  const Member& last = facts.members.back();
  const NodeReport* report = last.report();
  if (report == nullptr) {
    if (last.pod != nullptr && is_ready(*last.pod))
      return Hold{Rule::member_unreachable, last.name,
                  last.name + " " + describe(*last.pod) + ": it cannot be drained"};
    return hold_of_absent(facts, last);
  }
  if (last.pod->terminating) return Hold{Rule::pod_terminating, last.name, last.name + " is terminating"};
  if (report->drained) return has_left(facts, last);
  if (is_draining(report)) {
    // Tenths: a figure that moves with every pass would be written with every pass.
    const int64_t tenths = report->drain_total > 0 ? 10 * report->drain_done / report->drain_total : 0;
    return Hold{Rule::draining, last.name,
                last.name + " moves its entries to the others, " + std::to_string(10 * tenths) + " % done"};
  }
  return Hold{Rule::draining, last.name, last.name + " has to be drained"};
}

}  // namespace

bool is_scaling_down(const Facts& facts) {
  return facts.held > floor_of(facts) && !facts.spec.hibernated && !facts.tls_switch;
}

bool may_shrink(const Facts& facts) {
  return !hold_of_shrink(facts);
}

void plan_scale_down(const Facts& facts, Draft& draft) {
  if (facts.held > facts.wanted && floor_of(facts) > facts.wanted)
    draft.hold(kScaleDown, {Rule::below_replication_factor, "",
                            "spec.replicas is below spec.replication.factor: " +
                                std::to_string(floor_of(facts)) + " members are kept"});
  if (!is_scaling_down(facts)) return;
  const Member& last = facts.members.back();
  draft.want_drained(last.ordinal);
  draft.under_way({"ScalingDown", "from " + std::to_string(facts.held) + " to " +
                                      std::to_string(floor_of(facts)) + " members, " + last.name +
                                      " goes next"});
  auto shrink = hold_of_shrink(facts);
  if (!shrink) return;  // plan_objects does it
  const bool is_to_drain = last.report() != nullptr && !is_draining(last.report()) && !last.pod->terminating;
  if (!is_to_drain) return draft.hold(kScaleDown, std::move(*shrink));
  // One that is still joining serves nobody: its way in need not be waited for before its way out.
  auto hold = is_ready(*last.pod) ? gate(facts, last.ordinal) : others_well(facts, last.ordinal);
  if (hold) return draft.hold(kScaleDown, std::move(*hold));
  draft.take_slot(kScaleDown, StartDrain{last.name}, last.name + " is drained before it is removed");
}

void plan_drains(const Facts& facts, Draft& draft) {
  for (const Member& member : facts.members) {
    if (!is_draining(member.report()) || member.pod->terminating || draft.drain_wanted() == member.ordinal)
      continue;
    draft.act(CancelDrain{member.name});
    draft.event(false, "DrainCancelled", member.name + " stays: nothing wants it drained (any more)");
  }
}

}  // namespace ferro::oper::plan
