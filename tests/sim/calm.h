// When the cluster was whole, and when nothing but planned changes had happened since. The world notes it,
// the model judges by it.
//
// Calm: every node is up and ready, all agree on the ring, all copies are equal, and no change or fault is
// under way. Orderly: from a calm on, until the first fault that nobody planned. Values; times in
// microseconds.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace ferro::sim {

class Calm {
 public:
  void begin(int64_t now_us) {
    if (calm_) return;
    calm_ = true;
    calms_.push_back({now_us, kOpen});
    if (!orderly_) orders_.push_back({now_us, kOpen});
    orderly_ = true;
  }
  // Something planned begins.
  void change(int64_t now_us) {
    if (calm_) calms_.back().end_us = now_us;
    calm_ = false;
  }
  void disturb(int64_t now_us) {
    change(now_us);
    if (orderly_) orders_.back().end_us = now_us;
    orderly_ = false;
  }

  bool is_calm() const noexcept { return calm_; }
  bool is_orderly() const noexcept { return orderly_; }
  bool orderly_over(int64_t from_us, int64_t to_us) const noexcept { return over(orders_, from_us, to_us); }
  bool calm_over(int64_t from_us, int64_t to_us) const noexcept { return over(calms_, from_us, to_us); }
  // Was there a calm instant in between?
  bool calm_between(int64_t from_us, int64_t to_us) const noexcept {
    for (auto period = calms_.rbegin(); period != calms_.rend(); ++period) {
      if (period->from_us <= to_us && period->end_us >= from_us) return true;
    }
    return false;
  }
  // The last calm instant up to then; negative if there was none.
  int64_t last_calm(int64_t upto_us) const noexcept {
    for (auto period = calms_.rbegin(); period != calms_.rend(); ++period) {
      if (period->from_us <= upto_us) return period->end_us < upto_us ? period->end_us : upto_us;
    }
    return -1;
  }

 private:
  static constexpr int64_t kOpen = std::numeric_limits<int64_t>::max();
  struct Period {
    int64_t from_us, end_us;
  };
  static bool over(const std::vector<Period>& periods, int64_t from_us, int64_t to_us) noexcept {
    for (auto period = periods.rbegin(); period != periods.rend(); ++period) {
      if (period->from_us <= from_us && period->end_us >= to_us) return true;
    }
    return false;
  }

  std::vector<Period> calms_, orders_;
  bool calm_ = false, orderly_ = false;
};

}  // namespace ferro::sim
