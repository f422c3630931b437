#include "tests/fakes/timeline.h"

#include <algorithm>
#include <utility>

#include "common/base/assert.h"

namespace ferro::fakes {

uint64_t Chance::next() noexcept {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

bool Chance::happens(double probability) noexcept {
  if (probability <= 0) return false;
  return static_cast<double>(next() >> 11) * 0x1p-53 < probability;
}

Timeline::EventId Timeline::at(Owner owner, int64_t delay_us, Work work) {
  FERRO_ASSERT(delay_us >= 0, "an event in the past");
  return events_.add(now_us_ + delay_us, {owner, std::move(work)});
}

void Timeline::cancel(EventId event) {
  if (events_.cancel(event)) return;
  for (auto& [owner, missed] : suspended_) {
    std::erase_if(missed, [event](const Due& due) { return due.id == event; });
  }
}

void Timeline::drop(Owner owner) {
  dropped_.push_back(owner);
  const auto held = suspended_.extract(owner);
  const auto waiting = events_.take_all([owner](const Event& event) { return event.owner == owner; });
}

void Timeline::resume(Owner owner) {
  const auto found = suspended_.find(owner);
  if (found == suspended_.end()) return;
  std::vector<Due> missed = std::move(found->second);
  suspended_.erase(found);
  int64_t due_us = now_us_;  // a microsecond apart: in the order in which they were due
  for (Due& due : missed) events_.put_back(due_us++, due.id, std::move(due.item));
}

void Timeline::run(Due due) {
  now_us_ = std::max(now_us_, due.due);
  const Owner owner = due.item.owner;
  if (std::find(dropped_.begin(), dropped_.end(), owner) != dropped_.end()) return;
  if (const auto found = suspended_.find(owner); found != suspended_.end()) {
    found->second.push_back(std::move(due));
    return;
  }
  ++events_run_;
  trace_ = Chance(trace_ ^ (due.id * 31 + static_cast<uint64_t>(due.due))).next();
  due.item.work();
}

bool Timeline::run_one_until(int64_t limit_us) {
  auto due = events_.take(limit_us);
  if (!due) return false;
  run(std::move(*due));
  return true;
}

bool Timeline::run_next() {
  const auto due_us = events_.next_due();
  return due_us && run_one_until(*due_us);
}

void Timeline::run_for_ms(int64_t duration_ms) {
  const int64_t end_us = now_us_ + duration_ms * 1000;
  while (run_one_until(end_us)) {
  }
  now_us_ = end_us;
}

bool Timeline::run_until(const std::function<bool()>& reached, int64_t limit_ms) {
  const int64_t end_us = now_us_ + limit_ms * 1000;
  while (!reached()) {
    if (run_one_until(end_us)) continue;
    now_us_ = end_us;
    return reached();
  }
  return true;
}

}  // namespace ferro::fakes
