#include "node/cluster/sync/hand_over.h"

#include <algorithm>
#include <utility>

#include "node/cluster/sync/catch_up.h"
#include "node/cluster/sync/partition_hand_over.h"

namespace ferro::node::cluster {
namespace {

constexpr size_t kAtOnce = 4;
constexpr int64_t kRestMs = 200;
constexpr int64_t kRestMaxMs = 5000;

}  // namespace

HandOver::HandOver(Transfer& transfer, NodeId self, std::function<void(uint64_t)> on_empty)
    : transfer_(transfer), self_(std::move(self)), on_empty_(std::move(on_empty)) {}

HandOver::~HandOver() {
  cancel();
}

bool HandOver::allowed() const noexcept {
  return view_.agreed && !view_.changing && !view_.current->empty();
}

void HandOver::cancel() {
  for (auto& [partition, attempt] : attempts_) {
    if (attempt.work != nullptr) attempt.work->cancel();
  }
  attempts_.clear();
}

void HandOver::set_view(const SyncView& view, int64_t away_since_ms) {
  const bool other_ring = view.current->fingerprint() != view_.current->fingerprint();
  const bool other_owners = view.live != view_.live;
  view_ = view;
  away_since_ms_ = away_since_ms;
  if (!allowed() || other_owners) cancel();  // an owner that came back has to hold it too
  if (!other_ring && allowed()) return;
  scanned_ = scanning_ = told_empty_ = false;
  ++scan_;
  clean_.reset();
  left_ = total_ = 0;
}

void HandOver::tick(int64_t now_ms) {
  if (!allowed()) return;
  if (!scanned_) return scan();
  find_strays();
  size_t running = 0;
  for (const auto& [partition, attempt] : attempts_) running += attempt.work != nullptr ? 1 : 0;
  for (auto& [partition, attempt] : attempts_) {
    if (running >= kAtOnce) break;
    if (attempt.work != nullptr || now_ms < attempt.rests_until_ms) continue;
    start(partition, attempt);
    running += attempt.work != nullptr ? 1 : 0;
  }
}

// Which of the partitions of others hold anything at all, tombstones included.
void HandOver::scan() {
  if (std::exchange(scanning_, true)) return;
  foreign_ = ~view_.current->partitions_of(self_);
  std::vector<Unit> units;
  for (size_t i = 0; i < foreign_.size(); ++i) {
    if (foreign_.test(i)) units.push_back({static_cast<uint16_t>(i)});
  }
  transfer_.summaries(units, view_.current->splits(), 1,
                      [this, units, scan = scan_](Result<Transfer::Summaries> summaries) {
                        if (scan != scan_) return;
                        scanned_ = true;
                        for (size_t i = 0; i < units.size(); ++i) {
                          clean_.set(units[i].partition, (*summaries)[i].empty());
                        }
                        left_ = total_ = (foreign_ & ~clean_).count();
                      });
}

void HandOver::find_strays() {
  left_ = 0;
  const Splits& splits = view_.current->splits();
  for (size_t i = 0; i < foreign_.size(); ++i) {
    const auto partition = static_cast<uint16_t>(i);
    if (!foreign_.test(i)) continue;
    if (clean_.test(i) && transfer_.engine().store().area_entries({partition, splits.get()}) == 0) continue;
    if (clean_.test(i)) ++total_;  // something has come since
    clean_.reset(i);
    ++left_;
    attempts_.try_emplace(partition);
  }
  if (left_ != 0) {
    told_empty_ = false;
  } else if (!std::exchange(told_empty_, true)) {
    trouble_.clear();
    on_empty_(view_.current->fingerprint());
  }
}

void HandOver::start(uint16_t partition, Attempt& attempt) {
  std::vector<NodeId> owners = live_owners({view_.current.get()}, partition, view_, self_);
  if (owners.empty()) {
    trouble_ = "no owner of partition " + std::to_string(partition) + " is there";
    return;
  }
  attempt.work = PartitionHandOver::start(
      transfer_, {partition, view_.current->splits(), std::move(owners), away_since_ms_}, removals_,
      [this, partition](const Status& status, uint64_t removed) {
        removed_ += removed;
        on_done(partition, status);
      });
}

void HandOver::on_done(uint16_t partition, const Status& status) {
  if (status.ok()) {
    clean_.set(partition);
    attempts_.erase(partition);
    return;
  }
  trouble_ = status.message();
  Attempt& attempt = attempts_[partition];
  attempt.work.reset();
  attempt.rests_until_ms =
      transfer_.now_ms() + std::min(kRestMaxMs, kRestMs << std::min(attempt.failures, 6U));
  ++attempt.failures;
}

}  // namespace ferro::node::cluster
