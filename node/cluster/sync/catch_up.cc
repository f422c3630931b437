#include "node/cluster/sync/catch_up.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "node/model/partition.h"

namespace ferro::node::cluster {
namespace {

constexpr uint32_t kGiveAttemptsMax = 3;

}  // namespace

std::vector<NodeId> live_owners(const std::vector<const Placement*>& rings, uint16_t partition,
                                const SyncView& view, const NodeId& self) {
  std::vector<NodeId> owners;
  for (const Placement* ring : rings) {
    for (const uint16_t member : ring->owners(partition)) {
      const NodeId& node = ring->id(member);
      const bool known = std::find(owners.begin(), owners.end(), node) != owners.end();
      if (node != self && !known && view.live.contains(node)) owners.push_back(node);
    }
  }
  std::sort(owners.begin(), owners.end());
  if (owners.size() > 1) {
    std::rotate(owners.begin(), owners.begin() + static_cast<std::ptrdiff_t>(partition % owners.size()),
                owners.end());
  }
  std::stable_partition(owners.begin(), owners.end(),
                        [&view](const NodeId& node) { return view.complete_peers.contains(node); });
  return owners;
}

CatchUp::CatchUp(Transfer& transfer, NodeId self, const SyncView& view, int64_t away_since_ms,
                 std::function<void()> on_done)
    : transfer_(transfer),
      self_(std::move(self)),
      view_(view),
      away_since_ms_(away_since_ms),
      on_done_(std::move(on_done)) {
  const model::PartitionSet before = view.current->partitions_of(self_);
  const model::PartitionSet after = view.target->partitions_of(self_);
  // Of what it has in the current ring a complete node has everything already.
  const model::PartitionSet wanted = view.complete ? after & ~before : after | before;
  for (size_t partition = 0; partition < wanted.size(); ++partition) {
    if (wanted.test(partition)) partitions_.push_back(static_cast<uint16_t>(partition));
  }
  total_ = work().size();
  start(false);
}

CatchUp::~CatchUp() {
  rounds_->stop();
}

bool CatchUp::serves(const SyncView& view) const {
  return view.current->fingerprint() == view_.current->fingerprint() &&
         view.target->fingerprint() == view_.target->fingerprint() && view.complete == view_.complete;
}

// Somebody who comes back meanwhile begins by comparing with this node itself; somebody who goes is not
// waited for.
void CatchUp::set_view(const SyncView& view) {
  view_ = view;
  rounds_->keep_peers(view.live);
}

size_t CatchUp::partitions_done() const noexcept {
  return second_ ? total_ - rounds_->units_left() : 0;
}

PeerRounds::Work CatchUp::work() const {
  PeerRounds::Work work;
  const std::vector<const Placement*> rings = {view_.current.get(), view_.target.get()};
  for (const uint16_t partition : partitions_) {
    work[Unit{partition}] = live_owners(rings, partition, view_, self_);
  }
  add_moving(work);
  return work;
}

// Shards that a higher degree of the target moves out of a partition: whoever owns that one now has them. The
// rest of a partition does not move with them, so they are units of their own.
void CatchUp::add_moving(PeerRounds::Work& work) const {
  const model::SplitTable& before = *view_.current->splits();
  for (const model::Split& split : view_.target->splits()->splits()) {
    if (before.degree_of(split.ns) >= split.degree) continue;
    for (const auto& shard : view_.target->splits()->shards_of(split.ns)) {
      const uint16_t from =
          before.partition_of(split.ns, static_cast<unsigned>(std::countr_zero(shard.slots)));
      if (from == shard.partition) continue;
      const bool gained = view_.target->owns(self_, shard.partition);
      const bool held = !view_.complete && view_.current->owns(self_, from);
      if (!gained && !held) continue;
      std::vector<NodeId>& peers = work[Unit{shard.partition, split.ns}];
      peers = live_owners({view_.current.get()}, from, view_, self_);
      for (NodeId& peer : live_owners({view_.target.get()}, shard.partition, view_, self_)) {
        if (std::find(peers.begin(), peers.end(), peer) == peers.end()) peers.push_back(std::move(peer));
      }
    }
  }
}

void CatchUp::start(bool second) {
  second_ = second;
  RoundOptions options;
  options.splits = view_.target->splits();
  options.mode.tombstones = !second;
  options.mode.push = second;
  // What a peer cannot take, because its disk is full say, keeps nobody else from being ready.
  if (second) options.attempts_max = kGiveAttemptsMax;
  options.mode.away_since_ms = away_since_ms_;
  rounds_ = PeerRounds::start(
      transfer_, options, work(), [](const NodeId&, const UnitOutcome&) {},
      [this, second] {
        if (!second) return start(true);
        on_done_();
      });
}

}  // namespace ferro::node::cluster
