// How like the hits were to what was asked, and how much text they saved making. Counted without a lock by
// every core; owned by Metrics.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "node/metrics/families.h"
#include "node/store/store.h"

namespace ferro::node::metrics {

class HitFigures {
 public:
  // Upper bounds; close together where thresholds are chosen.
  static constexpr std::array<double, 16> kBounds{0.5,  0.6, 0.7,  0.75, 0.8,  0.82, 0.84, 0.86,
                                                  0.88, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99, 1.0};

  // An equal text is no measure of likeness: it counts for the bytes alone.
  void observe(const store::Hit& hit) noexcept;
  void add_to(Families& out) const;

 private:
  std::array<std::atomic<uint64_t>, kBounds.size()> counts_{};
  std::atomic<uint64_t> similarity_sum_micro_{0};
  std::atomic<uint64_t> response_bytes_{0};
};

}  // namespace ferro::node::metrics
