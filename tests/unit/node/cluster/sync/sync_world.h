// Nodes with real engines, peers and syncers on a virtual network and in virtual time. The rings, and who is
// complete, are what the test says.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "common/obs/log.h"
#include "node/cluster/peers/peers.h"
#include "node/cluster/placement/placement.h"
#include "node/cluster/sync/syncer.h"
#include "node/engine/engine.h"
#include "tests/fakes/fake_network.h"
#include "tests/fakes/faulty_file_system.h"

namespace ferro::node::cluster {

// One thing that a node holds: (namespace, id or "" for a floor, version, node of the version, tombstone).
using Held = std::tuple<std::string, std::string, uint64_t, uint32_t, bool>;

class SyncWorld;

class SyncNode final : public PeerService, public engine::DecisionSink {
 public:
  SyncNode(SyncWorld& world, NodeId id, std::unique_ptr<tests::fakes::FaultyFileSystem> fs);
  ~SyncNode() override;

  // --- what happens here; each is done when it returns ---
  void put(const std::string& ns, const std::string& id, const std::string& response = "answer");
  void remove(const std::string& ns, const std::string& id);
  void drop(const std::string& ns);

  bool has(const std::string& ns, const std::string& id) const;
  std::set<Held> held(bool tombstones = true) const;
  uint64_t entries() const;

  // Of the syncer, in order.
  std::vector<std::pair<uint64_t, uint64_t>> caught_up;
  std::vector<uint64_t> handed_over;

  void on_request(const NodeId& from, MessageType type, std::string_view body, uint16_t version,
                  int64_t decide_by_ns, RespondFn respond) override;
  void on_one_way(const NodeId&, MessageType, std::string_view) override {}
  void on_peer_up(const NodeId&) override {}
  void on_peer_down(const NodeId&) override {}
  void on_decided(std::vector<engine::Decided> operations) override;

  SyncWorld& world;
  const NodeId id;
  std::unique_ptr<tests::fakes::FaultyFileSystem> fs;
  fakes::ManualLoop loop;
  fakes::FakeNetwork network;
  std::unique_ptr<Peers> peers;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<Syncer> syncer;
  SyncView view;
  std::vector<NodeId> replicas;  // where its decisions go at once

 private:
  void pump();
};

class SyncWorld {
 public:
  explicit SyncWorld(uint64_t seed = 1) : timeline(seed) { obs::set_level(obs::Level::off); }

  SyncNode& add(const NodeId& id, int64_t last_alive_ms = 0,
                std::unique_ptr<tests::fakes::FaultyFileSystem> fs = nullptr);
  // As after kill -9; what add() gives to the next life.
  std::unique_ptr<tests::fakes::FaultyFileSystem> kill(const NodeId& id);
  SyncNode& at(const NodeId& id) { return *nodes_.at(id); }
  std::vector<NodeId> ids() const;

  // Everybody sees these rings and all others alive; those named are complete, the rest has to catch up.
  void rings(const std::shared_ptr<const Placement>& current, const std::shared_ptr<const Placement>& target,
             const std::set<NodeId>& complete);
  // All own everything.
  void one_ring(const std::set<NodeId>& complete);
  void push_view(SyncNode& node);

  void run(int64_t ms) { timeline.run_for_ms(ms); }
  bool run_until(const std::function<bool()>& reached, int64_t within_ms = 60'000) {
    return timeline.run_until(reached, within_ms);
  }
  bool all_hold_the_same() const;

  fakes::Timeline timeline;
  fakes::FakeFabric fabric{timeline};
  SyncOptions sync_options;  // self is filled in
  int64_t tombstone_retention_ms = 86'400'000;

 private:
  std::map<NodeId, std::unique_ptr<SyncNode>> nodes_;
};

std::shared_ptr<const Placement> ring_of(const std::vector<NodeId>& ids, size_t factor);
model::NamespaceKey key_of(const std::string& ns);

}  // namespace ferro::node::cluster
