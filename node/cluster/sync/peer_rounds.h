// Takes units, mostly partitions, round their other owners: each is compared with each of its peers, one
// after the other, so that what the first one gave is not fetched again from the second; different peers work
// at the same time, and one that is slow or does not answer keeps nobody else waiting.
//
// On the loop. Held by whoever started it; the transfer outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "node/cluster/sync/exchange.h"
#include "node/cluster/sync/transfer.h"

namespace ferro::node::cluster {

struct RoundOptions {
  Splits splits;
  ExchangeMode mode;
  ByteBudget* budget = nullptr;
  size_t at_once = 64;  // units in one exchange; a peer has one exchange at a time
  // A partition that has failed so often with a peer counts as visited there; 0 = it never does.
  uint32_t attempts_max = 0;
};

class PeerRounds : public std::enable_shared_from_this<PeerRounds> {
 public:
  // The order of a unit's peers is kept, as long as they answer.
  using Work = std::map<Unit, std::vector<NodeId>>;
  using OnResult = std::function<void(const NodeId& peer, const UnitOutcome& outcome)>;

  // `on_done` once, when every partition has been with all of its peers.
  static std::shared_ptr<PeerRounds> start(Transfer& transfer, RoundOptions options, Work work,
                                           OnResult on_result, std::function<void()> on_done);
  // Nothing is called any more; what is under way ends on its own.
  void stop() { stopped_ = true; }
  // Those that are not there any more are not visited.
  void keep_peers(const std::set<NodeId>& live);

  size_t units_left() const noexcept { return work_.size(); }
  // The last failure of a peer that has not answered well since; empty if there is none.
  std::string trouble() const;

 private:
  struct Lane {
    bool busy = false;
    uint32_t failures = 0;  // in a row
    int64_t rests_until_ms = 0;
    std::string error;
  };

  PeerRounds(Transfer& transfer, RoundOptions options, Work work, OnResult on_result,
             std::function<void()> on_done);
  // Of the peer's visit; true if it was in vain.
  bool note_outcome(const NodeId& peer, const UnitOutcome& outcome);
  NodeId next_peer(const std::vector<NodeId>& peers, int64_t now_ms);
  void pick();
  void visit(const NodeId& peer, std::vector<Unit> units);
  void on_visited(const NodeId& peer, const std::vector<UnitOutcome>& outcomes);
  void rest(const NodeId& peer, Lane& lane);
  void drop_finished();

  Transfer& transfer_;
  const RoundOptions options_;
  Work work_;  // the peers that each partition has yet to visit, the next one first
  std::set<Unit> under_way_;
  // Those that fail come after the others.
  std::map<std::pair<NodeId, Unit>, uint32_t> failures_;
  std::map<NodeId, Lane> lanes_;
  OnResult on_result_;
  std::function<void()> on_done_;
  bool stopped_ = false, done_ = false;
};

}  // namespace ferro::node::cluster
