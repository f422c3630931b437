// What the options of a cluster node mean for each of its parts.
#pragma once

#include "node/cluster/core/cluster_node.h"
#include "node/cluster/core/stored_state.h"
#include "node/cluster/membership/membership.h"
#include "node/cluster/peers/peers.h"
#include "node/cluster/ring/ring_keeper.h"
#include "node/cluster/sync/syncer.h"

namespace ferro::node::cluster {

PeersOptions peers_options(const ClusterOptions& options, uint64_t generation);
MembershipOptions membership_options(const ClusterOptions& options, uint64_t generation);
RingOptions ring_options(const ClusterOptions& options, const engine::Engine& engine);
SyncOptions sync_options(const ClusterOptions& options, const StoredState& stored);

}  // namespace ferro::node::cluster
