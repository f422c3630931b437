#include "operator/k8s/waiter.h"

#include <chrono>

namespace ferro::oper::k8s {

bool SystemWaiter::wait_ms(int64_t duration_ms) {
  std::unique_lock lock(mutex_);
  return !stopped_changed_.wait_for(lock, std::chrono::milliseconds(duration_ms),
                                    [this] { return stopped_; });
}

void SystemWaiter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  stopped_changed_.notify_all();
}

}  // namespace ferro::oper::k8s
