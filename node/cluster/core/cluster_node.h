// A node of a cluster: membership, ring, routing, replication, repair and hand-over put together over one
// engine. docs/cluster.md.
//
// Owned by app (or by the simulator), which owns the engine, loop and network too and lets them outlive it.
// start() and stop() once; cache(), readiness(), status() and the drain calls from any thread; all else
// happens on the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/io/file_system.h"
#include "node/cache/cache.h"
#include "node/cluster/placement/placement.h"
#include "node/cluster/runtime/loop.h"
#include "node/cluster/runtime/network.h"
#include "node/cluster/wire/messages.h"
#include "node/engine/engine.h"

namespace ferro::node::cluster {

enum class WriteConsistency : uint8_t { one, quorum, all };

struct ClusterOptions {
  NodeId self;
  std::string cluster_id = "ferrocache";
  std::string data_folder;  // keeps the ring last seen and the generation
  std::string software = "unknown";
  Endpoint advertised;      // of the peer protocol; never 0.0.0.0
  std::string api_address;  // host:port of the HTTP API, as told to others
  std::vector<Endpoint> seeds;
  size_t replication_factor = 2;
  uint32_t weight = 64;  // cluster.virtual_nodes
  WriteConsistency write_consistency = WriteConsistency::all;
  double phi_threshold = 8.0;
  bool read_repair_enabled = true, dead_node_removal_enabled = true;
  uint64_t max_replication_retries = 3;
  int64_t request_timeout_ms = 1000;
  int64_t re_replicate_after_ms = 30'000;
  uint64_t hint_max_bytes = 268'435'456;
  int64_t hint_max_age_ms = 3'600'000;
  int64_t gossip_interval_ms = 500;
  int64_t repair_interval_ms = 30'000;  // between two comparisons of a partition with its other owners
  uint64_t repair_bytes_per_second = 32U << 20;
  int64_t tombstone_retention_ms = 86'400'000;
  int64_t forget_after_ms = 3'600'000;
  // A namespace is spread over more partitions when a shard of it has more entries or bytes; 0 = never for
  // that.
  uint64_t split_entries = 250'000, split_bytes = uint64_t{2} << 30;
  uint16_t protocol_version = kProtocolVersion;
};

// What a node tells of itself beside the cluster's own values: shown to operators through /cluster/status.
struct Credentials {
  std::string certificate_fingerprint;
  int64_t certificate_not_after_unix = 0;
  std::vector<std::string> trusted_fingerprints;
  uint64_t token_generation = 0;
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

struct PeerStatus {
  NodeId node;
  std::string api_address, gossip_address, software;
  std::string state;   // joining, ready, leaving, left
  std::string health;  // alive, suspected, dead
  double phi = 0.0;
  bool reachable = true;          // its breaker is closed
  uint64_t protocol_version = 0;  // of the link to it
  uint64_t waiting_bytes = 0, calls_in_flight = 0, calls_failed = 0, hint_bytes = 0;
  double latency_ms = 0.0;
  std::optional<int64_t> clock_ahead_ms;  // this node's clock, of the peer's; nothing if it has not told
  Credentials credentials;
};

struct PartitionHealth {
  uint16_t partition = 0;
  uint64_t live_owners = 0;
  bool in_step = true;   // as last compared with every live owner
  bool compared = true;  // with each of them, since the ring is as it is and somebody last came back
};

struct ClusterStatus {
  std::string state;   // joining, ready, leaving, drained
  std::string reason;  // why it is not ready; empty if it is
  std::string gossip_address;
  std::vector<NodeId> nodes;       // not dead, this one included
  std::vector<NodeId> dead_nodes;  // until forgotten
  std::vector<PeerStatus> peers;   // all others known
  uint64_t ring_epoch = 0, ring_members = 0, ring_fingerprint = 0, target_fingerprint = 0;
  bool ring_changing = false;
  bool ring_full = false;  // somebody who wants to join is left out
  uint64_t partitions_owned = 0, partitions_under_replicated = 0, partitions_out_of_step = 0,
           partitions_uncompared = 0;
  std::vector<PartitionHealth> partitions;  // those that this node owns or is about to
  std::shared_ptr<const Placement> ring =
      std::make_shared<const Placement>();  // in force: says who owns them
  struct Transfer {
    bool running = false;
    uint64_t partitions_done = 0, partitions_total = 0, entries_moved = 0, bytes_moved = 0;
  } catch_up, drain, hand_over;
  bool drained = false;  // nothing is left that only this node holds
  // A planned stop: what it has come to and what it waits for.
  struct Departure {
    bool running = false;
    std::string waits_for;                               // empty when it waits for nothing
    uint64_t partitions_done = 0, partitions_total = 0;  // compared with every owner that is there
    uint64_t partitions_only_here = 0;                   // and without one
    uint64_t operations_unconfirmed = 0;
    // When it is over: whatever this node holds is seen to be with every other owner that is there, and each
    // partition has one. Else what is missing.
    bool complete = false;
    std::string left;
  } departure;
  // Namespaces that are spread over 2^degree partitions; what they are called where it is known here.
  struct Split {
    uint64_t hash = 0;
    uint64_t degree = 0;
    std::vector<model::NamespaceKey> namespaces;
  };
  std::vector<Split> splits;
  uint64_t splits_wanted = 0;          // by this node, beyond the ring
  std::vector<NodeId> splits_held_by;  // members that keep namespaces from being split
  uint64_t hints = 0, hint_bytes = 0, hints_dropped = 0;
  uint64_t forwards = 0, replication_failures = 0, replication_retries = 0, read_repairs = 0,
           read_repair_failures = 0, repaired_entries = 0, ring_changes = 0, hedged_lookups = 0,
           gossip_bytes_sent = 0, gossip_bytes_received = 0;
  int64_t clock_ahead_ms = 0;      // of most other nodes' clocks; negative if behind
  int64_t replication_lag_ms = 0;  // age of the oldest operation that a live owner has not confirmed
  std::vector<std::pair<std::string, std::string>> refused_links;
};

class ClusterNode {
 public:
  // Reads (or makes) the cluster's state in the data folder. Nothing runs yet.
  static Result<std::unique_ptr<ClusterNode>> create(ClusterOptions options, engine::Engine& engine,
                                                     Loop& loop, Network& network, io::FileSystem& fs);
  virtual ~ClusterNode() = default;  // after stop()

