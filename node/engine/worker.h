// One background thread with a short queue of jobs, run in order. Owned by the engine; `post` from any
// thread. Never started, it has no thread and the owner calls `run_waiting`.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "common/base/status.h"
#include "common/sync/thread_role.h"

namespace ferro::node::engine {

class Worker {
 public:
  // Called exactly once: on the worker's thread (or in run_waiting), or with `cancelled` on the thread that
  // stops it.
  using Job = std::function<void(bool cancelled)>;

  // `name`: of the thread, at most 15 characters; outlives the worker.
  Worker(const char* name, sync::ThreadRole role, size_t jobs_max)
      : name_(name), role_(role), jobs_max_(jobs_max) {}
  ~Worker();  // stops

  void start();
  // unavailable when `jobs_max` jobs wait or after stop(); the job is then not called.
  Status post(Job job);
  // Without a thread: runs what waits here; false if nothing did.
  bool run_waiting();
  // For a job to look at: true once the thread is to end. Lives as long as the worker.
  const std::atomic<bool>& stopping() const noexcept { return stopping_; }
  // Lets the running job end, cancels what waits, joins. Idempotent.
  void stop();

 private:
  void run();

  const char* const name_;
  const sync::ThreadRole role_;
  const size_t jobs_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::atomic<bool> stopping_{false};  // written under the mutex
  std::thread thread_;
};

}  // namespace ferro::node::engine
