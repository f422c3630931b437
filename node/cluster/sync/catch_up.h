// Brings this node level with the other owners of its partitions, by a pair of rings: first it takes what it
// lacks from each of them, deletes included, then it compares again and gives what they lack. So nothing that
// was deleted while this node was away is ever given to anybody.
//
// On the loop; owned by Syncer. The transfer outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/cluster/sync/peer_rounds.h"
#include "node/cluster/sync/sync_view.h"

namespace ferro::node::cluster {

// Owners of a partition in any of these rings that are there, without `self`: complete ones first, otherwise
// in an order that spreads the work.
std::vector<NodeId> live_owners(const std::vector<const Placement*>& rings, uint16_t partition,
                                const SyncView& view, const NodeId& self);

class CatchUp {
 public:
  // `away_since_ms`: see ExchangeMode. `on_done` once, unless it is destroyed before.
  CatchUp(Transfer& transfer, NodeId self, const SyncView& view, int64_t away_since_ms,
          std::function<void()> on_done);
  ~CatchUp();
  CatchUp(const CatchUp&) = delete;
  CatchUp& operator=(const CatchUp&) = delete;

  // Is this the catching up that `view` asks for?
  bool serves(const SyncView& view) const;
  void set_view(const SyncView& view);

  size_t partitions_total() const noexcept { return total_; }
  size_t partitions_done() const noexcept;  // compared for the second time
  std::string trouble() const { return rounds_->trouble(); }

 private:
  PeerRounds::Work work() const;
  void add_moving(PeerRounds::Work& work) const;
  void start(bool second);

  Transfer& transfer_;
  const NodeId self_;
  SyncView view_;
  const int64_t away_since_ms_;
  std::function<void()> on_done_;
  std::vector<uint16_t> partitions_;
  size_t total_ = 0;
  bool second_ = false;
  std::shared_ptr<PeerRounds> rounds_;
};

}  // namespace ferro::node::cluster
