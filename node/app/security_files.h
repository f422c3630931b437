// Everything that comes from mounted files of tokens, certificates and keys: opened at the start, looked at
// again every second, told about in status and metrics.
//
// Owned by run(); poll() on the main thread, all else from any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/time/clock.h"
#include "node/api/api.h"
#include "node/cluster/core/cluster_node.h"
#include "node/config/config.h"
#include "node/metrics/metrics.h"
#include "node/security/peer_tls.h"
#include "node/security/server_tls.h"
#include "node/security/tokens.h"

namespace ferro::node::app {

class SecurityFiles {
 public:
  // A file that is missing or wrong is an error that names it.
  static Result<std::unique_ptr<SecurityFiles>> open(const config::Config& config);

  const security::TokenSource& tokens() const { return *tokens_; }
  security::ServerTls* public_tls() const { return public_tls_.get(); }      // null: plain HTTP
  security::ServerTls* internal_tls() const { return internal_tls_.get(); }  // null without cluster.tls
  const security::PeerTls* peer_tls() const { return peer_tls_.get(); }      // the same
  std::optional<api::Certificate> public_certificate() const;
  // What this node tells of itself to others: its certificate and whom it trusts (without cluster.tls
  // neither), and its tokens.
  cluster::Credentials credentials() const;
  void add_to(metrics::Sources& sources) const;

  // Says once that a file went bad and once that it is good again, not at every look; `asked`: says so
  // anyway.
  void poll(bool asked);

 private:
  std::unique_ptr<security::TokenSource> tokens_;
  std::unique_ptr<security::ServerTls> public_tls_, internal_tls_;
  std::unique_ptr<security::PeerTls> peer_tls_;
};

// For --check-config: opens the files that the configuration names, as a start does. The error would refuse
// the start; what is returned would not, but clients and peers then refuse the node.
Result<std::vector<std::string>> check_files(const config::Config& config, const Clock& clock);

}  // namespace ferro::node::app
