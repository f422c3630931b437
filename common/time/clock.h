// Time as an argument. Product code takes a Clock& (owned by main, outlives every user, thread-safe) and
// never calls now() itself, so tests and the simulator decide what time it is.
#pragma once

#include <atomic>
#include <cstdint>

namespace ferro {

class Clock {
 public:
  virtual ~Clock() = default;
  // Milliseconds since the Unix epoch; may jump.
  virtual int64_t wall_ms() const noexcept = 0;
  // Nanoseconds since some fixed point, the same for every process until the machine is started anew; never
  // goes back, and nobody sets it.
  virtual int64_t steady_ns() const noexcept = 0;
};

class SystemClock final : public Clock {
 public:
  int64_t wall_ms() const noexcept override;
  int64_t steady_ns() const noexcept override;
};

// Moves only when told to. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t wall_ms = 1'700'000'000'000) : wall_ms_(wall_ms) {}
  int64_t wall_ms() const noexcept override { return wall_ms_.load(); }
  // One nanosecond more at every call, so that an order of events is an order of stamps.
  int64_t steady_ns() const noexcept override { return steady_ns_.fetch_add(1) + 1; }
  void set_wall_ms(int64_t wall_ms) noexcept { wall_ms_ = wall_ms; }
  void advance_ms(int64_t by_ms) noexcept {
    wall_ms_ += by_ms;
    steady_ns_ += by_ms * 1'000'000;
  }

 private:
  std::atomic<int64_t> wall_ms_;
  mutable std::atomic<int64_t> steady_ns_{1};
};

}  // namespace ferro
