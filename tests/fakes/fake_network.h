// Links between simulated nodes, as TCP behaves: in order, reliable until it breaks, at a distance that the
// test chooses; what is blocked stays unnoticed until something times out.
//
// The fabric is the world's: paths from host to host, names, faults; it outlives the last event. A
// FakeNetwork is one life of one node on it; after stop() its handler is called no more. One thread, on one
// timeline.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "node/cluster/runtime/network.h"
#include "tests/fakes/manual_loop.h"

namespace ferro::fakes {

// One direction between two hosts.
struct Path {
  int64_t latency_us = 150;
  int64_t jitter_us = 100;    // uniform, on top; frames of one link never overtake each other
  int64_t bytes_per_ms = 0;   // 0 = as fast as one likes
  double break_chance = 0.0;  // that a frame breaks its link
  bool blocked = false;       // swallows everything, and nobody is told
};

class FakeNetwork;

class FakeFabric {
 public:
  using Endpoint = node::cluster::Endpoint;

  explicit FakeFabric(Timeline& timeline) : timeline_(timeline) {}

  // Made like `defaults` when first asked for. After unblocking a path by hand call block(..., false).
  Path& path(const std::string& from, const std::string& to);
  Path defaults;
  // Traffic from one to the other vanishes; unblocking sends again what waited, as TCP does.
  void block(const std::string& from, const std::string& to, bool blocked = true);
  void block_both(const std::string& a, const std::string& b, bool blocked = true);
  // Every link between the two is reset; what was on the way is lost.
  void break_links(const std::string& a, const std::string& b);
  // What resolve() says of a name; none: it is unknown. Hosts that listen are known by themselves.
  void set_name(const std::string& name, std::vector<std::string> hosts) { names_[name] = std::move(hosts); }

  uint64_t frames_delivered() const noexcept { return frames_delivered_; }
  uint64_t bytes_delivered() const noexcept { return bytes_delivered_; }

 private:
  friend class FakeNetwork;
  struct End;
  using EndPointer = std::shared_ptr<End>;

  int64_t travel_us(const std::string& from, const std::string& to, size_t bytes);
  FakeNetwork* listener(const Endpoint& at) const;
  void arrive(const EndPointer& connecting);
  void pump(const EndPointer& end);
  void deliver(const EndPointer& from, const std::string& frame);
  void reset_other(const EndPointer& end);
  void tell_reset(const EndPointer& end);
  void fail(const EndPointer& end, const std::string& why);
  void watch(const EndPointer& end);
  void check_stall(const EndPointer& end);
  std::vector<EndPointer> ends() const;

  Timeline& timeline_;
  std::map<std::pair<std::string, std::string>, Path> paths_;
  std::map<std::string, std::vector<std::string>> names_;
  std::map<Endpoint, FakeNetwork*> listeners_;
  std::map<uint64_t, std::weak_ptr<End>> ends_;
  std::vector<EndPointer> resets_;  // ends whose other side could not tell them that it is gone
  uint64_t last_link_ = 0, frames_delivered_ = 0, bytes_delivered_ = 0;
};

class FakeNetwork final : public node::cluster::Network {
 public:
  using LinkId = node::cluster::LinkId;
  using Endpoint = node::cluster::Endpoint;
  static constexpr int64_t kConnectTimeoutMs = 1000;
  static constexpr int64_t kStallLimitMs = 10'000;   // unacknowledged for so long: the link is broken
  static constexpr size_t kWindowBytes = 256 << 10;  // on the way; the rest waits

  // Nodes reach it at `listening`, whose host is also where its own traffic comes from.
  FakeNetwork(FakeFabric& fabric, ManualLoop& loop, Endpoint listening);
  ~FakeNetwork() override { stop(); }

  void set_handler(node::cluster::LinkHandler& handler) override { *handler_ = &handler; }
  LinkId connect(const Endpoint& to) override;
  bool send(LinkId link, std::string frame) override;
  size_t waiting_bytes(LinkId link) const override;
  void close(LinkId link) override;
  void resolve(const Endpoint& name, std::function<void(Result<std::vector<Endpoint>>)> done) override;

  // The process ended: its host resets its links, or stays silent if the paths from it are blocked.
  void stop();
  size_t links() const noexcept { return links_.size(); }

 private:
  friend class FakeFabric;
  FakeFabric::EndPointer add_end(const Endpoint& to, const std::string& other_host);

  FakeFabric& fabric_;
  ManualLoop& loop_;
  const Endpoint listening_;
  std::shared_ptr<node::cluster::LinkHandler*> handler_;  // null inside: nobody listens yet, or any more
  bool stopped_ = false;
  std::map<LinkId, FakeFabric::EndPointer> links_;
};

}  // namespace ferro::fakes
