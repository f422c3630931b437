#include "operator/plan/gate.h"

#include <string>
#include <utility>

#include "operator/plan/limits.h"

namespace ferro::oper::plan {
namespace {

std::string count_of(int64_t number, std::string_view what) {
  return std::to_string(number) + " " + std::string(what);
}

bool serves(const Member& member) {
  return member.pod != nullptr && member.report() != nullptr && is_ready(*member.pod) &&
         !is_draining(member.report());
}

// By its own word, which is earlier than its kubelet's.
bool says_it_serves(const Member& member) {
  return member.report() != nullptr && member.report()->state == "ready";
}

// Its copies can be moved: it serves, or is on its way to that.
bool can_be_drained(const Facts& facts, const Member& member) {
  const NodeReport* report = member.report();
  if (report == nullptr || member.pod->terminating) return false;
  return says_it_serves(member) || is_draining(report) || facts.now - report->started_unix < kStuckS;
}

// One that does not answer may serve all the same, behind a broken network. While the ring has it, it may
// have the only copy of something.
std::optional<Hold> hold_of_silent_owner(const Facts& facts, const Member& silent) {
  for (const Member& member : facts.members) {
    if (member.report() == nullptr || member.report()->ring_members < facts.held) continue;
    return Hold{
        Rule::still_in_ring, silent.name,
        silent.name + " does not answer and the ring still has it: what only it holds cannot be moved"};
  }
  return std::nullopt;
}

std::optional<Hold> hold_of_stateful_set(const Facts& facts) {
  const auto& set = facts.world.statefulset;
  if (!set || set->terminating)
    return Hold{Rule::stateful_set_terminating, "", "the StatefulSet is being made anew"};
  if (!set->observed)
    return Hold{Rule::stateful_set_behind, "",
                "the StatefulSet's controller (kube-controller-manager) has not seen the latest change"};
  for (const PodView* pod : facts.leaving)
    return Hold{Rule::pod_terminating, pod->name, pod->name + " is on its way out"};
  return std::nullopt;
}

// A member that has to be well, and is not.
std::optional<Hold> hold_of_member(const Facts& facts, const Member& member) {
  const PodView* pod = member.pod;
  if (pod == nullptr) return Hold{Rule::member_missing, member.name, member.name + " has no pod"};
  if (pod->terminating) {
    if (pod->deletion_unix != 0 && facts.now > pod->deletion_unix + 60)
      return Hold{
          Rule::pod_terminating, member.name,
          member.name + " should be gone but its kubelet does not confirm it; if node " + pod->node_name +
              " is lost for good, delete the Node or taint it with node.kubernetes.io/out-of-service"};
    return Hold{Rule::pod_terminating, member.name, member.name + " is terminating"};
  }
  if (is_draining(member.report()))
    return Hold{Rule::member_draining, member.name, member.name + " is being drained"};
  if (!is_ready(*pod)) return Hold{Rule::member_not_ready, member.name, member.name + " " + describe(*pod)};
  if (!pod->report)
    return Hold{Rule::member_unreachable, member.name,
                member.name + " is ready for its kubelet but " + describe(*pod) + " to the operator"};
  return std::nullopt;
}

// What a report says that nobody may be taken out for.
std::optional<Hold> hold_of_movement(const Member& member, const NodeReport& report) {
  if (report.ring_changing)
    return Hold{Rule::ring_changing, member.name, "the ring changes: partitions get new owners"};
  if (report.catch_up_running || report.hand_over_running)
    return Hold{Rule::transfer_running, member.name,
                member.name + (report.catch_up_running ? " catches up" : " hands entries over")};
  return std::nullopt;
}

std::optional<Hold> hold_of_copies(const Member& member, const NodeReport& report) {
  if (report.partitions_under_replicated > 0)
    return Hold{Rule::partitions_under_replicated, member.name,
                "partitions of " + member.name + " have fewer live copies than they should"};
  if (report.partitions_out_of_step > 0)
    return Hold{Rule::partitions_out_of_step, member.name,
                "copies of partitions of " + member.name + " differ; the nodes repair that by themselves"};
  if (report.partitions_uncompared > 0)
    return Hold{Rule::partitions_uncompared, member.name,
                "partitions of " + member.name + " have not been compared with their other copies yet"};
  return std::nullopt;
}

// All who report see one ring, of as many members as there should be.
std::optional<Hold> hold_of_ring(const Facts& facts, std::optional<int64_t> victim) {
  const NodeReport* first = nullptr;
  for (const Member& member : facts.members) {
    const NodeReport* report = member.report();
    if (report == nullptr || member.ordinal == victim) continue;
    if (first == nullptr) first = report;
    if (report->ring_epoch != first->ring_epoch)
      return Hold{Rule::epochs_differ, member.name, member.name + " goes by another ring than others"};
  }
  if (first == nullptr) return std::nullopt;
  int64_t least = facts.held;
  int64_t most = facts.held;
  if (victim) {
    const Member* out = facts.member(*victim);
    if (out == nullptr || !says_it_serves(*out)) least = facts.held - 1;
  }
  if (first->ring_members < least || first->ring_members > most)
    return Hold{Rule::ring_incomplete, "",
                "the ring has " + count_of(first->ring_members, "members") + " and should have " +
                    std::to_string(facts.held)};
  return std::nullopt;
}

}  // namespace

std::optional<Hold> gate(const Facts& facts, std::optional<int64_t> victim, int64_t down_allowed) {
  if (auto hold = hold_of_stateful_set(facts)) return hold;
  int64_t down = 0;
  for (const Member& member : facts.members) {
    if (member.ordinal == victim) continue;
    auto hold = hold_of_member(facts, member);
    if (hold && ++down > down_allowed) return hold;
  }
  // A victim that is not ready may be in the middle of anything, and others hold hints for it; that is why it
  // is to be replaced.
  const Member* out = victim ? facts.member(*victim) : nullptr;
  const bool all_serve = down == 0 && (out == nullptr || says_it_serves(*out));
  for (const Member& member : facts.members) {
    if (!serves(member)) continue;
    if (auto hold = hold_of_movement(member, *member.report())) return hold;
    if (down > 0 || member.ordinal == victim) continue;
    if (auto hold = hold_of_copies(member, *member.report())) return hold;
    if (all_serve && member.report()->hints > 0)
      return Hold{Rule::hints_waiting, member.name,
                  member.name + " holds writes that another member has not taken yet"};
  }
  return hold_of_ring(facts, victim);
}

std::optional<Hold> others_well(const Facts& facts, int64_t victim) {
  if (auto hold = hold_of_stateful_set(facts)) return hold;
  for (const Member& member : facts.members) {
    if (member.ordinal == victim) continue;
    if (auto hold = hold_of_member(facts, member)) return hold;
  }
  return std::nullopt;
}

std::optional<Hold> gate_of_lost_volume(const Facts& facts, const Member& lost) {
  if (auto hold = hold_of_stateful_set(facts)) return hold;
  const NodeReport* first = nullptr;
  int64_t lost_volumes = 1;
  for (const Member& member : facts.members) {
    if (member.ordinal == lost.ordinal) continue;
    if (has_lost_volume(member) && (member.pod == nullptr || is_dead(*member.pod))) {
      ++lost_volumes;
      continue;
    }
    if (auto hold = hold_of_member(facts, member)) return hold;
    NodeReport report = *member.report();
    if (auto hold = hold_of_movement(member, report)) return hold;
    // Where every member owns everything, this one has it all. A ring that has lost most of its members is
    // kept as it is: copies that only the lost ones could hold are never made.
    const bool ring_is_kept = report.ring_members >= facts.held;
    if (ring_is_kept && facts.copies >= report.ring_members) report.partitions_under_replicated = 0;
    if (auto hold = hold_of_copies(member, report)) return hold;
    if (first == nullptr) first = member.report();
    if (report.ring_epoch != first->ring_epoch)
      return Hold{Rule::epochs_differ, member.name, member.name + " goes by another ring than others"};
  }
  if (first == nullptr && facts.held > 1)
    return Hold{Rule::member_unreachable, "",
                "no member serves: what the volumes held is nowhere else; delete the claims to start empty"};
  if (first != nullptr && first->ring_members < facts.held - lost_volumes)
    return Hold{Rule::ring_incomplete, "",
                "the ring has " + count_of(first->ring_members, "members") + " and should have " +
                    std::to_string(facts.held - lost_volumes)};
  return std::nullopt;
}

std::optional<Hold> has_left(const Facts& facts, const Member& drained) {
  int64_t others = 0;
  for (const Member& member : facts.members) {
    const NodeReport* report = member.report();
    if (report == nullptr || member.ordinal == drained.ordinal) continue;
    ++others;
    if (auto hold = hold_of_movement(member, *report)) return hold;
    if (report->ring_epoch != drained.report()->ring_epoch)
      return Hold{Rule::epochs_differ, member.name,
                  member.name + " goes by another ring than " + drained.name};
  }
  for (const Member& member : facts.members) {
    const NodeReport* report = member.report();
    if (report == nullptr || member.ordinal == drained.ordinal) continue;
    if (report->ring_members > facts.held - 1)
      return Hold{Rule::still_in_ring, drained.name, "the ring still has " + drained.name};
    if (auto hold = hold_of_copies(member, *report)) return hold;
  }
  if (others == 0)
    return Hold{Rule::member_unreachable, "",
                "no other member answers: what was handed over cannot be checked"};
  return std::nullopt;
}

void take_out(const Facts& facts, Draft& draft, std::string_view operation, const Member& victim,
              Action action, int64_t down_allowed) {
  const bool is_only_copy = facts.copies == 1 && facts.held > 1;
  const bool moves_first = is_only_copy && can_be_drained(facts, victim);
  if (is_only_copy && !moves_first && victim.report() == nullptr) {
    if (auto hold = hold_of_silent_owner(facts, victim)) return draft.hold(operation, std::move(*hold));
  }
  if (!moves_first) {
    if (auto hold = gate(facts, victim.ordinal, down_allowed)) return draft.hold(operation, std::move(*hold));
    std::string message = std::string(operation) + ": " + victim.name + " is taken out of service";
    draft.take_slot(operation, std::move(action), std::move(message));
    return;
  }
  draft.want_drained(victim.ordinal);
  if (victim.report()->drained) {
    auto hold = has_left(facts, victim);
    if (!hold) hold = gate(facts, victim.ordinal);
    if (hold) return draft.hold(operation, std::move(*hold));
    draft.take_slot(operation, std::move(action),
                    std::string(operation) + ": " + victim.name + " is empty and restarts");
    return;
  }
  if (is_draining(victim.report()))
    return draft.hold(operation,
                      {Rule::draining, victim.name,
                       victim.name + " moves what only it holds to the others before it restarts"});
  if (auto hold = gate(facts, victim.ordinal)) return draft.hold(operation, std::move(*hold));
  draft.take_slot(operation, StartDrain{victim.name},
                  std::string(operation) + ": " + victim.name + " is drained");
}

}  // namespace ferro::oper::plan
