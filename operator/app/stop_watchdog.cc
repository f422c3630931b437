#include "operator/app/stop_watchdog.h"

#include <unistd.h>

#include <chrono>

#include "common/obs/log.h"

namespace ferro::oper::app {

StopWatchdog::StopWatchdog(int64_t patience_ms, int exit_code)
    : thread_([this, patience_ms, exit_code] {
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, std::chrono::milliseconds(patience_ms), [this] { return stopped_; }))
          return;
        obs::warn("not everything ended in time: leaving");
        ::_exit(exit_code);
      }) {}

StopWatchdog::~StopWatchdog() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

}  // namespace ferro::oper::app
