#include "node/cluster/sync/parting.h"

#include <utility>

#include "node/cluster/sync/catch_up.h"

namespace ferro::node::cluster {

void Parting::end_round() {
  ++round_;
  if (rounds_ != nullptr) rounds_->stop();
  rounds_.reset();
}

void Parting::start(const SyncView& view, int64_t away_since_ms) {
  end_round();
  view_ = view;
  away_since_ms_ = away_since_ms;
  started_ = true;
  over_ = false;
  total_ = 0;
  only_here_.reset();
  only_mine_.reset();
  // What this node has decided before is in what is compared.
  transfer_.settle([this, round = round_](const Result<uint64_t>&) {
    if (round == round_) list();
  });
}

void Parting::list() {
  std::vector<Unit> units;
  for (size_t i = 0; i < model::kPartitions; ++i) units.push_back({static_cast<uint16_t>(i)});
  transfer_.summaries(units, view_.current->splits(), 1,
                      [this, units, round = round_](Result<Transfer::Summaries> held) {
                        if (round == round_) compare(units, *held);
                      });
}

void Parting::set_view(const SyncView& view, int64_t away_since_ms) {
  if (!started_) return;
  const bool same = view.current->fingerprint() == view_.current->fingerprint() && view.live == view_.live;
  if (!same) start(view, away_since_ms);
}

// Of a partition that is empty here nothing can be missing elsewhere.
void Parting::compare(const std::vector<Unit>& units, const Transfer::Summaries& held) {
  PeerRounds::Work work;
  for (size_t i = 0; i < units.size(); ++i) {
    const uint16_t partition = units[i].partition;
    const bool is_mine = view_.current->owns(self_, partition);
    if (held[i].empty() && !is_mine) continue;
    std::vector<NodeId> owners = live_owners({view_.current.get()}, partition, view_, self_);
    if (owners.empty()) {
      only_here_.set(partition, !held[i].empty());
      only_mine_.set(partition);
    } else if (!held[i].empty()) {
      work.emplace(units[i], std::move(owners));
    }
  }
  total_ = work.size();
  RoundOptions options;
  options.splits = view_.current->splits();
  options.mode.pull = DiffRules::Pull::deletes;  // what was deleted meanwhile is not given to anybody
  options.mode.away_since_ms = away_since_ms_;
  options.at_once = kExchangeUnitsMax;
  rounds_ = PeerRounds::start(
      transfer_, options, std::move(work), [](const NodeId&, const UnitOutcome&) {},
      [this] { over_ = true; });
}

size_t Parting::partitions_left() const noexcept {
  if (over_) return 0;
  return rounds_ != nullptr ? rounds_->units_left() : total_;
}

}  // namespace ferro::node::cluster
