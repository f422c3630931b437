#include "node/config/checks.h"

#include <string>

#include "common/base/result.h"
#include "node/config/values.h"

namespace ferro::node::config {

namespace {

constexpr uint64_t kPortMax = 65'535;

Status check_http_tls(const Config::Http::Tls& tls) {
  if (tls.cert_path.empty() != tls.key_path.empty()) {
    return Status::invalid(
        "http.tls.cert_path and http.tls.key_path: only one of the two is set; set both or none");
  }
  if (!tls.client_ca_path.empty() && tls.cert_path.empty()) {
    return Status::invalid("http.tls.client_ca_path: needs http.tls.cert_path and http.tls.key_path too");
  }
  return {};
}

Status check_cluster_tls(const Config& config) {
  const Config::Cluster::Tls& tls = config.cluster.tls;
  if (!tls.enabled) return {};
  if (tls.ca_cert_path.empty() || tls.node_cert_path.empty() || tls.node_key_path.empty()) {
    return Status::invalid(
        "cluster.tls.enabled: needs cluster.tls.ca_cert_path, cluster.tls.node_cert_path and "
        "cluster.tls.node_key_path too");
  }
  const uint64_t port = internal_port_of(config);
  if (port > kPortMax || (port == config.port && port != 0)) {
    return Status::invalid("cluster.tls.internal_port: " + std::to_string(port) +
                           " is not allowed: it must be at most 65535 and differ from port");
  }
  return {};
}

Status check_gossip_port(const Config& config) {
  const uint64_t port = gossip_port_of(config);
  if (port == 0) return {};
  const bool taken_inside = config.cluster.tls.enabled && port == internal_port_of(config);
  if (port > kPortMax || port == config.port || taken_inside) {
    return Status::invalid("cluster.gossip_addr: port " + std::to_string(port) +
                           " is not allowed: it must be at most 65535 and differ from port and "
                           "cluster.tls.internal_port");
  }
  return {};
}

// What could bring a deleted entry back must be over before the memory of its deletion is given up.
Status check_times(const Config::Cluster& cluster) {
  if (cluster.tombstone_retention_seconds <= cluster.hint_max_age_seconds) {
    return Status::invalid(
        "cluster.tombstone_retention_seconds: must be more than cluster.hint_max_age_seconds, or a late hint "
        "brings deleted entries back");
  }
  if (cluster.tombstone_retention_seconds <= 2 * cluster.repair_interval_seconds) {
    return Status::invalid(
        "cluster.tombstone_retention_seconds: must be more than twice cluster.repair_interval_seconds, or "
        "deletions are given up before every copy has seen them");
  }
  if (cluster.forget_after_seconds < cluster.re_replicate_after_seconds) {
    return Status::invalid(
        "cluster.forget_after_seconds: must not be less than cluster.re_replicate_after_seconds");
  }
  return {};
}

Status check_cluster(const Config& config) {
  FERRO_RETURN_IF_ERROR(check_cluster_tls(config));
  if (!config.cluster.enabled) return {};
  FERRO_RETURN_IF_ERROR(check_gossip_port(config));
  return check_times(config.cluster);
}

}  // namespace

uint64_t internal_port_of(const Config& config) {
  if (config.cluster.tls.internal_port != 0) return config.cluster.tls.internal_port;
  return config.port == 0 ? 0 : config.port + kInternalPortOffset;
}

uint64_t gossip_port_of(const Config& config) {
  const std::string& address = config.cluster.gossip_addr;
  if (!address.empty()) return parse_integer(address.substr(address.rfind(':') + 1)).value_or(0);
  return config.port == 0 ? 0 : config.port + kGossipPortOffset;
}

Status check_combinations(const Config& config) {
  FERRO_RETURN_IF_ERROR(check_http_tls(config.http.tls));
  return check_cluster(config);
}

}  // namespace ferro::node::config
