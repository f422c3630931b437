// Takes keys from a work queue and has them looked at.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "operator/runtime/step_thread.h"
#include "operator/runtime/work_queue.h"

namespace ferro::oper::runtime {

// What came of one look at a key.
struct Outcome {
  bool ok = true;
  int64_t revisit_ms = -1;  // good: look again then at the latest; negative = when something changes
  int64_t at_least_ms = 0;  // failed: not before (Retry-After), whatever the back-off says
};
using Reconcile = std::function<Outcome(const std::string& key)>;

// Looks at one key if one is due. Answers how many milliseconds the next call may wait, as StepThread::Step.
int64_t work_once(WorkQueue& queue, const Reconcile& reconcile);

// Threads that do so. Owned by main; `wake` from the queue's on_ready.
class WorkerPool {
 public:
  WorkerPool(WorkQueue& queue, Reconcile reconcile, int threads);
  ~WorkerPool() { stop(); }
  void wake();
  // Shuts the queue down, lets the looks under way end, joins.
  void stop();

 private:
  WorkQueue& queue_;
  const Reconcile reconcile_;
  std::vector<std::unique_ptr<StepThread>> threads_;
};

}  // namespace ferro::oper::runtime
