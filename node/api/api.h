// The HTTP API of docs/api.md over the engine: routes, tokens, validation, answers.
//
// Owned by app; the backend's parts outlive it. Thread-safe: requests come on the HTTP cores, answers of
// writes leave on the engine's writer thread. No exception and no request is ever left without exactly one
// answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/time/clock.h"
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
};

class Api : public http::Service {
 public:
  static std::unique_ptr<Api> create(ApiOptions options, engine::Engine& engine,
                                     const security::TokenSource& tokens, metrics::Metrics& metrics,
                                     const Clock& clock);
  // From now on /readyz answers 503, so that balancers look elsewhere; everything else goes on.
  virtual void begin_drain() = 0;
};

}  // namespace ferro::node::api
