// Kubernetes through the user's own kubectl: its credentials, contexts and plugins are the user's business.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "clients/ferroctl/process.h"
#include "common/base/result.h"
#include "common/base/secret.h"

namespace ferro::ferroctl {

struct Forwarded {
  Companion port;
  std::string url;
  Secret token;  // empty if the cluster has none
};

class Kubectl {
 public:
  Kubectl(std::string ns, std::string kubeconfig, std::string context)
      : ns_(std::move(ns)), kubeconfig_(std::move(kubeconfig)), context_(std::move(context)) {}

  // kubectl WORDS with the connection's options; its standard output.
  Result<std::string> run(std::vector<std::string> words) const;
  Result<nlohmann::json> get(const std::string& kind, const std::string& name) const;  // name empty = a list
  // The client Service of a cluster on a free port of this machine, and the token from its Secret.
  Result<Forwarded> forward(const std::string& cluster) const;

 private:
  std::vector<std::string> command(std::vector<std::string> words) const;
  const std::string ns_, kubeconfig_, context_;
};

}  // namespace ferro::ferroctl
