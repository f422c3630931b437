#include "operator/k8s/exchange.h"

#include <chrono>
#include <utility>

namespace ferro::oper::k8s {

void Exchange::head(int http_status, int64_t retry_after_ms) {
  {
    const std::lock_guard lock(mutex_);
    head_ = Head{http_status, retry_after_ms};
  }
  changed_.notify_all();
}

bool Exchange::piece(std::string_view bytes, std::function<void()> resume) {
  bool room = true;
  {
    const std::lock_guard lock(mutex_);
    if (end_) return true;  // nobody reads any more: let it run dry
    waiting_.append(bytes);
    room = waiting_.size() < kWaitingBytesMax;
    if (!room) resume_ = std::move(resume);
  }
  changed_.notify_all();
  return room;
}

void Exchange::end(Status status) {
  std::function<void()> resume;
  {
    const std::lock_guard lock(mutex_);
    if (end_) return;
    end_ = std::move(status);
    resume = std::exchange(resume_, nullptr);
  }
  changed_.notify_all();
  if (resume) resume();
}

std::optional<Exchange::Head> Exchange::wait_for_head(int64_t timeout_ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), [this] { return head_ || end_; });
  return head_;
}

Exchange::News Exchange::wait_for_body(int64_t timeout_ms, std::string& bytes) {
  std::function<void()> resume;
  {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms),
                      [this] { return !waiting_.empty() || end_; });
    if (waiting_.empty()) return end_ ? News::over : News::silence;
    bytes.append(waiting_);
    waiting_.clear();
    resume = std::exchange(resume_, nullptr);
  }
  if (resume) resume();
  return News::bytes;
}

bool Exchange::is_over() const {
  const std::lock_guard lock(mutex_);
  return end_.has_value();
}

Status Exchange::status() const {
  const std::lock_guard lock(mutex_);
  return end_.value_or(Status());
}

}  // namespace ferro::oper::k8s
