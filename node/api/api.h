// The HTTP API of docs/api.md over the cache: routes, tokens, validation, answers.
//
// Owned by app; its parts outlive it. Thread-safe: requests come on the HTTP cores, results from any thread.
// No exception and no request is ever left without exactly one answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/time/clock.h"
#include "node/cache/cache.h"
#include "node/cluster/core/cluster_node.h"
#include "node/engine/engine.h"
#include "node/http/message.h"
#include "node/metrics/metrics.h"
#include "node/security/tokens.h"

namespace ferro::node::api {

struct Certificate {  // the one that the public port serves
  std::string fingerprint_sha256;
  int64_t not_after_unix = 0;
};

struct ApiOptions {
  uint64_t max_response_bytes = 1'048'576;  // limits.max_response_bytes
  uint64_t max_batch_items = 1000;          // limits.max_batch_items
  bool metrics_auth = false;                // http.metrics_auth
  bool read_repair_enabled = true;          // cluster.read_repair_enabled, shown in /cluster/status
  std::string version = "unknown";
  std::function<std::optional<Certificate>()> certificate;  // empty without TLS
  // cluster.replication_factor and cluster.write_consistency, shown in /cluster/status.
  uint64_t replication_factor = 2;
  std::string write_consistency = "all";
  // What this node shows to others and trusts in them; empty without cluster.tls.
  std::function<std::optional<cluster::Credentials>()> node_credentials;
};

struct ApiParts {
  engine::Engine& engine;  // of this node: its own figures, compaction
  cache::Cache& cache;     // what clients read and write
  const security::TokenSource& tokens;
  metrics::Metrics& metrics;
  const Clock& clock;
  cluster::ClusterNode* cluster = nullptr;  // null: a node alone
};

class Api : public http::Service {
 public:
  static std::unique_ptr<Api> create(ApiOptions options, const ApiParts& parts);
  // From now on /readyz answers 503, so that balancers look elsewhere; everything else goes on.
  virtual void begin_drain() = 0;
  // The same routes for the port that asks for a certificate of the cluster: who has shown one is an
  // administrator without a token. Lives as long as the Api.
  virtual http::Service& for_peers() = 0;
};

}  // namespace ferro::node::api
