// The node's Prometheus metrics (prometheus-cpp), under the names of docs/metrics.md. Counters that the
// engine keeps anyway are read at scrape time; only durations are observed on the way. A scrape costs
// O(metrics) and a little per base namespace, never per conversation or entry. Owned by app; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/io/disk_space.h"
#include "common/time/clock.h"
#include "node/cluster/core/cluster_node.h"
#include "node/engine/engine.h"

namespace ferro::node::metrics {

struct MetricsOptions {
  size_t max_namespaces =
      100;  // label values by traffic, conversations folded into their base; the rest is `_other`
  std::string version = "unknown";
};

struct TokenUse {
  uint64_t generation = 0;
  int64_t last_used_unix = 0;
};

// What other modules know, asked at scrape time. One that is not set shows no value.
struct Sources {
  std::function<uint64_t()> http_connections, http_requests_total, http_requests_in_flight,
      http_requests_shed;
  std::function<int64_t()> certificate_not_after_unix;  // 0 = no TLS
  std::function<bool()> token_reload_failed, certificate_reload_failed;
  std::function<uint64_t()> http_connections_total, http_connections_refused, http_requests_refused;
  std::function<uint64_t()> tokens, token_generation, token_reloads;
  std::function<std::vector<TokenUse>()> token_uses;         // of a bounded number of generations
  std::function<int64_t()> node_certificate_not_after_unix;  // 0 = no cluster.tls
  std::function<bool()> node_certificate_reload_failed;
  std::function<Result<io::DiskSpace>()> disk;      // of the data folder
  std::function<cluster::ClusterStatus()> cluster;  // not set: a node alone
};

class Metrics {
 public:
  // `engine` and `clock` outlive the object; so does what `sources` refer to.
  static std::unique_ptr<Metrics> create(MetricsOptions options, const engine::Engine& engine,
                                         const Clock& clock, Sources sources);
  virtual ~Metrics() = default;
  virtual void observe_query_ns(uint64_t elapsed_ns) = 0;
  virtual void observe_insert_ns(uint64_t elapsed_ns) = 0;
  // The best hit of a query that was answered with one.
  virtual void observe_hit(const store::Hit& hit) = 0;
  virtual std::string scrape() const = 0;  // text exposition format 0.0.4
};

}  // namespace ferro::node::metrics
