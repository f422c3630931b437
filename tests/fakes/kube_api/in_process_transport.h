// The way to the fake API server without sockets or threads: a k8s::Transport whose calls are function calls.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "operator/k8s/transport.h"
#include "tests/fakes/kube_api/api_server.h"

namespace ferro::fakes::kube {

struct InProcessOptions {
  // False: a watch hands over what there is and ends as if the server had closed it, so that one thread can
  // drive everything. True: it blocks for more, until interrupt_streams or its silence.
  bool blocking_watches = false;
  // Delays and silences pass through here instead of time; a test advances its clock.
  std::function<void(int64_t ms)> pass_time{};
};

// Thread-safe. The server outlives it.
class InProcessTransport final : public oper::k8s::Transport {
 public:
  explicit InProcessTransport(ApiServer& server, InProcessOptions options = {})
      : server_(server), options_(std::move(options)) {}

  Result<oper::k8s::HttpResponse> call(const oper::k8s::HttpRequest& request) override;
  Result<oper::k8s::HttpResponse> stream(const oper::k8s::HttpRequest& request,
                                         const std::function<bool(std::string_view line)>& on_line) override;
  void interrupt_streams() override;
  // Nothing passes any more, or again: the network between this client and the server is cut.
  void cut_off(bool cut) { cut_off_ = cut; }

 private:
  void pass(int64_t ms) const {
    if (options_.pass_time) options_.pass_time(ms);
  }
  Result<oper::k8s::HttpResponse> run_watch(const oper::k8s::HttpRequest& request, const Fault& fault,
                                            Watch& watch,
                                            const std::function<bool(std::string_view line)>& on_line);

  ApiServer& server_;
  const InProcessOptions options_;
  std::atomic<bool> interrupted_{false}, cut_off_{false};
};

}  // namespace ferro::fakes::kube
