// Answers HTTP while the node recovers, so that probes see a live process that is not ready yet, and hands
// everything to the API once that is there. Owned by run(); thread-safe.
#pragma once

#include <atomic>

#include "node/http/message.h"

namespace ferro::node::app {

class StartupService final : public http::Service {
 public:
  void handle(const http::Request& request, http::Reply reply) override;
  http::Response refuse(unsigned status, std::string_view reason) override;
  // From now on `api` answers; it outlives the server.
  void attach(http::Service& api) noexcept { api_.store(&api); }

 private:
  std::atomic<http::Service*> api_{nullptr};
};

}  // namespace ferro::node::app
