// Where a thread of the operator lets time pass, so that tests and the simulator decide how long that takes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace ferro::oper::k8s {

// Owned by main, outlives every user, thread-safe.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // True after `duration_ms`; false at once when the process is stopping: then give up what you wait for.
  virtual bool wait_ms(int64_t duration_ms) = 0;
};

class SystemWaiter final : public Waiter {
 public:
  bool wait_ms(int64_t duration_ms) override;
  // Ends every wait, those to come too.
  void stop();

 private:
  std::mutex mutex_;
  std::condition_variable stopped_changed_;
  bool stopped_ = false;
};

}  // namespace ferro::oper::k8s
