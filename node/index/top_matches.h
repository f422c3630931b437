// The best `k` matches seen so far, kept sorted at the end of the caller's vector (best first).
//
// A short-lived local of one search. `k` is at most a hundred or so, so insertion beats a heap.
#pragma once

#include <cstddef>
#include <vector>

#include "node/index/vector_index.h"

namespace ferro::node::index {

class TopMatches {
 public:
  // Matches below `floor` are not wanted. `k` is at least 1. `ties` as in IndexOptions.
  TopMatches(size_t k, float floor, OwnerOrder ties, std::vector<Match>& out)
      : k_(k), floor_(floor), ties_(ties), out_(out), first_(out.size()) {}

  bool full() const noexcept { return out_.size() - first_ == k_; }
  size_t size() const noexcept { return out_.size() - first_; }
  // A newcomer must score at least this.
  float bar() const noexcept { return full() ? out_.back().score : floor_; }
  // Might one of this score be taken? Asked before its owner is known.
  bool wants(float score) const noexcept { return score >= bar(); }
  // Would this one be taken? Asked before the filter, which costs more.
  bool wants(const Match& match) const noexcept {
    return full() ? before(match, out_.back()) : match.score >= floor_;
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
  bool before(const Match& a, const Match& b) const noexcept {
    if (a.score != b.score) return a.score > b.score;
    return ties_ != nullptr ? ties_(a.owner, b.owner) : a.row < b.row;
  }

  const size_t k_;
  const float floor_;
  const OwnerOrder ties_;
  std::vector<Match>& out_;
  const size_t first_;
};

}  // namespace ferro::node::index
