// Decides who goes first when room is needed: pure, no state, no I/O.
#pragma once

#include <cstdint>
#include <memory>

namespace ferro::node::store {

struct EntryFacts {
  int64_t last_access_stamp = 0;  // steady nanoseconds of the last hit, or of the insert
  int64_t inserted_stamp = 0;
  uint64_t access_count = 0;
  uint64_t bytes = 0;
  double cost = 0.0;
};

class EvictionPolicy {
 public:
  virtual ~EvictionPolicy() = default;
  // The entry with the lowest value goes first. Between two accesses of an entry its value must not change,
  // and an access must not lower it: the store keeps entries ordered by the value it last saw and looks again
  // on eviction.
  virtual int64_t value(const EntryFacts& facts) const noexcept = 0;
};

// Least recently used.
std::unique_ptr<EvictionPolicy> make_recency_policy();

}  // namespace ferro::node::store
