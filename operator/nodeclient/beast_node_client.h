// The product's NodeClient, on Boost.Beast.
#pragma once

#include <boost/asio/io_context.hpp>
#include <mutex>
#include <set>

#include "common/time/clock.h"
#include "operator/nodeclient/exchange.h"
#include "operator/nodeclient/node_client.h"

namespace ferro::oper::nodeclient {

struct NodeClientOptions {
  // Of all probes of one cluster together: half-dead nodes must not keep the healthy ones from being looked
  // at. A node answers within milliseconds.
  int64_t probe_timeout_ms = 3'000;
  int64_t command_timeout_ms = 5'000;   // drain and its end
  int64_t compact_timeout_ms = 10'000;  // then the node goes on by itself
  size_t probes_at_once = 100;          // every member of the largest cluster
  size_t report_bytes_max = 4U << 20;   // 4,096 partitions of 128 bytes, 100 peers of 4 KiB
  size_t metrics_bytes_max = 4U << 20;  // 100 namespaces, 100 peers: under 200 KiB
  size_t answer_bytes_max = 64U << 10;  // of a command
};

// See NodeClient. Each call runs its own event loop on the calling thread.
class BeastNodeClient final : public NodeClient {
 public:
  explicit BeastNodeClient(const Clock& clock, NodeClientOptions options = {})
      : clock_(clock), options_(options) {}

  std::vector<Result<plan::NodeReport>> reports(const NodeAccess& access,
                                                const std::vector<NodeAddress>& nodes) override;
  std::vector<Result<NodeFigures>> figures(const NodeAccess& access,
                                           const std::vector<NodeAddress>& nodes) override;
  Status start_drain(const NodeAccess& access, const NodeAddress& node) override;
  Status cancel_drain(const NodeAccess& access, const NodeAddress& node) override;
  Status compact(const NodeAccess& access, const NodeAddress& node) override;
  void interrupt() override;

 private:
  std::vector<Result<HttpAnswer>> ask(const HttpCall& call, const NodeAccess& access,
                                      const std::vector<NodeAddress>& nodes);
  Status command(HttpCall call, const NodeAccess& access, const NodeAddress& node);

  const Clock& clock_;
  const NodeClientOptions options_;
  std::mutex mutex_;  // guards what follows; never held over I/O
  bool interrupted_ = false;
  std::set<boost::asio::io_context*> running_;
};

}  // namespace ferro::oper::nodeclient
