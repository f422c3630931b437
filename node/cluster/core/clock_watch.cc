#include "node/cluster/core/clock_watch.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "common/base/limits.h"

namespace ferro::node::cluster {

namespace {

std::string seconds(int64_t ms) {
  return std::to_string((ms + 500) / 1000) + " s";
}

}  // namespace

void ClockWatch::note(const NodeId& peer, int64_t theirs_ms, int64_t sent_ns) {
  const int64_t middle_ms = (sent_ns / 1'000'000 + steady_ms()) / 2;
  wall_minus_steady_[peer] = theirs_ms - middle_ms;
}

std::optional<int64_t> ClockWatch::ahead_of_ms(const NodeId& peer) const {
  const auto known = wall_minus_steady_.find(peer);
  if (known == wall_minus_steady_.end()) return std::nullopt;
  return clock_.wall_ms() - steady_ms() - known->second;
}

void ClockWatch::judge(const std::set<NodeId>& live, int64_t stamp_ms) {
  std::erase_if(wall_minus_steady_, [&](const auto& peer) { return !live.contains(peer.first); });
  std::vector<int64_t> ahead;  // of each
  for (const auto& peer : wall_minus_steady_) ahead.push_back(*ahead_of_ms(peer.first));
  if (ahead.empty()) {  // nobody to disagree with
    ahead_ms_ = 0;
    reference_ = kUnknown;
    reason_.clear();
    return;
  }
  // Of an even number the one of the two in the middle that is nearer: half of the others may be wrong.
  std::sort(ahead.begin(), ahead.end());
  const int64_t lower = ahead[(ahead.size() - 1) / 2];
  const int64_t upper = ahead[ahead.size() / 2];
  ahead_ms_ = std::abs(lower) < std::abs(upper) ? lower : upper;
  const int64_t own = clock_.wall_ms() - steady_ms();
  reference_ = own - ahead_ms_;

  const int64_t bound = reason_.empty() ? kUnfitMs : kFitAgainMs;
  const auto most = [&](auto&& differs) {
    return 2 * static_cast<size_t>(std::count_if(ahead.begin(), ahead.end(), differs)) > ahead.size();
  };
  const int64_t stamps_ahead_ms = ahead_ms_ + std::max<int64_t>(0, stamp_ms - clock_.wall_ms());
  if (most([&](int64_t by) { return by > bound; })) {
    reason_ = "this node's clock is " + seconds(ahead_ms_) +
              " ahead of most other nodes': set it right, the others refuse what it stamps";
  } else if (ahead.size() > 1 && most([&](int64_t by) { return by < -bound; })) {
    reason_ = "this node's clock is " + seconds(-ahead_ms_) +
              " behind most other nodes': set it right, it cannot take what they stamp";
  } else if (stamps_ahead_ms > limits::kClockSkewMaxMs) {
    reason_ = "this node has written while its clock was ahead: the others refuse its stamps for another " +
              seconds(stamps_ahead_ms - limits::kClockSkewMaxMs);
  } else {
    reason_.clear();
  }
}

bool ClockWatch::may_stamp() const noexcept {
  const int64_t reference = reference_;
  return reference == kUnknown || clock_.wall_ms() - steady_ms() - reference <= kUnfitMs;
}

}  // namespace ferro::node::cluster
