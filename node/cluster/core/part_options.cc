#include "node/cluster/core/part_options.h"

#include "node/cluster/wire/codec.h"

namespace ferro::node::cluster {

PeersOptions peers_options(const ClusterOptions& options, uint64_t generation) {
  PeersOptions peers;
  peers.self = options.self;
  peers.cluster_id = options.cluster_id;
  peers.generation = generation;
  peers.software = options.software;
  peers.protocol_version = options.protocol_version;
  return peers;
}

MembershipOptions membership_options(const ClusterOptions& options, uint64_t generation) {
  MembershipOptions membership;
  membership.self = options.self;
  membership.generation = generation;
  membership.phi_threshold = options.phi_threshold;
  membership.gossip_interval_ms = options.gossip_interval_ms;
  membership.forget_after_ms = options.forget_after_ms;
  return membership;
}

RingOptions ring_options(const ClusterOptions& options, const engine::Engine& engine) {
  RingOptions ring;
  ring.self = options.self;
  ring.weight = options.weight;
  ring.factor = options.replication_factor;
  ring.re_replicate_after_ms = options.re_replicate_after_ms;
  ring.dead_removal = options.dead_node_removal_enabled;
  ring.seeds = !options.seeds.empty();
  ring.stall_ms = stall_ms_of(options.request_timeout_ms);
  ring.knows_splits = options.protocol_version >= kSplitsSince;
  ring.holds_entries = engine.store().namespace_count() > 0;
  return ring;
}

SyncOptions sync_options(const ClusterOptions& options, const StoredState& stored) {
  SyncOptions sync;
  sync.self = options.self;
  sync.repair_interval_ms = options.repair_interval_ms;
  sync.repair_bytes_per_second = options.repair_bytes_per_second;
  sync.last_alive_ms = stored.last_alive_ms;
  return sync;
}

}  // namespace ferro::node::cluster
