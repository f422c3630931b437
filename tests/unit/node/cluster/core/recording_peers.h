// Peers that answer when the test says so.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "node/cluster/peers/peers.h"

namespace ferro::node::cluster {

class RecordingPeers final : public Peers {
 public:
  struct Call {
    NodeId to;
    MessageType type;
    std::string body;
    CallWait wait;
    Done done;
  };
  struct OneWay {
    NodeId to;
    MessageType type;
    std::string body;
  };
  std::vector<Call> calls;
  std::vector<OneWay> told;
  std::set<NodeId> unavailable;

  std::vector<NodeId> asked() const {
    std::vector<NodeId> nodes;
    for (const Call& call : calls) nodes.push_back(call.to);
    return nodes;
  }

  void set_address(const NodeId&, const Endpoint&) override {}
  void forget(const NodeId&) override {}
  void introduce(const Endpoint&) override {}
  void call(const NodeId& to, MessageType type, std::string body, CallWait wait, Done done) override {
    calls.push_back({to, type, std::move(body), wait, std::move(done)});
  }
  void send_one_way(const NodeId& to, MessageType type, std::string body) override {
    told.push_back({to, type, std::move(body)});
  }
  bool available(const NodeId& node) const override { return !unavailable.contains(node); }
  double latency_ms(const NodeId&) const override { return 1.0; }
  uint16_t version_of(const NodeId&) const override { return kProtocolVersion; }
  std::vector<std::pair<std::string, std::string>> refusals() const override { return {}; }
  uint64_t refusals_total() const override { return 0; }
  std::vector<PeerFigures> figures() const override { return {}; }
  void stop() override {}
  void on_link_up(LinkId, bool) override {}
  void on_frame(LinkId, std::string_view) override {}
  void on_link_down(LinkId, const Status&) override {}
};

}  // namespace ferro::node::cluster
