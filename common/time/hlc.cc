#include "common/time/hlc.h"

#include <algorithm>

namespace ferro {

Hlc HlcClock::next() {
  const uint64_t wall_ticks = static_cast<uint64_t>(clock_.wall_ms()) << 16;
  std::lock_guard lock(mutex_);
  last_ticks_ = std::max(wall_ticks, last_ticks_ + 1);
  return {last_ticks_, node_};
}

void HlcClock::observe(const Hlc& seen) {
  std::lock_guard lock(mutex_);
  last_ticks_ = std::max(last_ticks_, seen.ticks);
}

Hlc HlcClock::latest() {
  std::lock_guard lock(mutex_);
  return {last_ticks_, node_};
}

}  // namespace ferro
