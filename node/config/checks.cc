#include "node/config/checks.h"

#include <string>

#include "common/base/result.h"

namespace ferro::node::config {

namespace {

// Until nodes can form a cluster: starting a node that only believes to be in one would lose what it
// replicates.
Status check_cluster_is_off(const Config& config) {
  if (!config.cluster.enabled) return {};
  return Status::invalid(
      "cluster.enabled: \"true\" is not allowed in this version: a node runs alone; allowed: false");
}

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
  constexpr uint64_t kPortMax = 65'535, kInternalPortOffset = 1000;
  const uint64_t port = tls.internal_port != 0 ? tls.internal_port : config.port + kInternalPortOffset;
  if (port > kPortMax || port == config.port) {
    return Status::invalid("cluster.tls.internal_port: " + std::to_string(port) +
                           " is not allowed: it must be at most 65535 and differ from port");
  }
  return {};
}

}  // namespace

Status check_combinations(const Config& config) {
  FERRO_RETURN_IF_ERROR(check_cluster_is_off(config));
  FERRO_RETURN_IF_ERROR(check_http_tls(config.http.tls));
  return check_cluster_tls(config);
}

}  // namespace ferro::node::config
