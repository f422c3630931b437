#include "operator/runtime/backoff.h"

#include <algorithm>

namespace ferro::oper::runtime {
namespace {
constexpr int kDoublingsMax = 30;  // 2^30 times the first wait is beyond every maximum
}

// splitmix64 (Steele, Lea and Flood 2014).
uint64_t Backoff::draw() noexcept {
  uint64_t z = random_ += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

int64_t Backoff::next_ms() {
  const int doublings = std::min(failures_, kDoublingsMax);
  if (failures_ <= kDoublingsMax) ++failures_;
  const double wait_ms =
      std::min(static_cast<double>(options_.max_ms),
               static_cast<double>(options_.first_ms) * static_cast<double>(1U << doublings));
  const double unit = static_cast<double>(draw() >> 11) * 0x1p-53;  // [0, 1)
  return std::max<int64_t>(1, static_cast<int64_t>(wait_ms * (1 + options_.jitter * (2 * unit - 1))));
}

}  // namespace ferro::oper::runtime
