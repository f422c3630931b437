// Many ring keepers that hear of each other as through gossip: late, lossily, not across a cut. Virtual time,
// one seed.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "node/cluster/ring/ring_keeper.h"

namespace ferro::node::cluster {

struct WorldOptions {
  int64_t gossip_ms = 500;
  int64_t delay_max_ms = 300;
  double loss = 0.0;
  int64_t suspected_after_ms = 2500;
  int64_t dead_after_ms = 5000;
  int64_t catch_up_max_ms = 3000;
  int64_t grace_ms = 30'000;
  size_t factor = 2;
  // Every node writes now and then; what a complete owner lacks is a fault of the ring's changes.
  bool writes = false;
  std::set<NodeId> without_splits = {};  // of a version that does not know them
};

class RingWorld {
 public:
  RingWorld(uint64_t seed, WorldOptions options) : options_(options), random_(seed) {}

  // --- what happens to nodes ---
  void start(const NodeId& node, uint32_t weight = 64);  // new, or again with what its disk holds
  void crash(const NodeId& node);
  void stop_planned(const NodeId& node);  // says goodbye
  void wipe(const NodeId& node);          // of a node that is down: its disk is empty
  void pause(const NodeId& node, int64_t for_ms);
  void cut(std::set<NodeId> side);  // from everybody else
  void heal() { side_.clear(); }
  void set_loss(double loss) { options_.loss = loss; }

  void run(int64_t for_ms);
  // Runs until `condition`; false if it does not hold within the time.
  bool run_until(const std::function<bool()>& condition, int64_t within_ms);

  // --- what is to be seen ---
  RingKeeper& at(const NodeId& node) { return *nodes_.at(node).keeper; }
  bool up(const NodeId& node) const;
  std::vector<NodeId> up_nodes() const;
  std::vector<NodeId> known_nodes() const;
  const RingRecord& disk(const NodeId& node) const { return *nodes_.at(node).disk; }
  bool draining(const NodeId& node) const { return nodes_.at(node).draining; }
  void set_draining(const NodeId& node, bool draining);
  // Every running node has the same ring of exactly these members, is ready, and nothing is pending.
  bool settled(const std::vector<NodeId>& members) const;
  std::string describe() const;
  int64_t now_ms() const noexcept { return now_ms_; }
  uint64_t random() { return random_(); }
  uint64_t ring_changes() const noexcept { return ring_changes_; }

 private:
  struct Said {  // one member as somebody knows it
    uint64_t generation = 0;
    uint64_t heartbeat = 0;
    bool left = false;
    std::map<std::string, std::string, std::less<>> values;
    int64_t heard_ms = 0;
    bool proven = false;  // heard of more than once
  };
  using Knowledge = std::map<NodeId, Said>;
  struct CatchUp {
    uint64_t current = 0, target = 0;
    int64_t ends_ms = 0;
  };
  struct Node {
    std::unique_ptr<RingKeeper> keeper;  // null while it is down
    std::optional<RingRecord> disk;
    Knowledge knows;
    uint64_t generation = 0;
    int64_t paused_until_ms = 0;
    int64_t next_gossip_ms = 0;
    bool draining = false;
    std::optional<CatchUp> catch_up;
    std::optional<int64_t> hand_over_ends_ms;
    uint64_t last_epoch = 0;
    std::map<uint16_t, std::set<uint64_t>> entries;
  };
  struct Delivery {
    int64_t at_ms = 0;
    uint64_t number = 0;
    NodeId to;
    Knowledge content;
    friend bool operator>(const Delivery& a, const Delivery& b) {
      return std::tie(a.at_ms, a.number) > std::tie(b.at_ms, b.number);
    }
  };

  void step();
  bool runs(const NodeId& name) const;
  bool connected(const NodeId& a, const NodeId& b) const;
  void gossip(const NodeId& name, Node& node);
  void send(const NodeId& to, const Knowledge& content);
  void merge(Node& node, const NodeId& name, const Knowledge& content);
  std::vector<Member> members_of(const Node& node, const NodeId& name) const;
  void update(const NodeId& name, Node& node);
  void run_syncer(const NodeId& name, Node& node);
  void write_somewhere();
  void copy_for(const NodeId& name, Node& node);
  void check(const NodeId& name, Node& node, const RingRecord& before, const Placement& old_placement);

  WorldOptions options_;
  std::mt19937_64 random_;
  int64_t now_ms_ = 1'000'000;
  uint64_t deliveries_ = 0;
  uint64_t writes_ = 0;
  uint64_t ring_changes_ = 0;
  std::set<NodeId> side_;
  std::map<NodeId, Node> nodes_;
  std::priority_queue<Delivery, std::vector<Delivery>, std::greater<>> on_the_way_;
};

}  // namespace ferro::node::cluster
