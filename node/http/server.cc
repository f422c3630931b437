#include "node/http/server.h"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "common/obs/log.h"
#include "common/sync/thread_role.h"
#include "node/http/core.h"
#include "node/http/other_family.h"

namespace ferro::node::http {
namespace {

class BeastServer final : public Server {
 public:
  BeastServer(ServerOptions options, Service& service)
      : state_(std::make_shared<ServerState>(std::move(options), service)) {}
  ~BeastServer() override { stop(); }

  Status open();
  void stop() override { stop_within(state_->options.shutdown_timeout_seconds); }
  void stop_within(uint64_t timeout_seconds) override;
  uint16_t port() const override { return port_; }
  const ServerFigures& figures() const override { return state_->figures; }

 private:
  const std::shared_ptr<ServerState> state_;
  uint16_t port_ = 0;
  std::vector<std::shared_ptr<Core>> cores_;
  std::vector<std::thread> threads_;  // one for each of the first cores; fewer only while open() fails

  std::mutex stop_mutex_;   // one stop() at a time
  std::mutex drain_mutex_;  // guards draining_
  std::condition_variable drained_;
  size_t draining_ = 0;  // cores that still have connections
};

Status BeastServer::open() {
  const ServerOptions& options = state_->options;
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(options.bind, error);
  if (error) return Status::invalid("http.bind must be an IPv4 or IPv6 address, not '" + options.bind + "'");
  const size_t threads =
      options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  try {
    port_ = options.port;
    for (size_t i = 0; i < threads; ++i) {
      cores_.push_back(std::make_shared<Core>(state_));
      FERRO_ASSIGN_OR_RETURN(port_, cores_.back()->listen({address, port_}, i == 0));
      if (i == 0 && options.port != 0) FERRO_RETURN_IF_ERROR(check_other_family({address, port_}));
    }
    for (const auto& core : cores_) {
      threads_.emplace_back([core] {
        sync::set_thread_role("http", sync::ThreadRole::serving);
        core->run();
      });
    }
  } catch (const std::system_error& failure) {
    return Status::internal(std::string("the HTTP server cannot start its threads: ") + failure.what());
  }
  return {};
}

void BeastServer::stop_within(uint64_t timeout_seconds) {
  const std::lock_guard lock(stop_mutex_);
  if (threads_.empty()) return;
  draining_ = threads_.size();
  for (size_t i = 0; i < threads_.size(); ++i) {
    cores_[i]->begin_drain([this] {
      const std::lock_guard drain_lock(drain_mutex_);
      --draining_;
      drained_.notify_one();
    });
  }
  {
    std::unique_lock drain_lock(drain_mutex_);
    const auto timeout = std::chrono::seconds(timeout_seconds);
    if (!drained_.wait_for(drain_lock, timeout, [this] { return draining_ == 0; })) {
      drain_lock.unlock();
      for (const auto& core : cores_) core->force_close();
    }
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  for (const auto& core : cores_) core->close_inbox();
}

// Every connection is a descriptor. The usual soft limit of 1,024 would end the service long before
// max_connections does; raising it to what the administrator allows is the process's own right. Returns how
// many connections leave enough for the files: clients must never take the descriptor that the log needs.
size_t make_room_for(size_t connections) {
  constexpr rlim_t kOtherDescriptors = 512;  // files, listeners, event loops
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return connections;
  const rlim_t wanted = static_cast<rlim_t>(connections) + kOtherDescriptors;
  if (limit.rlim_cur >= wanted) return connections;
  const rlim_t before = std::exchange(limit.rlim_cur, std::min(wanted, limit.rlim_max));
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  if (limit.rlim_cur >= wanted) return connections;
  const size_t admitted = limit.rlim_cur - std::min(kOtherDescriptors, limit.rlim_cur / 2);
  obs::warn("the limit of open files is below http.max_connections: fewer connections are taken",
            {{"open_files", std::to_string(limit.rlim_cur)},
             {"max_connections", std::to_string(connections)},
             {"taken", std::to_string(admitted)}});
  return admitted;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Service& service) {
  options.max_connections = make_room_for(options.max_connections);
  auto server = std::make_unique<BeastServer>(std::move(options), service);
  FERRO_RETURN_IF_ERROR(server->open());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace ferro::node::http
