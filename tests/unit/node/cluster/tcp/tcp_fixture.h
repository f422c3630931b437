// Nodes' ends of real links on the loopback, each on a thread of its own, and a raw client beside them.
#pragma once

#include <gmock/gmock.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/obs/log.h"
#include "node/cluster/tcp/tcp_network.h"

namespace ferro::node::cluster {

// Writes down what happens and lets the test wait for it.
class End final : public LinkHandler {
 public:
  static constexpr auto kPatience = std::chrono::seconds(30);  // for machines that are starved

  explicit End(TcpOptions options = {}) {
    EXPECT_TRUE(loop.start().ok());
    if (options.bind.host.empty()) options.bind.host = "127.0.0.1";
    auto opened = TcpNetwork::open(std::move(options), loop);
    EXPECT_TRUE(opened.ok()) << opened.status().to_string();
    network = std::move(*opened);
    network->set_handler(*this);
  }
  ~End() override {
    network->stop();
    loop.stop();
  }

  void on_link_up(LinkId link, bool outgoing) override {
    note([&] { (outgoing ? made : accepted).push_back(link); });
  }
  void on_frame(LinkId link, std::string_view frame) override {
    if (echo) network->send(link, std::string(frame));
    note([&] {
      ++frames_count;
      if (keep) frames.emplace_back(frame);
    });
  }
  void on_link_down(LinkId link, const Status& why) override {
    note([&] {
      down.emplace_back(link, why.message());
      down_codes.push_back(why.code());
    });
  }
  void on_stranger_refused(const std::string& from, const Status& why) override {
    note([&] { strangers.emplace_back(from, why.message()); });
  }
  void on_link_outdated(LinkId link) override {
    note([&] { outdated.push_back(link); });
  }

  Endpoint address() const { return {"127.0.0.1", network->port()}; }
  LinkId connect(const Endpoint& to) {
    LinkId link = 0;
    loop.run_and_wait([&] { link = network->connect(to); });
    return link;
  }
  // Connected, or the test has failed.
  LinkId connect_to(End& other) {
    const LinkId link = connect(other.address());
    EXPECT_TRUE(wait([&] { return !made.empty() && made.back() == link; }));
    return link;
  }
  bool send(LinkId link, std::string frame) {
    bool sent = false;
    loop.run_and_wait([&] { sent = network->send(link, std::move(frame)); });
    return sent;
  }
  void close(LinkId link) {
    loop.run_and_wait([&] { network->close(link); });
  }
  size_t waiting_bytes(LinkId link) {
    size_t bytes = 0;
    loop.run_and_wait([&] { bytes = network->waiting_bytes(link); });
    return bytes;
  }
  std::vector<LinkFacts> links() {
    std::vector<LinkFacts> all;
    loop.run_and_wait([&] { all = network->links(); });
    return all;
  }
  // Under the lock; false if it does not come true in any reasonable time.
  bool wait(const std::function<bool()>& reached) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, reached);
  }

  SystemClock clock;
  AsioLoop loop{clock, 1};
  std::unique_ptr<TcpNetwork> network;
  bool echo = false, keep = true;
  // Read inside wait(), or when nothing can happen any more.
  std::vector<LinkId> made, accepted, outdated;
  std::vector<std::string> frames;
  size_t frames_count = 0;
  std::vector<std::pair<LinkId, std::string>> down;
  std::vector<std::pair<std::string, std::string>> strangers;
  std::vector<StatusCode> down_codes;

 private:
  void note(const std::function<void()>& what) {
    const std::lock_guard lock(mutex_);
    what();
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
};

// A plain TCP client that does as it is told. Blocking, with a receive timeout.
class RawClient {
 public:
  explicit RawClient(uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  void send(const std::string& bytes) const;
  // Until the other side closes or resets the connection; false if it does not.
  bool read_to_end(std::string* bytes = nullptr) const;

 private:
  int socket_ = -1;
};

class TcpTest : public testing::Test {
 protected:
  TcpTest() { obs::set_level(obs::Level::off); }
};

}  // namespace ferro::node::cluster
