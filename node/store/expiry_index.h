// Entries by deadline, and how many of them have passed it: nothing here is ever found by scanning all
// entries.
//
// Live counts must be right to the millisecond, reaped or not. So the index keeps a frontier, the latest time
// it was asked about, and counts the entries behind it once, when the frontier passes them: constant time per
// entry and life. Thread rule: any thread asks, the writer links and unlinks; one lock, held for the entries
// that the frontier passes.
#pragma once

#include <boost/intrusive/set.hpp>
#include <cstdint>
#include <limits>
#include <mutex>
#include <vector>

#include "node/store/namespace_state.h"

namespace ferro::node::store {

class ExpiryIndex {
 public:
  // Entries without a deadline are left out.
  void link(Entry& entry);
  void unlink(Entry& entry);

  // Entries that have not died but are expired at `now_ms`: in all, and of one namespace.
  uint64_t expired(int64_t now_ms) const;
  uint64_t expired_of(const NamespaceState& ns, int64_t now_ms) const;
  // Up to `max` of them, the earliest deadline first. Writer only.
  std::vector<Entry*> earliest(int64_t now_ms, size_t max) const;

 private:
  struct Deadline {
    int64_t at_ms = 0;
    uint64_t born = 0;  // makes it unique
    friend auto operator<=>(const Deadline&, const Deadline&) = default;
  };
  struct DeadlineOf {
    using type = Deadline;
    Deadline operator()(const Entry& entry) const noexcept { return {entry.expires_at_ms, entry.born}; }
  };
  using ByDeadline = bi::set<Entry, bi::member_hook<Entry, TreeHook, &Entry::in_expiry>,
                             bi::key_of_value<DeadlineOf>, bi::constant_time_size<false>>;

  // Moves the frontier to `now_ms`, back too if the clock went back. Under the lock.
  void settle(int64_t now_ms) const;

  mutable std::mutex mutex_;
  ByDeadline by_deadline_;
  mutable int64_t frontier_ms_ = std::numeric_limits<int64_t>::min();  // deadlines up to here are counted
  mutable uint64_t expired_ = 0;
};

}  // namespace ferro::node::store
