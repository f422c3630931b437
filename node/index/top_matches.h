// The best `k` matches seen so far, kept sorted at the end of the caller's vector (best first, ties by row).
//
// A short-lived local of one search. `k` is at most a hundred or so, so insertion beats a heap.
#pragma once

#include <cstddef>
#include <vector>

#include "node/index/vector_index.h"

namespace ferro::node::index {

class TopMatches {
 public:
  // Matches below `floor` are not wanted. `k` is at least 1.
  TopMatches(size_t k, float floor, std::vector<Match>& out)
      : k_(k), floor_(floor), out_(out), first_(out.size()) {}

  bool full() const noexcept { return out_.size() - first_ == k_; }
  size_t size() const noexcept { return out_.size() - first_; }
  // A newcomer must score at least this.
  float bar() const noexcept { return full() ? out_.back().score : floor_; }
  // Would this one be taken? Asked before the filter, which costs more.
  bool wants(float score, Row row) const noexcept {
    if (!full()) return score >= floor_;
    const Match& worst = out_.back();
    return score > worst.score || (score == worst.score && row < worst.row);
  }
  // Only what `wants` accepts.
  void take(const Match& match) {
    if (full()) out_.pop_back();
    size_t at = out_.size();
    out_.push_back(match);
    for (; at > first_ && before(match, out_[at - 1]); --at) out_[at] = out_[at - 1];
    out_[at] = match;
  }
  void clear() { out_.resize(first_); }

 private:
  static bool before(const Match& a, const Match& b) noexcept {
    return a.score > b.score || (a.score == b.score && a.row < b.row);
  }

  const size_t k_;
  const float floor_;
  std::vector<Match>& out_;
  const size_t first_;
};

}  // namespace ferro::node::index
