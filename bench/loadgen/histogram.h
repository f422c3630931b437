// Latencies in logarithmic buckets: 64 steps to each doubling, so a quantile is right within 1.6 %. Not
// thread-safe.
#pragma once

#include <array>
#include <cstdint>

namespace ferro::bench::loadgen {

class Histogram {
 public:
  void add(int64_t value_ns) noexcept;
  uint64_t count() const noexcept { return count_; }
  // Upper edge of the bucket in which the quantile (0..1) lies; 0 if empty.
  int64_t quantile_ns(double quantile) const noexcept;
  int64_t max_ns() const noexcept { return max_ns_; }
  double mean_ns() const noexcept { return count_ == 0 ? 0.0 : sum_ns_ / static_cast<double>(count_); }

 private:
  static constexpr unsigned kStepBits = 6;
  std::array<uint64_t, (64 - kStepBits + 1) << kStepBits> buckets_{};
  uint64_t count_ = 0;
  int64_t max_ns_ = 0;
  double sum_ns_ = 0.0;
};

}  // namespace ferro::bench::loadgen
