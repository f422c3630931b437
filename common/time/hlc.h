// Hybrid logical clock (Kulkarni et al. 2014): wall milliseconds in the high 48 bits, a counter in the low
// 16, so stamps follow causality and stay close to wall time. Orders every write of every node.
#pragma once

#include <compare>
#include <cstdint>
#include <mutex>

#include "common/time/clock.h"

namespace ferro {

struct Hlc {
  uint64_t ticks = 0;  // (wall_ms << 16) | counter
  uint32_t node = 0;   // hash of the writing node's id: breaks ties the same way everywhere

  int64_t wall_ms() const noexcept { return static_cast<int64_t>(ticks >> 16); }
  friend auto operator<=>(const Hlc&, const Hlc&) = default;
};

// Issues strictly increasing stamps. Owned by the engine; thread-safe.
class HlcClock {
 public:
  HlcClock(const Clock& clock, uint32_t node) : clock_(clock), node_(node) {}
  Hlc next();
  // Never issue at or below `seen` again (recovery, replication).
  void observe(const Hlc& seen);
  // The newest stamp issued or observed.
  Hlc latest();

 private:
  const Clock& clock_;
  const uint32_t node_;
  std::mutex mutex_;
  uint64_t last_ticks_ = 0;
};

}  // namespace ferro
