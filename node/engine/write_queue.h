// The bounded queue in front of the writer thread, and the door through which background threads hand work to
// it. Many producers, one consumer; all methods are thread-safe, `wait`, `take` are the writer's.
//
// Two lanes: requests (bounded by operations and bytes; refused when full) and tasks (small closures of the
// engine's own threads, one for each job that is out, never refused while the writer runs).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "node/engine/write_request.h"

namespace ferro::node::engine {

using WriterTask = std::function<void()>;

class WriteQueue {
 public:
  WriteQueue(size_t operations_max, uint64_t bytes_max)
      : operations_max_(operations_max), bytes_max_(bytes_max) {}

  // unavailable when too much waits already (a request of any size is taken when nothing waits) or after
  // close(); `request` is then left to the caller.
  Status push(WriteRequestPtr& request);
  // For what goes on with work already accepted: refused only after close().
  Status push_continuation(WriteRequestPtr& request);
  // False once the writer has ended.
  bool push_task(WriterTask task);

  // --- the writer ---
  // Until `operations` wait, or a task does, or the end is announced, at most `longest`.
  void wait(size_t operations, std::chrono::nanoseconds longest);
  // Looks for work without going to sleep, `looks` times, leaving the core to others between two looks. For
  // when work is expected within microseconds: less than it takes to be woken.
  bool watch(size_t looks) const noexcept;
  struct Taken {
    std::vector<WriterTask> tasks;
    std::deque<WriteRequestPtr> requests;
  };
  // Appends all tasks and whole requests until they reach `operations` operations.
  void take(size_t operations, Taken& out);
  // True, for good, if the end was announced and both lanes are empty: then the writer leaves.
  bool finish_if_drained();

  // Requests are refused from now on; what waits is still served, and tasks are still taken.
  void close();
  // After close(), when nobody posts tasks any more: the writer leaves when it has served what waits.
  void end();
  size_t operations() const noexcept { return operations_.load(std::memory_order_relaxed); }

 private:
  void append(WriteRequestPtr& request);

  const size_t operations_max_;
  const uint64_t bytes_max_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<WriteRequestPtr> requests_;
  std::vector<WriterTask> tasks_;
  std::atomic<size_t> operations_{0};   // written under the mutex
  std::atomic<bool> has_tasks_{false};  // written under the mutex
  uint64_t bytes_ = 0;
  size_t wanted_ = 0;  // operations that the waiting writer wants to be woken for
  bool closed_ = false;
  bool ending_ = false;
  bool finished_ = false;
};

}  // namespace ferro::node::engine
