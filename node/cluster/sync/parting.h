// Before a node stops: whatever it holds, tombstones that tell of a difference included, is compared with
// every owner that is there and given to those that lack it. Nothing is removed, and of entries nothing is
// taken. docs/cluster.md, "Leaving and stopping".
//
// On the loop; owned by Syncer. The transfer outlives it. A peer that does not answer is tried again for as
// long as it counts as there: whoever waits for the end has a deadline of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "node/cluster/sync/peer_rounds.h"
#include "node/cluster/sync/sync_view.h"
#include "node/model/partition.h"

namespace ferro::node::cluster {

class Parting {
 public:
  Parting(Transfer& transfer, NodeId self) : transfer_(transfer), self_(std::move(self)) {}
  ~Parting() { end_round(); }
  Parting(const Parting&) = delete;
  Parting& operator=(const Parting&) = delete;

  // All over again, whatever was compared before. `away_since_ms`: see ExchangeMode.
  void start(const SyncView& view, int64_t away_since_ms);
  // Begins again if the ring in force, or who is there, has become another since. Nothing before start().
  void set_view(const SyncView& view, int64_t away_since_ms);

  // Since the last beginning every partition that held anything was compared with every owner that is there.
  bool over() const noexcept { return over_; }
  size_t partitions_total() const noexcept { return total_; }
  size_t partitions_left() const noexcept;
  // What holds something here and has no other owner that is there.
  const model::PartitionSet& only_here() const noexcept { return only_here_; }
  // What nobody else who is there could answer for, whether it holds something or not.
  const model::PartitionSet& only_mine() const noexcept { return only_mine_; }
  std::string trouble() const { return rounds_ != nullptr ? rounds_->trouble() : std::string(); }

 private:
  void end_round();
  void list();
  void compare(const std::vector<Unit>& units, const Transfer::Summaries& held);

  Transfer& transfer_;
  const NodeId self_;
  SyncView view_;
  int64_t away_since_ms_ = 0;
  bool started_ = false, over_ = false;
  uint64_t round_ = 0;  // an older one's answers are void
  size_t total_ = 0;
  model::PartitionSet only_here_, only_mine_;
  std::shared_ptr<PeerRounds> rounds_;
};

}  // namespace ferro::node::cluster
