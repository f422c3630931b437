// Compares this node's copies with those of the other owners for as long as it runs, and remembers which were
// in step. Of a pair of nodes the one with the smaller id does it; the other one too if it is not asked soon
// after something has changed.
//
// On the loop; owned by Syncer. The transfer outlives it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include "node/cluster/sync/peer_rounds.h"
#include "node/cluster/sync/sync_view.h"
#include "node/model/partition.h"

namespace ferro::node::cluster {

struct RepairOptions {
  NodeId self;
  int64_t interval_ms = 30'000;
  uint64_t bytes_per_second = 32U << 20;
};

class Repair {
 public:
  Repair(Transfer& transfer, RepairOptions options)
      : transfer_(transfer), options_(std::move(options)), budget_(options_.bytes_per_second) {}
  ~Repair();
  Repair(const Repair&) = delete;
  Repair& operator=(const Repair&) = delete;

  void set_view(const SyncView& view);
  void tick(int64_t now_ms);
  // The next rounds do not wait for their time, nor for the other side: somebody may have missed something.
  void hurry();

  // Compared in step the last time, with every other owner that is there; true as well if it was not compared
  // yet. Of pairs that the other side compares: as that side found it when it asked.
  bool in_step(uint16_t partition) const;
  // Of which partitions nothing is known yet: not compared with every other owner that is there since the
  // ring is as it is and somebody last came back. Of pairs that the other side compares: it has not asked
  // yet.
  model::PartitionSet uncompared() const;
  // Another node asked, with this digest being the same here or not.
  void note_asked(const NodeId& peer, uint16_t partition, bool same);
  uint64_t rounds() const noexcept { return rounds_done_; }

 private:
  // With one peer; none of them waits for another.
  struct Pair {
    int64_t next_ms = 0;
    std::optional<int64_t> since_ms;  // the first tick with it whole
    bool hurried = false;
    std::shared_ptr<PeerRounds> rounds;    // null between two
    model::PartitionSet shared, compared;  // owned by both; of these, what was compared
    model::PartitionSet differed, out_of_step;
  };

  bool is_due(const NodeId& peer, const Pair& pair, int64_t now_ms) const;
  void begin(const NodeId& peer, Pair& pair);
  void on_result(const NodeId& peer, const UnitOutcome& outcome);
  static void note_compared(Pair& pair, uint16_t partition, bool now);

  Transfer& transfer_;
  const RepairOptions options_;
  ByteBudget budget_;
  SyncView view_;
  std::map<NodeId, Pair> pairs_;  // peers that are there
  uint64_t rounds_done_ = 0;
};

}  // namespace ferro::node::cluster
