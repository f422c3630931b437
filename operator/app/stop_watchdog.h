// The second step of stopping: what has not ended in time is left where it stands. Every step of every
// operation may be the last one of a process, so nothing is lost by it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace ferro::oper::app {

// Owned by whoever stops; ends the process with `exit_code` unless it is destroyed within `patience_ms`.
class StopWatchdog {
 public:
  StopWatchdog(int64_t patience_ms, int exit_code);
  ~StopWatchdog();
  StopWatchdog(const StopWatchdog&) = delete;
  StopWatchdog& operator=(const StopWatchdog&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace ferro::oper::app
