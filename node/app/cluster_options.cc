#include "node/app/cluster_options.h"

#include <utility>

#include "node/app/version.h"

namespace ferro::node::app {
namespace {

constexpr int64_t kMillisecondsPerSecond = 1000;

static_assert(config::kProtocolVersionNewest == cluster::kProtocolVersion);
static_assert(config::kProtocolVersionOldest == cluster::kProtocolVersionMin);

int64_t milliseconds(uint64_t seconds) {
  return static_cast<int64_t>(seconds) * kMillisecondsPerSecond;
}

cluster::WriteConsistency write_consistency(const std::string& name) {
  if (name == "one") return cluster::WriteConsistency::one;
  if (name == "quorum") return cluster::WriteConsistency::quorum;
  return cluster::WriteConsistency::all;
}

}  // namespace

Result<cluster::ClusterOptions> cluster_options(const config::Config& config, const std::string& node_id,
                                                const cluster::Endpoint& advertised,
                                                const cluster::Endpoint& api) {
  const config::Config::Cluster& set = config.cluster;
  cluster::ClusterOptions options;
  options.self = node_id;
  options.cluster_id = set.id;
  options.data_folder = config.wal_path;
  options.software = kVersion;
  options.advertised = advertised;
  options.api_address = cluster::to_string(api);
  for (const std::string& text : set.seed_nodes) {
    FERRO_ASSIGN_OR_RETURN(cluster::Endpoint seed, cluster::parse_endpoint(text));
    options.seeds.push_back(std::move(seed));
  }
  options.replication_factor = set.replication_factor;
  options.weight = static_cast<uint32_t>(set.virtual_nodes);
  options.write_consistency = write_consistency(set.write_consistency);
  options.phi_threshold = set.phi_threshold;
  options.read_repair_enabled = set.read_repair_enabled;
  options.dead_node_removal_enabled = set.dead_node_removal_enabled;
  options.max_replication_retries = set.max_replication_retries;
  options.request_timeout_ms = static_cast<int64_t>(set.request_timeout_ms);
  options.re_replicate_after_ms = milliseconds(set.re_replicate_after_seconds);
  options.hint_max_bytes = set.hint_max_bytes;
  options.hint_max_age_ms = milliseconds(set.hint_max_age_seconds);
  options.split_entries = set.split_entries;
  options.split_bytes = set.split_bytes;
  options.gossip_interval_ms = static_cast<int64_t>(set.gossip_interval_ms);
  options.repair_interval_ms = milliseconds(set.repair_interval_seconds);
  options.repair_bytes_per_second = set.repair_bytes_per_second;
  options.tombstone_retention_ms = milliseconds(set.tombstone_retention_seconds);
  options.protocol_version = static_cast<uint16_t>(set.protocol_version_max);
  options.forget_after_ms = milliseconds(set.forget_after_seconds);
  return options;
}

}  // namespace ferro::node::app
