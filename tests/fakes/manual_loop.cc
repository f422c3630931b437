#include "tests/fakes/manual_loop.h"

#include <algorithm>
#include <utility>

namespace ferro::fakes {

ManualLoop::ManualLoop(Timeline& timeline, int64_t wall_offset_ms, int64_t booted_us)
    : timeline_(timeline), owner_(timeline.add_owner()), chance_(timeline.chance().next()) {
  clock_.timeline = &timeline;
  clock_.offset_ms = wall_offset_ms;
  clock_.booted_us = booted_us;
}

void ManualLoop::offload(Work work) {
  timeline_.at(owner_, static_cast<int64_t>(chance_.below(kOffloadDelayUsMax)), std::move(work));
}

ManualLoop::TimerId ManualLoop::after(int64_t delay_ms, Work work) {
  return timeline_.at(owner_, std::max<int64_t>(0, delay_ms) * 1000, std::move(work));
}

}  // namespace ferro::fakes
