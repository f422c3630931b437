#include "node/metrics/duration_histogram.h"

#include <algorithm>

namespace ferro::node::metrics {

namespace {

constexpr auto kBoundsNs = [] {
  std::array<uint64_t, DurationHistogram::kBoundsSeconds.size()> bounds{};
  for (size_t i = 0; i < bounds.size(); ++i) {
    bounds[i] = static_cast<uint64_t>(DurationHistogram::kBoundsSeconds[i] * 1e9 + 0.5);
  }
  return bounds;
}();

size_t this_thread_number() noexcept {
  static std::atomic<size_t> next{0};
  thread_local const size_t number = next.fetch_add(1, std::memory_order_relaxed);
  return number;
}

}  // namespace

void DurationHistogram::observe_ns(uint64_t elapsed_ns) noexcept {
  const auto bucket = std::lower_bound(kBoundsNs.begin(), kBoundsNs.end(), elapsed_ns) - kBoundsNs.begin();
  Cell& cell = cells_[this_thread_number() % kCells];
  cell.counts[static_cast<size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  cell.sum_ns.fetch_add(elapsed_ns, std::memory_order_relaxed);
}

DurationHistogram::Figures DurationHistogram::read() const noexcept {
  Figures figures;
  uint64_t sum_ns = 0;
  for (const Cell& cell : cells_) {
    for (size_t i = 0; i < figures.cumulative.size(); ++i) {
      figures.cumulative[i] += cell.counts[i].load(std::memory_order_relaxed);
    }
    figures.count += cell.counts.back().load(std::memory_order_relaxed);
    sum_ns += cell.sum_ns.load(std::memory_order_relaxed);
  }
  for (size_t i = 1; i < figures.cumulative.size(); ++i) figures.cumulative[i] += figures.cumulative[i - 1];
  figures.count += figures.cumulative.back();
  figures.sum_seconds = static_cast<double>(sum_ns) / 1e9;
  return figures;
}

}  // namespace ferro::node::metrics
