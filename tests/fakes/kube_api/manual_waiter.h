// Waiting that takes no time: the clock is moved instead.
#pragma once

#include <vector>

#include "common/time/clock.h"
#include "operator/k8s/waiter.h"

namespace ferro::fakes::kube {

// One thread. The clock outlives it.
class ManualWaiter final : public oper::k8s::Waiter {
 public:
  explicit ManualWaiter(ManualClock& clock) : clock_(clock) {}
  bool wait_ms(int64_t duration_ms) override {
    waits.push_back(duration_ms);
    if (stopped) return false;
    clock_.advance_ms(duration_ms);
    return true;
  }

  std::vector<int64_t> waits;
  bool stopped = false;

 private:
  ManualClock& clock_;
};

}  // namespace ferro::fakes::kube
