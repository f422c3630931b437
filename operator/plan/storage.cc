// Volumes: they go with the resource or stay, lost ones are given up and refilled from the copies, growing
// ones are grown, those of members that were removed are deleted.
#include <algorithm>
#include <utility>
#include <vector>

#include "operator/api/names.h"
#include "operator/plan/gate.h"
#include "operator/plan/limits.h"
#include "operator/plan/operations.h"
#include "operator/plan/sub_planners.h"

namespace ferro::oper::plan {
namespace {

// A claim that is lost, or was deleted by somebody to have the member start on a new volume, goes only with
// its pod.
void replace_volume(const Facts& facts, Draft& draft, const Member& member) {
  const ClaimView& claim = *member.claim;
  const bool runs = member.pod != nullptr && !is_dead(*member.pod);
  draft.under_way({"ReplacingVolume", "the volume of " + member.name +
                                          " is replaced by an empty one, which the other "
                                          "members fill"});
  if (!claim.terminating) {
    const DeleteClaim action{claim.name, claim.uid, "LostVolume"};
    // Deleting the claim cannot be taken back: the member goes with it.
    if (runs) return take_out(facts, draft, kReplaceVolume, member, action);
    if (auto hold = gate_of_lost_volume(facts, member)) return draft.hold(kReplaceVolume, std::move(*hold));
    draft.take_slot(kReplaceVolume, action, "the lost volume of " + member.name + " is given up");
    return;
  }
  if (member.pod == nullptr || member.pod->terminating) return;
  const DeletePod action{member.name, member.pod->uid, "LostVolume"};
  if (runs) return take_out(facts, draft, kReplaceVolume, member, action);
  draft.take_slot(kReplaceVolume, action, member.name + " is deleted together with its volume");
}

// Whether the claim is as large as the spec wants, or will be without anybody's doing.
void grow(const Facts& facts, Draft& draft, const ClaimView& claim) {
  const auto& storage = facts.spec.storage;
  if (!claim.resize_error.empty())
    draft.hold(kGrowStorage, {Rule::resize_failed, claim.name, claim.name + ": " + claim.resize_error});
  if (claim.requested_bytes > storage.size_bytes)
    return draft.hold(kGrowStorage,
                      {Rule::storage_cannot_shrink, claim.name,
                       claim.name + " is larger than spec.storage.size: a volume cannot be made smaller"});
  if (claim.requested_bytes == storage.size_bytes) return;
  if (claim.phase != "Bound")
    return draft.hold(kGrowStorage, {Rule::claim_not_grown, claim.name,
                                     claim.name + " has no volume yet (" + claim.phase + ")"});
  if (claim.expandable == false)
    return draft.hold(kGrowStorage, {Rule::storage_class_not_expandable, claim.name,
                                     "the StorageClass of " + claim.name + " does not allow expansion"});
  draft.act(GrowClaim{claim.name, storage.size});
  draft.event(false, "VolumeGrows", claim.name + " grows to " + storage.size);
}

// Garbage collection takes what has no owner left. The StatefulSet alone would be one too few: somebody who
// deletes it by mistake must not delete what the members hold. So the resource is a second one, and a claim
// goes with the later of the two. One that is to be retained has neither: the StatefulSet's controller looks
// after claims of pods alone, which a cluster that sleeps has none of.
void own(const Facts& facts, Draft& draft, const ClaimView& claim, bool is_ours) {
  const auto& set = facts.world.statefulset;
  if (facts.spec.storage.delete_policy == api::DeletePolicy::retain) {
    const bool goes_with_set = claim.owned_by_set && !(set && set->owns_claims);
    if (claim.owned || goes_with_set) draft.act(OwnClaim{claim.name, false});
  } else if (is_ours && !claim.owned) {
    draft.act(OwnClaim{claim.name, true});
  }
}

bool is_grown(const Facts& facts, const ClaimView& claim) {
  return claim.requested_bytes >= facts.spec.storage.size_bytes;
}

// Only when every pod exists: without a StatefulSet nobody makes a missing one again, and how many there were
// is seen from them.
void recreate_set(const Facts& facts, Draft& draft) {
  const auto& set = facts.world.statefulset;
  if (!set || set->terminating || set->claim_bytes >= facts.spec.storage.size_bytes) return;
  for (const ClaimView& claim : facts.world.claims) {
    if (claim.ordinal < facts.ordinals && !claim.terminating && !is_grown(facts, claim)) return;
  }
  for (const Member& member : facts.members) {
    if (member.pod == nullptr)
      return draft.hold(kGrowStorage, {Rule::member_missing, member.name, member.name + " has no pod"});
  }
  if (!facts.leaving.empty() || draft.drain_wanted() || draft.changes_pods(facts.held))
    return draft.hold(kGrowStorage, {Rule::other_action_first, "", "the number of pods changes first"});
  draft.take_slot(kGrowStorage, RecreateStatefulSet{set->uid},
                  "the StatefulSet is made anew with larger claims; pods stay");
}

void restart_for_file_system(const Facts& facts, Draft& draft) {
  for (auto member = facts.members.rbegin(); member != facts.members.rend(); ++member) {
    const ClaimView* claim = member->claim;
    if (claim == nullptr || !claim->resize_pending || member->pod == nullptr || member->pod->terminating)
      continue;
    if (facts.now < claim->resize_pending_unix + kOnlineResizeS) {
      draft.look_at(claim->resize_pending_unix + kOnlineResizeS);
      continue;
    }
    draft.under_way(
        {"GrowingStorage", "the file system of " + member->name + " grows when its pod starts anew"});
    if (draft.drain_wanted() && *draft.drain_wanted() != member->ordinal)
      return draft.hold(kGrowStorage, {Rule::other_action_first, "", "another member is drained first"});
    return take_out(facts, draft, kGrowStorage, *member,
                    DeletePod{member->name, member->pod->uid, "ResizeFileSystem"});
  }
}

// Of members that were drained and removed.
void delete_unused(const Facts& facts, Draft& draft) {
  if (facts.spec.storage.delete_policy != api::DeletePolicy::remove || facts.held == 0) return;
  for (const ClaimView* claim : facts.unused) {
    if (claim->terminating) continue;
    draft.take_slot(kScaleDown, DeleteClaim{claim->name, claim->uid, "ScaledDown"},
                    claim->name + " is deleted: its member was removed");
    return;
  }
}

}  // namespace

void plan_lost_claims(const Facts& facts, Draft& draft) {
  if (facts.tls_switch) return;
  std::vector<const Member*> lost;
  for (const Member& member : facts.members) {
    if (has_lost_volume(member)) lost.push_back(&member);
  }
  // First those that do not run: whoever runs waits until all others are well.
  std::stable_partition(lost.begin(), lost.end(),
                        [](const Member* member) { return member->pod == nullptr || is_dead(*member->pod); });
  for (const Member* member : lost) {
    replace_volume(facts, draft, *member);
    if (draft.slot_taken() || draft.drain_wanted()) return;
  }
}

void plan_storage(const Facts& facts, Draft& draft) {
  for (const ClaimView& claim : facts.world.claims) {
    if (claim.terminating) continue;
    // What a former cluster left behind is a member's from the moment that there is the member.
    const bool is_ours = claim.ordinal < std::max(facts.held, facts.remembered.ring_members) ||
                         claim.created_unix >= facts.world.cluster.created_unix;
    own(facts, draft, claim, is_ours);
    const bool is_members =
        claim.ordinal < facts.held ||
        (claim.ordinal < facts.ordinals && claim.created_unix >= facts.world.cluster.created_unix);
    if (is_members && !is_lost(claim)) grow(facts, draft, claim);
  }
  recreate_set(facts, draft);
  restart_for_file_system(facts, draft);
  delete_unused(facts, draft);
}

}  // namespace ferro::oper::plan
