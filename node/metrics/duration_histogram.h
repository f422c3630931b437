// Durations in the buckets of the contract, counted without a lock: every request of every core passes here.
// Each thread counts in a cell of its own (some share one when there are many), and reading adds the cells
// up.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ferro::node::metrics {

class DurationHistogram {
 public:
  // Upper bounds in seconds; a duration on a bound belongs below it. What is longer goes to +Inf.
  static constexpr std::array<double, 16> kBoundsSeconds{
      0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0};

  struct Figures {
    std::array<uint64_t, kBoundsSeconds.size()> cumulative{};  // observations up to each bound
    uint64_t count = 0;
    double sum_seconds = 0;
  };

  void observe_ns(uint64_t elapsed_ns) noexcept;
  Figures read() const noexcept;

 private:
  static constexpr size_t kCells = 32;
  struct alignas(64) Cell {
    std::array<std::atomic<uint64_t>, kBoundsSeconds.size() + 1> counts{};
    std::atomic<uint64_t> sum_ns{0};
  };
  std::array<Cell, kCells> cells_{};
};

}  // namespace ferro::node::metrics
