// The cluster's families. Private to metrics.
#pragma once

#include "node/cluster/core/cluster_node.h"
#include "node/metrics/families.h"

namespace ferro::node::metrics {

// A node alone: itself as the only member, and nothing done.
cluster::ClusterStatus cluster_of_one();

// Labels by peer go with the peer: one that was forgotten is in no scrape.
void add_cluster(const cluster::ClusterStatus& status, Families& out);

}  // namespace ferro::node::metrics
