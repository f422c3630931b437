#include "node/cluster/core/hints.h"

#include <algorithm>
#include <utility>

namespace ferro::node::cluster {

size_t Hints::add(const NodeId& peer, Operation operation, int64_t now_ms) {
  Hint hint{std::move(operation), now_ms, next_order_++};
  const uint64_t bytes = cost(hint);
  if (bytes > bytes_max_) return 1;
  size_t dropped = 0;
  while (bytes_ + bytes > bytes_max_) {
    drop_front(oldest());
    ++dropped;
  }
  Queue& queue = queues_[peer];
  queue.hints.push_back(std::move(hint));
  queue.bytes += bytes;
  bytes_ += bytes;
  ++count_;
  return dropped;
}

size_t Hints::expire(int64_t now_ms) {
  size_t dropped = 0;
  for (auto queue = oldest(); queue != queues_.end(); queue = oldest()) {
    if (now_ms - queue->second.hints.front().since_ms <= age_max_ms_) break;
    drop_front(queue);
    ++dropped;
  }
  return dropped;
}

Hints::Batch Hints::front(const NodeId& peer, size_t bytes_max) const {
  Batch batch;
  const auto queue = queues_.find(peer);
  if (queue == queues_.end()) return batch;
  size_t bytes = 0;
  for (const Hint& hint : queue->second.hints) {
    bytes += hint.operation->size();
    if (!batch.operations.empty() && bytes > bytes_max) break;
    batch.operations.push_back(hint.operation);
    batch.last = hint.order;
  }
  return batch;
}

void Hints::taken(const NodeId& peer, uint64_t last) {
  for (auto queue = queues_.find(peer); queue != queues_.end(); queue = queues_.find(peer)) {
    if (queue->second.hints.front().order > last) return;
    drop_front(queue);
  }
}

size_t Hints::forget(const NodeId& peer) {
  const auto queue = queues_.find(peer);
  if (queue == queues_.end()) return 0;
  const size_t count = queue->second.hints.size();
  taken(peer, queue->second.hints.back().order);
  return count;
}

std::vector<NodeId> Hints::peers() const {
  std::vector<NodeId> peers;
  for (const auto& [peer, queue] : queues_) peers.push_back(peer);
  return peers;
}

uint64_t Hints::bytes_of(const NodeId& peer) const {
  const auto queue = queues_.find(peer);
  return queue == queues_.end() ? 0 : queue->second.bytes;
}

uint64_t Hints::count_of(const NodeId& peer) const {
  const auto queue = queues_.find(peer);
  return queue == queues_.end() ? 0 : queue->second.hints.size();
}

void Hints::drop_front(Queues::iterator queue) {
  const uint64_t bytes = cost(queue->second.hints.front());
  queue->second.hints.pop_front();
  queue->second.bytes -= bytes;
  bytes_ -= bytes;
  --count_;
  if (queue->second.hints.empty()) queues_.erase(queue);
}

Hints::Queues::iterator Hints::oldest() {
  return std::min_element(queues_.begin(), queues_.end(), [](const auto& a, const auto& b) {
    return a.second.hints.front().order < b.second.hints.front().order;
  });
}

}  // namespace ferro::node::cluster
