// What a process of a cluster has beside its engine: the loop, the links to other nodes, the node itself, in
// the order in which they come and go.
//
// Owned by run(), on the main thread; what it gives out is as thread-safe as its own headers say.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "common/io/file_system.h"
#include "common/time/clock.h"
#include "node/app/addresses.h"
#include "node/cluster/core/cluster_node.h"
#include "node/cluster/tcp/asio_loop.h"
#include "node/cluster/tcp/tcp_network.h"
#include "node/config/config.h"
#include "node/engine/engine.h"
#include "node/security/peer_tls.h"

namespace ferro::node::app {

class ClusterRuntime {
 public:
  // Opens the port between nodes, so that one that is taken is told before anything is recovered; nobody is
  // accepted yet. `tls`: null for plain links; outlives the object, like `clock`.
  static Result<std::unique_ptr<ClusterRuntime>> open(const NodeAddresses& addresses,
                                                      const security::PeerTls* tls, const Clock& clock);
  ~ClusterRuntime();  // after stop_network(), if it was started

  // Joins. `engine` and `fs` outlive the object's stop_node().
  Status start(const config::Config& config, engine::Engine& engine, io::FileSystem& fs);

  cluster::ClusterNode& node() { return *node_; }
  bool started() const noexcept { return started_; }
  cluster::Endpoint advertised() const { return {addresses_.gossip_host, network_->port()}; }

  // Nobody asks the node any more; then the engine stops, which still calls the node; then the rest.
  void stop_node();
  void stop_network();

 private:
  ClusterRuntime(const NodeAddresses& addresses, const Clock& clock);

  const NodeAddresses addresses_;
  cluster::AsioLoop loop_;
  std::unique_ptr<cluster::TcpNetwork> network_;
  std::unique_ptr<cluster::ClusterNode> node_;
  bool started_ = false;
};

}  // namespace ferro::node::app
