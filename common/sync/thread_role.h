// What a thread is for, told to the scheduler and to whoever looks at the process with top or a debugger.
#pragma once

#include <cstdint>

namespace ferro::sync {

enum class ThreadRole : uint8_t {
  serving,     // a client waits for what it does: short turns, the first one soon after it wakes
  background,  // nobody waits: a tenth of the share of the others when the cores are busy, no less
};

// Names the calling thread (at most 15 characters are kept) and gives it its role. What the system refuses is
// left as it is: the role is advice, correctness never depends on it.
void set_thread_role(const char* name, ThreadRole role) noexcept;

}  // namespace ferro::sync
