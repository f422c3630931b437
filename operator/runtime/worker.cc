#include "operator/runtime/worker.h"

#include <utility>

namespace ferro::oper::runtime {

int64_t work_once(WorkQueue& queue, const Reconcile& reconcile) {
  const std::optional<std::string> key = queue.try_take();
  if (!key) return queue.next_due_ms();
  const Outcome outcome = reconcile(*key);
  if (!outcome.ok) {
    queue.failed(*key, outcome.at_least_ms);
  } else if (outcome.revisit_ms >= 0) {
    queue.done_and_revisit(*key, outcome.revisit_ms);
  } else {
    queue.done(*key);
  }
  return 0;
}

WorkerPool::WorkerPool(WorkQueue& queue, Reconcile reconcile, int threads)
    : queue_(queue), reconcile_(std::move(reconcile)) {
  for (int i = 0; i < threads; ++i) {
    threads_.push_back(std::make_unique<StepThread>("worker-" + std::to_string(i),
                                                    [this] { return work_once(queue_, reconcile_); }));
  }
}

void WorkerPool::wake() {
  for (const auto& thread : threads_) thread->wake();
}

void WorkerPool::stop() {
  queue_.shut_down();
  for (const auto& thread : threads_) thread->stop();
}

}  // namespace ferro::oper::runtime
