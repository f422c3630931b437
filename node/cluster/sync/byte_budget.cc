#include "node/cluster/sync/byte_budget.h"

#include <algorithm>

namespace ferro::node::cluster {
namespace {

constexpr uint64_t kPerSecondMax = uint64_t{1} << 40;  // times milliseconds, it must fit
constexpr int64_t kMillis = 1000;

}  // namespace

ByteBudget::ByteBudget(uint64_t bytes_per_second)
    : per_second_(static_cast<int64_t>(std::min(bytes_per_second, kPerSecondMax))), left_(per_second_) {}

void ByteBudget::refill(int64_t now_ms) {
  if (refilled_ms_ < 0) refilled_ms_ = now_ms;
  const int64_t passed_ms = std::clamp<int64_t>(now_ms - refilled_ms_, 0, kMillis * kMillis);
  const int64_t earned = per_second_ * passed_ms / kMillis;
  if (earned == 0 && left_ < per_second_) return;  // less than a byte: keep the time
  left_ = std::min(per_second_, left_ + earned);
  refilled_ms_ = now_ms;
}

void ByteBudget::spend(uint64_t bytes, int64_t now_ms) {
  if (per_second_ == 0) return;
  refill(now_ms);
  left_ -= static_cast<int64_t>(std::min(bytes, kPerSecondMax));
}

int64_t ByteBudget::wait_ms(int64_t now_ms) {
  if (per_second_ == 0) return 0;
  refill(now_ms);
  return left_ >= 0 ? 0 : -left_ * kMillis / per_second_ + 1;
}

}  // namespace ferro::node::cluster