  virtual void start() = 0;
  virtual cache::Cache& cache() = 0;
  // ok when this node answers as well as any other; otherwise a sentence for /readyz.
  virtual Status readiness() const = 0;
  virtual ClusterStatus status() const = 0;  // a snapshot at most a second old
  virtual void set_credentials(Credentials credentials) = 0;

  // POST and DELETE /admin/drain. failed_precondition if there is nobody to hand over to. Progress is in
  // status(); a drained node goes on routing until it is stopped.
  virtual void start_drain(std::function<void(Status)> done) = 0;  // `done` on the loop
  virtual void cancel_drain(std::function<void(Status)> done) = 0;

  // SIGTERM, while requests go on: others answer in this node's place where they can, and whatever it holds
  // is seen to be with every other live owner, or handed over where there is none. `done` on the loop, when
  // that is so or after `timeout_ms`; status().departure tells.
  virtual void hand_off(int64_t timeout_ms, std::function<void()> done) = 0;
  // When no more requests come: this node decides nothing any more; the same once more, for what was decided
  // meanwhile, and goodbye, so that nobody takes it for dead.
  virtual void leave(int64_t timeout_ms, std::function<void()> done) = 0;
  // Fails what is in flight and lets go of everything. Blocks until the loop, still running on its own
  // thread, has done so.
  virtual void stop() = 0;
  // The same for an owner that is on the loop itself (the simulator).
  virtual void stop_on_loop() = 0;
};

}  // namespace ferro::node::cluster
