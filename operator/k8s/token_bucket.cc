#include "operator/k8s/token_bucket.h"

#include <algorithm>
#include <cmath>

namespace ferro::oper::k8s {

TokenBucket::TokenBucket(const Clock& clock, double per_second, double burst)
    : clock_(clock),
      per_second_(per_second),
      burst_(std::max(1.0, burst)),
      tokens_(burst_),
      refilled_ns_(clock.steady_ns()) {}

void TokenBucket::refill() {
  const int64_t now_ns = clock_.steady_ns();
  tokens_ = std::min(burst_, tokens_ + static_cast<double>(now_ns - refilled_ns_) * per_second_ / 1e9);
  refilled_ns_ = now_ns;
}

int64_t TokenBucket::take_ms() {
  if (per_second_ <= 0) return 0;
  const std::lock_guard lock(mutex_);
  refill();
  tokens_ -= 1;
  return tokens_ >= 0 ? 0 : static_cast<int64_t>(std::ceil(-tokens_ * 1000 / per_second_));
}

bool TokenBucket::try_take() {
  if (per_second_ <= 0) return true;
  const std::lock_guard lock(mutex_);
  refill();
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

int64_t TokenBucket::wait_for_one_ms() {
  if (per_second_ <= 0) return 0;
  const std::lock_guard lock(mutex_);
  refill();
  return tokens_ >= 1 ? 0 : static_cast<int64_t>(std::ceil((1 - tokens_) * 1000 / per_second_));
}

}  // namespace ferro::oper::k8s
