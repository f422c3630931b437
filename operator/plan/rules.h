// Every reason for which the operator waits, by name. docs/operator/blocked.md has a line for each; a test
// holds that.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ferro::oper::plan {

enum class Rule : uint8_t {
  // Of the cluster as a whole, before anything disruptive.
  stateful_set_behind,
  template_not_applied,
  pod_terminating,
  member_missing,
  member_not_ready,
  member_unreachable,
  member_draining,
  ring_changing,
  ring_incomplete,
  epochs_differ,
  transfer_running,
  partitions_under_replicated,
  partitions_out_of_step,
  partitions_uncompared,
  hints_waiting,
  other_action_first,
  // Objects.
  foreign_object,
  stateful_set_terminating,
  credentials_missing,
  claim_terminating,
  retained_volumes_left_out,
  // Scaling.
  below_replication_factor,
  draining,
  still_in_ring,
  pods_of_other_transport,
  autoscaler_at_limit,
  // Rolls.
  update_paused,
  pod_starting,
  new_pod_not_ready,
  // Certificates and tokens.
  authority_damaged,
  trust_not_loaded,
  leaf_not_served,
  token_secret_damaged,
  external_secret_missing,
  token_not_loaded,
  overlap_running,
  old_token_in_use,
  // Storage.
  storage_class_not_expandable,
  storage_cannot_shrink,
  resize_failed,
  claim_not_grown,
  // Snapshots.
  snapshot_running,
};

// What a rule is called in status, and whether what it waits for comes within seconds (the operator looks
// again soon) or needs a person or much time (it looks again at its leisure).
struct RuleEntry {
  Rule rule;
  std::string_view name;
  bool passes_by_itself;
};

std::span<const RuleEntry> all_rules() noexcept;
std::string_view name_of(Rule rule) noexcept;
bool passes_by_itself(Rule rule) noexcept;

// One rule that holds something back now.
struct Hold {
  Rule rule;
  std::string member;  // empty = the cluster
  std::string message;
};

}  // namespace ferro::oper::plan
