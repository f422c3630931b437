#include "operator/plan/rules.h"

#include <array>

namespace ferro::oper::plan {
namespace {

constexpr auto kRules = std::to_array<RuleEntry>({
    {Rule::stateful_set_behind, "StatefulSetBehind", true},
    {Rule::template_not_applied, "TemplateNotApplied", true},
    {Rule::pod_terminating, "PodTerminating", true},
    {Rule::member_missing, "MemberMissing", true},
    {Rule::member_not_ready, "MemberNotReady", true},
    {Rule::member_unreachable, "MemberUnreachable", true},
    {Rule::member_draining, "MemberDraining", true},
    {Rule::ring_changing, "RingChanging", true},
    {Rule::ring_incomplete, "RingIncomplete", true},
    {Rule::epochs_differ, "EpochsDiffer", true},
    {Rule::transfer_running, "TransferRunning", true},
    {Rule::partitions_under_replicated, "PartitionsUnderReplicated", true},
    {Rule::partitions_out_of_step, "PartitionsOutOfStep", true},
    {Rule::partitions_uncompared, "PartitionsUncompared", true},
    {Rule::hints_waiting, "HintsWaiting", true},
    {Rule::other_action_first, "OtherActionFirst", true},
    {Rule::foreign_object, "ForeignObject", false},
    {Rule::stateful_set_terminating, "StatefulSetTerminating", true},
    {Rule::credentials_missing, "CredentialsMissing", true},
    {Rule::claim_terminating, "ClaimTerminating", true},
    {Rule::retained_volumes_left_out, "RetainedVolumesLeftOut", false},
    {Rule::below_replication_factor, "BelowReplicationFactor", false},
    {Rule::draining, "Draining", true},
    {Rule::still_in_ring, "StillInRing", true},
    {Rule::pods_of_other_transport, "PodsOfOtherTransport", true},
    {Rule::autoscaler_at_limit, "AutoscalerAtLimit", false},
    {Rule::update_paused, "UpdatePaused", false},
    {Rule::pod_starting, "PodStarting", true},
    {Rule::new_pod_not_ready, "NewPodNotReady", true},
    {Rule::authority_damaged, "AuthorityDamaged", false},
    {Rule::trust_not_loaded, "TrustNotLoaded", true},
    {Rule::leaf_not_served, "LeafNotServed", true},
    {Rule::token_secret_damaged, "TokenSecretDamaged", false},
    {Rule::external_secret_missing, "ExternalSecretMissing", false},
    {Rule::token_not_loaded, "TokenNotLoaded", true},
    {Rule::overlap_running, "OverlapRunning", false},
    {Rule::old_token_in_use, "OldTokenInUse", false},
    {Rule::storage_class_not_expandable, "StorageClassNotExpandable", false},
    {Rule::storage_cannot_shrink, "StorageCannotShrink", false},
    {Rule::resize_failed, "ResizeFailed", false},
    {Rule::claim_not_grown, "ClaimNotGrown", true},
    {Rule::snapshot_running, "SnapshotRunning", true},
});

// The table is indexed by the enumerators: each has its line, at its place.
constexpr bool is_in_order() {
  for (size_t i = 0; i < kRules.size(); ++i) {
    if (static_cast<size_t>(kRules[i].rule) != i) return false;
  }
  return kRules.size() == static_cast<size_t>(Rule::snapshot_running) + 1;
}
static_assert(is_in_order());

const RuleEntry& entry_of(Rule rule) noexcept {
  return kRules[static_cast<size_t>(rule)];
}

}  // namespace

std::span<const RuleEntry> all_rules() noexcept {
  return kRules;
}

std::string_view name_of(Rule rule) noexcept {
  return entry_of(rule).name;
}

bool passes_by_itself(Rule rule) noexcept {
  return entry_of(rule).passes_by_itself;
}

}  // namespace ferro::oper::plan
