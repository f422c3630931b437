#include "operator/runtime/step_thread.h"

#include <chrono>
#include <utility>

#include "common/sync/thread_role.h"

namespace ferro::oper::runtime {

StepThread::StepThread(std::string name, Step step)
    : name_(std::move(name)), step_(std::move(step)), thread_([this] { run(); }) {}

void StepThread::run() {
  sync::set_thread_role(name_.c_str(), sync::ThreadRole::serving);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    woken_ = false;
    lock.unlock();
    const int64_t wait_ms = step_();
    lock.lock();
    const auto called = [this] { return woken_ || stopping_; };
    if (wait_ms < 0) {
      changed_.wait(lock, called);
    } else if (wait_ms > 0) {
      changed_.wait_for(lock, std::chrono::milliseconds(wait_ms), called);
    }
  }
}

void StepThread::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void StepThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

}  // namespace ferro::oper::runtime
