#include "node/engine/write_queue.h"

#include <thread>
#include <utility>

namespace ferro::node::engine {

namespace {

Status stopping() {
  return Status::unavailable("the node is stopping");
}

}  // namespace

uint64_t waiting_bytes(const model::PutOp& op) noexcept {
  uint64_t bytes = sizeof(WriteRequest) + sizeof(WriteItem) + op.id.size() + op.query_text.size() +
                   op.response.size() + op.vector.size() * sizeof(float) + op.ns.model_id.size() +
                   op.ns.scope.size() + op.ns.conversation.size();
  for (const std::string& tag : op.tags) bytes += sizeof tag + tag.size();
  for (const auto& [name, value] : op.attributes) bytes += 2 * sizeof name + name.size() + value.size();
  return bytes;
}

Status WriteQueue::push(WriteRequestPtr& request) {
  std::lock_guard lock(mutex_);
  if (closed_) return stopping();
  const size_t waiting = operations_.load(std::memory_order_relaxed);
  const bool full = waiting + request->items.size() > operations_max_ || bytes_ + request->bytes > bytes_max_;
  if (full && waiting > 0) {
    return Status::unavailable("overloaded: " + std::to_string(waiting) + " writes are waiting; try again");
  }
  append(request);
  return {};
}

Status WriteQueue::push_continuation(WriteRequestPtr& request) {
  std::lock_guard lock(mutex_);
  if (closed_) return stopping();
  append(request);
  return {};
}

void WriteQueue::append(WriteRequestPtr& request) {
  const size_t waiting = operations_.load(std::memory_order_relaxed) + request->items.size();
  operations_.store(waiting, std::memory_order_relaxed);
  bytes_ += request->bytes;
  requests_.push_back(std::move(request));
  if (wanted_ > 0 && waiting >= wanted_) changed_.notify_one();
}

bool WriteQueue::push_task(WriterTask task) {
  std::lock_guard lock(mutex_);
  if (finished_) return false;
  tasks_.push_back(std::move(task));
  has_tasks_.store(true, std::memory_order_relaxed);
  changed_.notify_one();
  return true;
}

void WriteQueue::wait(size_t operations, std::chrono::nanoseconds longest) {
  std::unique_lock lock(mutex_);
  wanted_ = operations;
  changed_.wait_for(lock, longest, [&] {
    return ending_ || !tasks_.empty() || operations_.load(std::memory_order_relaxed) >= operations;
  });
  wanted_ = 0;
}

bool WriteQueue::watch(size_t looks) const noexcept {
  for (size_t i = 0; i < looks; ++i) {
    if (operations() > 0 || has_tasks_.load(std::memory_order_relaxed)) return true;
    std::this_thread::yield();
  }
  return false;
}

void WriteQueue::take(size_t operations, Taken& out) {
  std::lock_guard lock(mutex_);
  for (WriterTask& task : tasks_) out.tasks.push_back(std::move(task));
  tasks_.clear();
  has_tasks_.store(false, std::memory_order_relaxed);
  for (size_t taken = 0; taken < operations && !requests_.empty();) {
    WriteRequestPtr request = std::move(requests_.front());
    requests_.pop_front();
    taken += request->items.size();
    operations_.store(operations_.load(std::memory_order_relaxed) - request->items.size(),
                      std::memory_order_relaxed);
    bytes_ -= request->bytes;
    out.requests.push_back(std::move(request));
  }
}

bool WriteQueue::finish_if_drained() {
  std::lock_guard lock(mutex_);
  finished_ = ending_ && requests_.empty() && tasks_.empty();
  return finished_;
}

void WriteQueue::close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
}

void WriteQueue::end() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  ending_ = true;
  changed_.notify_one();
}

}  // namespace ferro::node::engine
