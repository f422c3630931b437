#include "node/cluster/sync/peer_rounds.h"

#include <algorithm>
#include <utility>

namespace ferro::node::cluster {
namespace {

constexpr int64_t kRestMs = 100;  // after the first failure, doubled with each that follows
constexpr int64_t kRestMaxMs = 5000;

}  // namespace

std::shared_ptr<PeerRounds> PeerRounds::start(Transfer& transfer, RoundOptions options, Work work,
                                              OnResult on_result, std::function<void()> on_done) {
  std::shared_ptr<PeerRounds> rounds(
      new PeerRounds(transfer, options, std::move(work), std::move(on_result), std::move(on_done)));
  transfer.post([rounds] { rounds->pick(); });
  return rounds;
}

PeerRounds::PeerRounds(Transfer& transfer, RoundOptions options, Work work, OnResult on_result,
                       std::function<void()> on_done)
    : transfer_(transfer),
      options_(options),
      work_(std::move(work)),
      on_result_(std::move(on_result)),
      on_done_(std::move(on_done)) {
  drop_finished();
}

void PeerRounds::drop_finished() {
  std::erase_if(work_, [](const auto& entry) { return entry.second.empty(); });
}

void PeerRounds::keep_peers(const std::set<NodeId>& live) {
  for (auto& [unit, peers] : work_) {
    std::erase_if(peers, [&live](const NodeId& peer) { return !live.contains(peer); });
  }
  drop_finished();
  std::erase_if(lanes_,
                [&live](const auto& entry) { return !entry.second.busy && !live.contains(entry.first); });
  transfer_.post([self = shared_from_this()] { self->pick(); });
}

std::string PeerRounds::trouble() const {
  for (const auto& [peer, lane] : lanes_) {
    if (!lane.error.empty()) return peer + ": " + lane.error;
  }
  return "";
}

void PeerRounds::pick() {
  if (stopped_ || done_) return;
  if (work_.empty()) {
    done_ = true;
    return on_done_();
  }
  std::map<NodeId, std::vector<Unit>> next;
  for (const auto& [unit, peers] : work_) {
    if (under_way_.contains(unit)) continue;
    const NodeId peer = next_peer(peers, transfer_.now_ms());
    if (!peer.empty()) next[peer].push_back(unit);
  }
  for (auto& entry : next) {
    const NodeId& peer = entry.first;
    std::vector<Unit>& units = entry.second;
    if (!failures_.empty()) {
      std::stable_sort(units.begin(), units.end(), [&](const Unit& a, const Unit& b) {
        return failures_[{peer, a}] < failures_[{peer, b}];
      });
    }
    if (units.size() > options_.at_once) units.resize(options_.at_once);
    visit(peer, std::move(units));
  }
}

// The first of them, unless it has not been answering: then another one that is free. Empty: none for now.
NodeId PeerRounds::next_peer(const std::vector<NodeId>& peers, int64_t now_ms) {
  for (const NodeId& peer : peers) {
    const Lane& lane = lanes_[peer];
    if (!lane.busy && now_ms >= lane.rests_until_ms) return peer;
    if (lane.failures == 0) return {};
  }
  return {};
}

void PeerRounds::visit(const NodeId& peer, std::vector<Unit> units) {
  lanes_[peer].busy = true;
  under_way_.insert(units.begin(), units.end());
  Exchange::run(transfer_, {peer, std::move(units), options_.splits, options_.mode, options_.budget},
                [self = shared_from_this(), peer](const std::vector<UnitOutcome>& outcomes) {
                  self->on_visited(peer, outcomes);
                });
}

bool PeerRounds::note_outcome(const NodeId& peer, const UnitOutcome& outcome) {
  under_way_.erase(outcome.unit);
  const bool failed = !outcome.status.ok();
  const uint32_t failures = failed ? ++failures_[{peer, outcome.unit}] : 0;
  const auto left = work_.find(outcome.unit);
  if (left == work_.end()) return failed;
  std::vector<NodeId>& peers = left->second;
  const auto place = std::find(peers.begin(), peers.end(), peer);
  if (place == peers.end()) return failed;
  if (!failed || (options_.attempts_max != 0 && failures >= options_.attempts_max)) {
    peers.erase(place);
  } else {
    std::rotate(place, place + 1, peers.end());  // the others first
  }
  return failed;
}

void PeerRounds::on_visited(const NodeId& peer, const std::vector<UnitOutcome>& outcomes) {
  Lane& lane = lanes_[peer];
  lane.busy = false;
  bool failed = false;
  for (const UnitOutcome& outcome : outcomes) {
    if (note_outcome(peer, outcome)) {
      failed = true;
      lane.error = outcome.status.message();
    }
    if (!stopped_) on_result_(peer, outcome);
  }
  drop_finished();
  if (failed) {
    rest(peer, lane);
  } else {
    lane.failures = 0;
    lane.error.clear();
  }
  pick();
}

void PeerRounds::rest(const NodeId& peer, Lane& lane) {
  const int64_t base_ms = std::min(kRestMaxMs, kRestMs << std::min(lane.failures, 6U));
  const int64_t jitter_ms = static_cast<int64_t>(transfer_.random() % static_cast<uint64_t>(base_ms / 2));
  ++lane.failures;
  lane.rests_until_ms = transfer_.now_ms() + base_ms + jitter_ms;
  transfer_.after(base_ms + jitter_ms, [self = shared_from_this(), peer] { self->pick(); });
}

}  // namespace ferro::node::cluster
