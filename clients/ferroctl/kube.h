// Kubernetes through the user's own kubectl: its credentials, contexts and plugins are the user's business.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "clients/ferroctl/connection.h"
#include "clients/ferroctl/process.h"
#include "common/base/result.h"
#include "common/base/secret.h"

namespace ferro::ferroctl {

inline constexpr const char* kClusters = "ferrocacheclusters.cache.ferrocache.io";

struct Forwarded {
  Companion port;
  std::string url;
};

class Kubectl {
 public:
  explicit Kubectl(const ConnectionOptions& options)
      : ns_(options.kube_namespace),
        kubeconfig_(options.kubeconfig),
        context_(options.context),
        wait_ms_(options.kubectl_timeout_ms) {}

  // kubectl WORDS with the connection's options; its standard output. not_found if there is no such object,
  // or no kubectl; unreachable if it does not answer in time; too_large for more than run_program takes.
  Result<std::string> run(std::vector<std::string> words) const;
  // A JSON object: the one of that name, or a list if it is empty.
  Result<nlohmann::json> get(const std::string& kind, const std::string& name) const;

  // Of a FerroCacheCluster, as `get` returned it: the token that clients send, empty if they need none ...
  Result<Secret> token_of(const nlohmann::json& cluster) const;
  // ... the authorities that its certificates are checked with, PEM, empty without TLS for clients ...
  Result<std::string> authorities_of(const nlohmann::json& cluster) const;
  // ... and its client Service on a free port of this machine.
  Result<Forwarded> forward(const nlohmann::json& cluster) const;

 private:
  std::vector<std::string> command(std::vector<std::string> words) const;
  // Of a Secret, decoded; `way_out` ends the error if it cannot be.
  Result<std::string> value_in(const std::string& name, const char* key, const std::string& way_out) const;

  const std::string ns_, kubeconfig_, context_;
  const int64_t wait_ms_;
};

}  // namespace ferro::ferroctl
