#include "node/app/cluster_runtime.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "node/app/cluster_options.h"

namespace ferro::node::app {
namespace {

// Lookups and scans for other nodes beside those of this one's clients: they share the cores.
size_t worker_count() {
  constexpr size_t kWorkersMax = 8;
  return std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kWorkersMax);
}

}  // namespace

ClusterRuntime::ClusterRuntime(const NodeAddresses& addresses, const Clock& clock)
    : addresses_(addresses), loop_(clock, worker_count()) {}

ClusterRuntime::~ClusterRuntime() {
  node_.reset();
  if (network_) network_->stop();
  loop_.stop();
}

Result<std::unique_ptr<ClusterRuntime>> ClusterRuntime::open(const NodeAddresses& addresses,
                                                             const security::PeerTls* tls,
                                                             const Clock& clock) {
  auto runtime = std::unique_ptr<ClusterRuntime>(new ClusterRuntime(addresses, clock));
  cluster::TcpOptions options;
  options.bind = addresses.listen;
  options.tls = tls;
  auto network = cluster::TcpNetwork::open(options, runtime->loop_);
  if (!network.ok()) return network.status().with_context("cluster.gossip_addr");
  runtime->network_ = *std::move(network);
  return runtime;
}

Status ClusterRuntime::start(const config::Config& config, engine::Engine& engine, io::FileSystem& fs) {
  FERRO_ASSIGN_OR_RETURN(cluster::ClusterOptions options,
                         cluster_options(config, engine.options().node_id, advertised(), addresses_.api));
  FERRO_ASSIGN_OR_RETURN(node_,
                         cluster::ClusterNode::create(std::move(options), engine, loop_, *network_, fs));
  FERRO_RETURN_IF_ERROR(loop_.start());
  node_->start();
  started_ = true;
  return {};
}

void ClusterRuntime::stop_node() {
  if (started_) node_->stop();
}

void ClusterRuntime::stop_network() {
  network_->stop();
  loop_.stop();
}

}  // namespace ferro::node::app
