// Signals as values that the main thread waits for, so that no handler ever runs.
#pragma once

namespace ferro::oper::app {

// Before the first thread starts: every thread inherits the mask.
void block_signals() noexcept;
// Waits at most `timeout_ms`; true if SIGTERM or SIGINT came.
bool stop_signal_within(long timeout_ms) noexcept;

}  // namespace ferro::oper::app
