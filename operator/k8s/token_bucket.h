// Bounds a rate: `burst` at once, `per_second` in the long run.
#pragma once

#include <cstdint>
#include <mutex>

#include "common/time/clock.h"

namespace ferro::oper::k8s {

// Thread-safe. Callers are served in the order of their calls: each takes its token now and waits until that
// token is there.
class TokenBucket {
 public:
  // `per_second` 0 = unbounded.
  TokenBucket(const Clock& clock, double per_second, double burst);
  // Takes one token and tells how long to wait before using it, 0 = now.
  int64_t take_ms();
  // Takes one token if it is there.
  bool try_take();
  // How long until try_take() may succeed, 0 = now.
  int64_t wait_for_one_ms();

 private:
  void refill();  // mutex_ held

  const Clock& clock_;
  const double per_second_, burst_;
  std::mutex mutex_;
  double tokens_;  // below zero: promised to callers who wait
  int64_t refilled_ns_;
};

}  // namespace ferro::oper::k8s
