// Who lives: entries by deadline, and exact counts at any time without looking at all of them.
//
// Live counts must be right to the millisecond, reaped or not. So the census keeps a frontier, the latest
// time it was asked about, and counts the entries behind it once, when the frontier passes them: constant
// time per entry and life. Thread rule: any thread asks, the writer reports each change as a whole when it
// commits; one lock, held for the entries that a change or the frontier passes.
#pragma once

#include <boost/intrusive/set.hpp>
#include <cstdint>
#include <limits>
#include <mutex>
#include <span>
#include <vector>

#include "node/store/namespace_state.h"

namespace ferro::node::store {

class Census {
 public:
  // One change: who was born (or null) and who died.
  void change(Entry* born, std::span<Entry* const> died);

  // Entries that are live at `now_ms`: in all, and of one namespace.
  uint64_t live(int64_t now_ms) const;
  uint64_t live_of(const NamespaceState& ns, int64_t now_ms) const;
  // Up to `max` that have expired, the earliest deadline first. Writer only.
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
  using ByDeadline = bi::set<Entry, bi::member_hook<Entry, TreeHook, &Entry::in_census>,
                             bi::key_of_value<DeadlineOf>, bi::constant_time_size<false>>;

  // All under the lock.
  void enter(Entry& entry);
  void leave(Entry& entry);
  bool counted_as_expired(const Entry& entry) const noexcept {
    return entry.expires_at_ms != 0 && entry.expires_at_ms <= frontier_ms_;
  }
  // Moves the frontier to `now_ms`, back too if the clock went back.
  void settle(int64_t now_ms) const;

  mutable std::mutex mutex_;
  ByDeadline by_deadline_;  // those that have a deadline
  uint64_t all_ = 0;        // expired ones included
  mutable uint64_t expired_ = 0;
  mutable int64_t frontier_ms_ =
      std::numeric_limits<int64_t>::min();  // deadlines up to here count as expired
};

}  // namespace ferro::node::store
