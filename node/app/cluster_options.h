// Configuration to what the cluster takes.
#pragma once

#include <string>

#include "common/base/result.h"
#include "node/cluster/core/cluster_node.h"
#include "node/config/config.h"

namespace ferro::node::app {

// `advertised`, `api`: what others are told of the node-to-node protocol and of the HTTP API.
Result<cluster::ClusterOptions> cluster_options(const config::Config& config, const std::string& node_id,
                                                const cluster::Endpoint& advertised,
                                                const cluster::Endpoint& api);

}  // namespace ferro::node::app
