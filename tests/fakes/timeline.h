// Virtual time for everything that runs in a simulation: events in the order of their time and, at one time,
// of their scheduling; one seed for all chance. The same seed and the same code give the same run.
//
// One thread. Owned by the test; outlives whatever schedules on it.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "node/cluster/runtime/timer_queue.h"

namespace ferro::fakes {

// splitmix64 (Steele, Lea and Flood 2014): small, good enough, the same everywhere.
class Chance {
 public:
  explicit Chance(uint64_t seed) noexcept : state_(seed) {}
  uint64_t next() noexcept;
  uint64_t below(uint64_t bound) noexcept { return bound == 0 ? 0 : next() % bound; }
  bool happens(double probability) noexcept;

 private:
  uint64_t state_;
};

class Timeline {
 public:
  using Work = std::function<void()>;
  using EventId = uint64_t;
  using Owner = uint32_t;  // 0 = nobody: never dropped or suspended

  explicit Timeline(uint64_t seed) : chance_(seed) {}

  int64_t now_us() const noexcept { return now_us_; }
  int64_t now_ms() const noexcept { return now_us_ / 1000; }
  Chance& chance() noexcept { return chance_; }

  EventId at(Owner owner, int64_t delay_us, Work work);
  void cancel(EventId event);

  Owner add_owner() { return ++last_owner_; }
  // Nothing of this owner happens any more, now or later.
  void drop(Owner owner);
  // Its events wait, in order, and happen at resume().
  void suspend(Owner owner) { suspended_[owner]; }
  void resume(Owner owner);

  // The next event; false if there is none.
  bool run_next();
  // Everything up to this time from now; then it is that time.
  void run_for_ms(int64_t duration_ms);
  // Until `reached()`, which is asked after every event, at most this long; the answer is what it said last.
  bool run_until(const std::function<bool()>& reached, int64_t limit_ms);

  size_t waiting() const noexcept { return events_.size(); }
  uint64_t events_run() const noexcept { return events_run_; }
  // A hash of which events ran when: equal runs have equal ones.
  uint64_t trace() const noexcept { return trace_; }

 private:
  struct Event {
    Owner owner = 0;
    Work work;
  };
  using Due = node::cluster::TimerQueue<Event>::Due;
  void run(Due due);
  bool run_one_until(int64_t limit_us);

  Chance chance_;
  int64_t now_us_ = 0;
  node::cluster::TimerQueue<Event> events_;
  Owner last_owner_ = 0;
  std::vector<Owner> dropped_;
  std::unordered_map<Owner, std::vector<Due>> suspended_;  // what they missed
  uint64_t events_run_ = 0, trace_ = 0;
};

}  // namespace ferro::fakes
