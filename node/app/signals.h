// Signals as values that the main thread waits for, so that no handler ever runs.
#pragma once

#include <cstdint>

namespace ferro::node::app {

enum class Signal : uint8_t { none, stop, reload };

// Before the first thread starts: every thread inherits the mask.
void block_signals() noexcept;
// Waits at most `timeout_ms` for SIGTERM or SIGINT (stop) or SIGHUP (reload).
Signal wait_for_signal(long timeout_ms) noexcept;

}  // namespace ferro::node::app
