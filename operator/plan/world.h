// What the operator sees of one cluster at one moment: the planner's whole input beside the spec and the
// time. Built by controllers from the caches and from what the nodes themselves report. Values only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "operator/api/spec.h"

namespace ferro::oper::plan {

// A node's own word, from GET /cluster/status.
struct NodeReport {
  std::string state;  // joining, ready, draining, drained, not_ready
  std::string reason;
  std::string version;
  int64_t started_unix = 0;
  // Ring and replication.
  std::vector<std::string> members;  // alive, as it sees them
  std::vector<std::string> dead;
  int64_t replication_factor = 0;  // that it asks for; the ring follows the largest. 0 = not told
  uint64_t ring_epoch = 0;
  int64_t ring_members = 0;
  bool ring_changing = false;
  int64_t partitions_under_replicated = 0;
  int64_t partitions_out_of_step = 0;
  int64_t partitions_uncompared = 0;  // nothing is known of their other copies yet
  int64_t hints = 0;
  int64_t replication_lag_ms = 0;
  bool catch_up_running = false;
  bool hand_over_running = false;
  bool drain_running = false;
  bool drained = false;
  int64_t drain_done = 0;
  int64_t drain_total = 0;
  // Certificates and tokens. `certificate` is what it shows to the other nodes and to the operator.
  std::string certificate_fingerprint;
  std::string client_certificate_fingerprint;  // shown to clients; empty without tls.clientTLS
  int64_t certificate_not_after_unix = 0;
  std::vector<std::string> trusted_fingerprints;  // of the anchors
  bool auth_enabled = true;                       // false: it asks nobody for a token
  int64_t token_generation = 0;                   // the newest loaded
  std::map<int64_t, int64_t> token_last_used_unix;
  // Storage.
  int64_t entries = 0;
  int64_t memory_bytes = 0;
  int64_t memory_max_bytes = 0;
  int64_t wal_bytes = 0;
  int64_t snapshot_bytes = 0;
  int64_t snapshot_number = 0;
  int64_t snapshot_unix = 0;  // 0 = none yet
  bool snapshot_failed = false;
  bool snapshot_running = false;
  int64_t dead_entries = 0;
};

struct PodView {
  std::string name;
  int64_t ordinal = 0;
  std::string uid;
  bool scheduled = false;
  bool ready = false;
  int64_t not_ready_since_unix = 0;  // by its kubelet; 0 = it is ready, or not known
  bool terminating = false;
  int64_t deletion_unix = 0;   // when it was to be gone at the latest (metadata.deletionTimestamp); 0 = stays
  bool failed = false;         // phase Failed, or evicted
  std::string waiting_reason;  // of the container, empty once it runs: ContainerCreating, ImagePullBackOff,
                               // CrashLoopBackOff, CreateContainerConfigError, ...
  std::string waiting_message;
  std::string unschedulable;  // the scheduler's message
  int64_t restarts = 0;
  bool never_ran = false;  // no container of it has ever been started
  std::string template_hash;
  bool tls = true;  // it was made for mutual TLS between nodes (it mounts NAME-tls)
  std::string node_name;
  std::string ip;
  int64_t created_unix = 0;
  // Answered within the probe's time-out, or why not.
  std::optional<NodeReport> report;
  std::string probe_error;
};

struct ClaimView {
  std::string name;
  int64_t ordinal = 0;
  std::string uid;
  bool owned = true;          // the resource is among its owners
  bool owned_by_set = false;  // its StatefulSet is
  std::string volumes_id;     // cluster.id of the nodes that wrote to it, as api::Cluster::volumes_id
  std::string phase;          // Pending, Bound, Lost
  bool terminating = false;
  int64_t requested_bytes = 0;
  int64_t capacity_bytes = 0;
  int64_t created_unix = 0;
  bool resize_pending = false;      // FileSystemResizePending: the pod has to start anew
  int64_t resize_pending_unix = 0;  // since when; 0 = not known
  std::string resize_error;
  std::optional<bool> expandable;  // of its StorageClass; nothing = not known
};

struct StatefulSetView {
  std::string uid;
  int64_t replicas = 0;
  int64_t claim_bytes = 0;  // of its claim template
  std::string template_hash;
  bool tls = true;  // of its pod template, as in PodView
  bool terminating = false;
  bool owns_claims = false;  // its controller makes it an owner of the claims (whenDeleted: Delete)
  int64_t pods_made = 0;     // by its controller, at its last look
  bool observed =
      true;  // its controller has seen the latest: status.observedGeneration is metadata.generation
};

struct Authority {
  int64_t generation = 0;
  std::string fingerprint;
  int64_t not_before_unix = 0;
  int64_t not_after_unix = 0;
};

struct Leaf {
  std::string fingerprint;
  std::string issuer_fingerprint;
  int64_t not_before_unix = 0;
  int64_t not_after_unix = 0;
  bool names_match = true;  // it is made out to what this member is called now
};

// The certificates as the Secrets hold them.
struct PkiView {
  std::optional<Authority> current;    // issues leaves
  std::optional<Authority> next;       // trusted already, issues nothing yet (phase 1)
  std::optional<Authority> previous;   // still trusted, issues nothing any more (phases 2 and 3); of several
                                       // the one that ends last
  int64_t replaced_generation = 0;     // spec.tls.replaceCAGeneration acted on
  int64_t rotated_generation = 0;      // spec.tls.rotateGeneration acted on
  std::vector<std::string> published;  // fingerprints in the trust bundle
  std::map<int64_t, Leaf> leaves;      // by ordinal
  std::string damaged;                 // a Secret of ours that cannot be read: which, and why
};

struct TokenView {
  bool external = false;  // auth.existingSecret
  bool exists = false;
  std::string damaged;
  int64_t current_generation = 0;              // key `token`
  int64_t newest_generation = 0;               // in `tokens`
  std::optional<int64_t> previous_generation;  // accepted beside the current one
  int64_t minted_unix = 0;                     // of the newest
  int64_t switched_unix = 0;                   // when `token` became the newest
  int64_t rotated_generation = 0;              // spec.auth.rotateGeneration acted on
};

struct AutoscaleSample {
  double memory_percent = 0;     // of the fullest member
  std::optional<double> p99_ms;  // of the last window, nothing without traffic
  int64_t last_scale_unix = 0;
  int64_t above_since_unix = 0;  // 0 = not above
  int64_t below_since_unix = 0;
};

struct World {
  api::Cluster cluster;
  std::string invalid;  // why the spec cannot be acted on; everything else then only reports
  bool namespace_terminating = false;
  std::string desired_template_hash;  // of the pod template as the spec renders now
  std::string default_image_version;
  std::optional<StatefulSetView> statefulset;
  std::vector<PodView> pods;      // by ordinal
  std::vector<ClaimView> claims;  // by ordinal
  PkiView pki;
  TokenView tokens;
  std::vector<std::string> foreign;  // objects of our names that belong to somebody else, as Kind/name
  // Owned objects that are absent or differ from what is rendered with the replicas that the StatefulSet has
  // now, as Kind/name; and those that are to be deleted because the spec does not mean them any more.
  std::vector<std::string> missing;
  AutoscaleSample autoscale;
};

}  // namespace ferro::oper::plan
