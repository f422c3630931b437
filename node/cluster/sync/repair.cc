#include "node/cluster/sync/repair.h"

#include <utility>

#include "node/cluster/sync/catch_up.h"

namespace ferro::node::cluster {
namespace {

// The other side may have asked just before this one knew of the ring that it asked by; it asks again only
// when its interval is over.
constexpr int64_t kNotAskedMs = 2000;

}  // namespace

Repair::~Repair() {
  for (auto& [peer, pair] : pairs_) {
    if (pair.rounds != nullptr) pair.rounds->stop();
  }
}

void Repair::set_view(const SyncView& view) {
  const bool other_ring = view.current->fingerprint() != view_.current->fingerprint();
  view_ = view;
  std::erase_if(pairs_, [&](const auto& entry) {
    // Writes that were under way while the ring changed may have missed a new owner: all begins anew.
    const bool over = other_ring || !view.live.contains(entry.first);
    if (over && entry.second.rounds != nullptr) entry.second.rounds->stop();
    return over;
  });
  const model::PartitionSet mine = view.current->partitions_of(options_.self);
  for (const NodeId& peer : view.live) {
    const auto [pair, added] = pairs_.try_emplace(peer);
    if (added) pair->second.shared = mine & view.current->partitions_of(peer);
  }
}

void Repair::hurry() {
  for (auto& [peer, pair] : pairs_) {
    pair.next_ms = 0;
    pair.hurried = true;
    pair.compared.reset();
  }
}

bool Repair::is_due(const NodeId& peer, const Pair& pair, int64_t now_ms) const {
  if (now_ms < pair.next_ms || pair.rounds != nullptr) return false;
  if (peer > options_.self || pair.hurried) return true;
  return now_ms - *pair.since_ms >= kNotAskedMs && (pair.shared & ~pair.compared).any();
}

void Repair::tick(int64_t now_ms) {
  if (!view_.complete) return;
  for (auto& [peer, pair] : pairs_) {
    if (!view_.complete_peers.contains(peer)) continue;
    if (!pair.since_ms) pair.since_ms = now_ms;
    if (!is_due(peer, pair, now_ms)) continue;
    pair.hurried = false;
    const auto spread = static_cast<uint64_t>(options_.interval_ms / 4 + 1);
    pair.next_ms = now_ms + options_.interval_ms - static_cast<int64_t>(transfer_.random() % spread);
    begin(peer, pair);
  }
}

void Repair::begin(const NodeId& peer, Pair& pair) {
  PeerRounds::Work work;
  for (size_t i = 0; i < pair.shared.size(); ++i) {
    if (pair.shared.test(i)) work.emplace(Unit{static_cast<uint16_t>(i)}, std::vector<NodeId>{peer});
  }
  RoundOptions options;
  options.budget = &budget_;
  options.at_once = kExchangeUnitsMax;
  options.splits = view_.current->splits();
  pair.rounds = PeerRounds::start(
      transfer_, options, std::move(work),
      [this](const NodeId& other, const UnitOutcome& outcome) { on_result(other, outcome); },
      [this, peer] {
        ++rounds_done_;
        if (const auto found = pairs_.find(peer); found != pairs_.end()) found->second.rounds.reset();
      });
}

// A write on its way to either side is a difference too. What is out of step differs, and is not mended by
// what was moved.
void Repair::on_result(const NodeId& peer, const UnitOutcome& outcome) {
  const auto found = pairs_.find(peer);
  if (found == pairs_.end()) return;
  Pair& pair = found->second;
  const bool differs = outcome.found.differences != 0 && outcome.found.changed == 0;
  pair.out_of_step.set(outcome.unit.partition,
                       !outcome.status.ok() || (differs && pair.differed.test(outcome.unit.partition)));
  pair.differed.set(outcome.unit.partition, differs);
  note_compared(pair, outcome.unit.partition, outcome.status.ok());
}

void Repair::note_asked(const NodeId& peer, uint16_t partition, bool same) {
  const auto found = pairs_.find(peer);
  if (found == pairs_.end()) return;
  found->second.out_of_step.set(partition, !same && found->second.differed.test(partition));
  found->second.differed.set(partition, !same);
  note_compared(found->second, partition, true);
}

// A round that is due at once may find what the one under way has passed already.
void Repair::note_compared(Pair& pair, uint16_t partition, bool now) {
  if (now && !pair.hurried) pair.compared.set(partition);
}

model::PartitionSet Repair::uncompared() const {
  model::PartitionSet unknown;
  for (const auto& [peer, pair] : pairs_) unknown |= pair.shared & ~pair.compared;
  return unknown;
}

bool Repair::in_step(uint16_t partition) const {
  const bool with_all = std::none_of(pairs_.begin(), pairs_.end(), [partition](const auto& pair) {
    return pair.second.out_of_step.test(partition);
  });
  if (with_all) return true;
  for (const NodeId& peer : live_owners({view_.current.get()}, partition, view_, options_.self)) {
    const auto found = pairs_.find(peer);
    if (found != pairs_.end() && found->second.out_of_step.test(partition)) return false;
  }
  return true;
}

}  // namespace ferro::node::cluster
