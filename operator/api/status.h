// status of a FerroCacheCluster. Nothing in it changes on a pass that changed nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace ferro::oper::api {

// The contract's names, in this order: Available, Progressing, Degraded, CertificatesReady, TokensReady,
// StorageReady, SnapshotsHealthy, ScaleSafe, Paused.
struct Condition {
  std::string type;
  std::string status;  // True, False, Unknown
  std::string reason;  // one CamelCase word
  std::string message;
  int64_t observed_generation = 0;
  int64_t last_transition_unix = 0;  // set by `carry_transitions`
};

struct Member {
  std::string name;
  std::string state;  // the node's own word, or pending, starting, terminating, unreachable
  bool ready = false;
  std::string certificate_fingerprint;
  int64_t certificate_not_after_unix = 0;
  std::vector<std::string> trusted_fingerprints;
  int64_t token_generation = 0;
  int64_t entries = 0;  // two significant digits: a coarse figure is not rewritten on every pass
  int64_t snapshot_unix = 0;
  std::string version;
};

struct Blocker {
  std::string action;  // Roll, ScaleDown, ReplaceCA, RotateToken, Compact, GrowStorage, ...
  std::string rule;    // the rule's name, documented in docs/operator
  std::string member;  // empty = the cluster
  int64_t since_unix = 0;
  std::string message;
};

// Of snapshots.compactGeneration: a member that still has to make a snapshot. Its number tells when it has.
struct PendingCompaction {
  std::string member;
  int64_t snapshot_number = 0;  // of the member when it was asked for
};

struct ClusterStatus {
  int64_t observed_generation = 0;
  std::string phase;
  int64_t replicas = 0;
  int64_t ready_replicas = 0;
  std::string selector;
  std::string version;
  std::string endpoint;
  std::vector<Condition> conditions;
  std::vector<Member> members;
  int64_t ca_generation = 0;
  std::string tls_phase;  // Stable, PublishingTrust, IssuingLeaves, DroppingOld
  int64_t ca_not_after_unix = 0;
  int64_t cert_not_after_unix = 0;  // the earliest of the leaves
  int64_t auth_generation = 0;
  bool auth_previous_accepted = false;
  int64_t last_compaction_unix = 0;
  // What the planner has to find again after a restart of the operator, as `ringMembers` and
  // `compaction: {generation, pending: [{member, snapshotNumber}]}`.
  int64_t ring_members = 0;  // members that hold data: how many pods waking from hibernation brings back
  int64_t compact_generation = 0;  // spec.snapshots.compactGeneration acted on
  std::vector<PendingCompaction> compactions_pending;
  std::vector<Blocker> blocked_by;
};

// lastTransitionTime and blockedBy.since are kept from `previous` where nothing but time has passed.
void carry_transitions(const nlohmann::json& previous, int64_t now_unix, ClusterStatus& status);
nlohmann::json to_json(const ClusterStatus& status);

}  // namespace ferro::oper::api
