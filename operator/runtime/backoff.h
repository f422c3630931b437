// How long to wait after the n-th failure in a row.
#pragma once

#include <cstdint>

namespace ferro::oper::runtime {

struct BackoffOptions {
  int64_t first_ms = 800;
  int64_t max_ms = 30'000;
  double jitter = 0.25;  // the wait is drawn from [1 - jitter, 1 + jitter] times its value
};

// A value; not thread-safe. The seed is the caller's, so that runs replay.
class Backoff {
 public:
  explicit Backoff(BackoffOptions options = {}, uint64_t seed = 0) : options_(options), random_(seed) {}
  int64_t next_ms();
  void reset() noexcept { failures_ = 0; }
  int failures() const noexcept { return failures_; }

 private:
  uint64_t draw() noexcept;

  BackoffOptions options_;
  int failures_ = 0;
  uint64_t random_;
};

}  // namespace ferro::oper::runtime
