#include "node/engine/worker.h"

#include <utility>

namespace ferro::node::engine {

Worker::~Worker() {
  stop();
}

void Worker::start() {
  thread_ = std::thread([this] { run(); });
}

Status Worker::post(Job job) {
  std::lock_guard lock(mutex_);
  if (stopping_) return Status::unavailable("the node is stopping");
  if (jobs_.size() >= jobs_max_) {
    return Status::unavailable("overloaded: " + std::to_string(jobs_.size()) +
                               " background jobs are waiting; try again");
  }
  jobs_.push_back(std::move(job));
  changed_.notify_one();
  return {};
}

bool Worker::run_waiting() {
  std::deque<Job> waiting;
  {
    std::lock_guard lock(mutex_);
    waiting.swap(jobs_);
  }
  for (Job& job : waiting) job(false);
  return !waiting.empty();
}

void Worker::stop() {
  std::deque<Job> left;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(jobs_);
    changed_.notify_one();
  }
  for (Job& job : left) job(true);
  if (thread_.joinable()) thread_.join();
}

void Worker::run() {
  sync::set_thread_role(name_, role_);
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job(false);
  }
}

}  // namespace ferro::node::engine
