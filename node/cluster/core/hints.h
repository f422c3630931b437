// Operations kept for owners that could not take them: bounded in bytes over all peers and in age, oldest
// dropped first. What is dropped here is found again by the comparison of copies, only later.
//
// Owned by the replicator, on the loop; in memory alone (a restart loses hints, never data).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "node/cluster/placement/placement.h"

namespace ferro::node::cluster {

class Hints {
 public:
  using Operation = std::shared_ptr<const std::string>;

  Hints(uint64_t bytes_max, int64_t age_max_ms) : bytes_max_(bytes_max), age_max_ms_(age_max_ms) {}

  // Returns how many older hints had to go for it (it may be itself).
  size_t add(const NodeId& peer, Operation operation, int64_t now_ms);
  // Drops what is too old; returns how many.
  size_t expire(int64_t now_ms);

  // The oldest hints of a peer, at most that many bytes but at least one; they stay until taken.
  struct Batch {
    std::vector<Operation> operations;
    uint64_t last = 0;
  };
  Batch front(const NodeId& peer, size_t bytes_max) const;
  void taken(const NodeId& peer, uint64_t last);  // of a batch: others may have been dropped meanwhile
  // The peer needs none any more; returns how many there were.
  size_t forget(const NodeId& peer);

  bool has(const NodeId& peer) const { return queues_.contains(peer); }
  std::vector<NodeId> peers() const;
  uint64_t bytes() const noexcept { return bytes_; }
  uint64_t bytes_of(const NodeId& peer) const;
  uint64_t count_of(const NodeId& peer) const;
  uint64_t count() const noexcept { return count_; }

 private:
  struct Hint {
    Operation operation;
    int64_t since_ms = 0;
    uint64_t order = 0;  // over all peers
  };
  struct Queue {
    std::deque<Hint> hints;
    uint64_t bytes = 0;
  };
  using Queues = std::map<NodeId, Queue>;

  static uint64_t cost(const Hint& hint) { return hint.operation->size() + sizeof(Hint); }
  void drop_front(Queues::iterator queue);
  Queues::iterator oldest();

  const uint64_t bytes_max_;
  const int64_t age_max_ms_;
  Queues queues_;  // none of them empty
  uint64_t bytes_ = 0, count_ = 0, next_order_ = 0;
};

}  // namespace ferro::node::cluster
