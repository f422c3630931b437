// Which cache a command talks to: a base URL, or a FerroCacheCluster that kubectl finds and forwards a port
// to.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "clients/ferroctl/http_client.h"
#include "clients/ferroctl/process.h"

namespace ferro::ferroctl {

struct ConnectionOptions {
  std::string url;  // empty = FERROCACHE_URL, else http://127.0.0.1:3000; not used with `cluster`
  std::string token_file;
  std::string ca_file, cert_file, key_file;
  int64_t timeout_ms = 10'000;
  // Of Kubernetes.
  std::string cluster;  // name of a FerroCacheCluster; empty = by URL
  std::string kube_namespace, kubeconfig, context;
  int64_t kubectl_timeout_ms = 60'000;  // for one answer of kubectl, its log-in included
};

// Owns the forwarded port, if there is one, and so outlives the client's calls.
struct Connection {
  std::optional<Companion> forward;
  std::unique_ptr<HttpClient> client;
};

// The token comes from the file, else from FERROCACHE_AUTH_TOKEN, else (with a cluster) from its Secret;
// never from an argument, which other users of the machine could read.
Result<Connection> connect(const ConnectionOptions& options);
}  // namespace ferro::ferroctl
