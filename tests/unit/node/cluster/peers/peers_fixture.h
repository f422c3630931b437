// Nodes that call each other on a virtual network. Each serves `find` by echoing the body; what else it does
// is up to the test.
#pragma once

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/obs/log.h"
#include "node/cluster/peers/peers.h"
#include "tests/fakes/fake_network.h"

namespace ferro::node::cluster {

// Counts what is sent on each link.
class TappedNetwork final : public Network {
 public:
  TappedNetwork(fakes::FakeFabric& fabric, fakes::ManualLoop& loop, const Endpoint& at)
      : real(fabric, loop, at) {}
  void set_handler(LinkHandler& handler) override { real.set_handler(handler); }
  LinkId connect(const Endpoint& to) override {
    ++connects;
    made.push_back(real.connect(to));
    return made.back();
  }
  bool send(LinkId link, std::string frame) override {
    ++sent[link];
    return real.send(link, std::move(frame));
  }
  size_t waiting_bytes(LinkId link) const override { return real.waiting_bytes(link); }
  void close(LinkId link) override { real.close(link); }
  void resolve(const Endpoint& name, std::function<void(Result<std::vector<Endpoint>>)> done) override {
    real.resolve(name, std::move(done));
  }

  fakes::FakeNetwork real;
  std::map<LinkId, size_t> sent;
  size_t connects = 0;
  std::vector<LinkId> made;
};

struct Outcome {
  size_t times = 0;
  Status status;
  std::string body;
  int64_t at_ms = 0;
};

class TestNode final : public PeerService {
 public:
  using Serve =
      std::function<void(const NodeId& from, MessageType type, std::string_view body, RespondFn respond)>;

  // `host`: where it listens; its id if it is empty.
  TestNode(fakes::Timeline& timeline, fakes::FakeFabric& fabric, PeersOptions options,
           const std::string& host = "")
      : loop(timeline), network(fabric, loop, {host.empty() ? options.self : host, 1}), timeline_(timeline) {
    peers = Peers::create(std::move(options), loop, network, *this);
  }

  void on_request(const NodeId& from, MessageType type, std::string_view body, uint16_t version,
                  int64_t decide_by_ns, RespondFn respond) override {
    last_version = version;
    last_decide_by_ns = decide_by_ns;
    ++served;
    if (serve) return serve(from, type, body, std::move(respond));
    respond(std::string(body));
  }
  void on_one_way(const NodeId&, MessageType, std::string_view body) override { one_ways.emplace_back(body); }
  void on_peer_up(const NodeId& node) override { ups.push_back(node); }
  void on_peer_down(const NodeId& node) override { downs.push_back(node); }

  // The outcome fills in later.
  std::shared_ptr<Outcome> call(const NodeId& to, std::string body = "x", int64_t timeout_ms = 1000) {
    return call(to, std::move(body), CallWait{timeout_ms, timeout_ms, false});
  }
  std::shared_ptr<Outcome> call(const NodeId& to, std::string body, CallWait wait) {
    auto outcome = std::make_shared<Outcome>();
    peers->call(to, MessageType::find, std::move(body), wait,
                [outcome, timeline = &timeline_](Result<std::string_view> answer) {
                  ++outcome->times;
                  outcome->at_ms = timeline->now_ms();
                  outcome->status = answer.status();
                  if (answer.ok()) outcome->body = std::string(*answer);
                });
    EXPECT_EQ(outcome->times, 0U) << "answered before call() returned";
    return outcome;
  }
  PeerFigures figures_of(const NodeId& node) const {
    for (const PeerFigures& figures : peers->figures()) {
      if (figures.node == node) return figures;
    }
    return {};
  }

  fakes::ManualLoop loop;
  TappedNetwork network;
  std::unique_ptr<Peers> peers;
  Serve serve;
  std::vector<NodeId> ups, downs;
  std::vector<std::string> one_ways;
  size_t served = 0;
  uint16_t last_version = 0;
  int64_t last_decide_by_ns = 0;

 private:
  fakes::Timeline& timeline_;
};

class PeersTest : public testing::Test {
 protected:
  PeersTest() { obs::set_level(obs::Level::off); }

  static PeersOptions options_of(const NodeId& node) {
    PeersOptions options;
    options.self = node;
    options.cluster_id = "test";
    options.software = "test";
    return options;
  }
  TestNode& add(PeersOptions options) {
    const NodeId id = options.self;
    return *(nodes_[id] = std::make_unique<TestNode>(timeline, fabric, std::move(options)));
  }
  TestNode& add(const NodeId& node) { return add(options_of(node)); }
  // Everybody learns everybody's address.
  void acquaint() {
    for (auto& [id, node] : nodes_) {
      for (auto& [other, unused] : nodes_) node->peers->set_address(other, {other, 1});
    }
  }
  void kill(const NodeId& node) { nodes_.erase(node); }
  void run_ms(int64_t duration_ms) { timeline.run_for_ms(duration_ms); }

  fakes::Timeline timeline{11};
  fakes::FakeFabric fabric{timeline};
  std::map<NodeId, std::unique_ptr<TestNode>> nodes_;
};

}  // namespace ferro::node::cluster
