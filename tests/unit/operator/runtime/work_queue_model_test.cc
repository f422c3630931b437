// The work queue beside a model that is too simple to be wrong, driven through random histories.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "operator/runtime/work_queue.h"
#include "tests/fakes/timeline.h"

namespace ferro::oper::runtime {
namespace {

constexpr int64_t kBackoffMs = 100;
constexpr int64_t kNewsMs = 40;

// Milliseconds at which each key may be taken; no order among keys.
class Model {
 public:
  void add(const std::string& key, int64_t now) {
    if (held_.count(key) > 0) {
      again_.insert(key);
    } else {
      due(key, std::max(now, not_before_[key]));
    }
  }
  void add_after(const std::string& key, int64_t at) {
    if (held_.count(key) > 0 && again_.count(key) > 0) return;
    due(key, std::max(at, not_before_[key]));
  }
  bool may_take(const std::string& key, int64_t now) const {
    const auto found = due_.find(key);
    return held_.count(key) == 0 && found != due_.end() && found->second <= now;
  }
  bool anything(int64_t now) const {
    return std::any_of(due_.begin(), due_.end(),
                       [&](const auto& entry) { return may_take(entry.first, now); });
  }
  void take(const std::string& key) {
    // A delay that was set while the key was ready went with it.
    due_.erase(key);
    held_.insert(key);
  }
  void end(const std::string& key, bool good, int64_t at_least, int64_t revisit, int64_t now) {
    held_.erase(key);
    bool again = again_.erase(key) > 0;
    const auto pending = due_.find(key);
    if (pending != due_.end() && pending->second <= now) {
      again = true;
      due_.erase(key);
    }
    not_before_[key] = 0;
    if (!good) {
      const int64_t wait = std::max(kBackoffMs, at_least);
      not_before_[key] = now + std::max(std::min(wait, kNewsMs), at_least);
      if (due_.count(key) > 0) due_[key] = std::max(due_[key], not_before_[key]);
      due(key, again ? not_before_[key] : now + wait);
    } else if (again) {
      due(key, now);
    } else if (revisit >= 0) {
      due(key, now + revisit);
    }
  }
  const std::set<std::string>& held() const { return held_; }
  int64_t earliest() const {
    int64_t found = -1;
    for (const auto& [key, at] : due_) {
      if (held_.count(key) == 0 && (found < 0 || at < found)) found = at;
    }
    return found;
  }

 private:
  void due(const std::string& key, int64_t at) {
    const auto found = due_.find(key);
    due_[key] = found == due_.end() ? at : std::min(found->second, at);
  }
  std::map<std::string, int64_t> due_, not_before_;
  std::set<std::string> held_, again_;
};

void run(uint64_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  fakes::Chance chance(seed);
  ManualClock clock;
  int64_t now = 0;
  WorkQueue queue(clock, {.backoff = {.first_ms = kBackoffMs, .max_ms = kBackoffMs, .jitter = 0},
                          .news_after_failure_ms = kNewsMs,
                          .per_second = 0});
  Model model;
  const std::vector<std::string> keys = {"a", "b", "c", "d"};
  for (int step = 0; step < 2'000; ++step) {
    const std::string& key = keys[chance.below(keys.size())];
    switch (chance.below(6)) {
      case 0:
        queue.add(key);
        model.add(key, now);
        break;
      case 1: {
        const auto delay = static_cast<int64_t>(1 + chance.below(120));
        queue.add_after(key, delay);
        model.add_after(key, now + delay);
        break;
      }
      case 2:
      case 3: {
        const std::optional<std::string> taken = queue.try_take();
        ASSERT_EQ(taken.has_value(), model.anything(now)) << "step " << step;
        if (!taken) break;
        ASSERT_TRUE(model.may_take(*taken, now)) << *taken << " at step " << step;
        model.take(*taken);
        break;
      }
      case 4: {
        if (model.held().empty()) break;
        const std::string ended = *model.held().begin();
        const bool good = chance.happens(0.6);
        const auto at_least = static_cast<int64_t>(chance.below(2) * 150);
        const int64_t revisit = good && chance.happens(0.5) ? static_cast<int64_t>(1 + chance.below(90)) : -1;
        if (!good) {
          queue.failed(ended, at_least);
        } else if (revisit >= 0) {
          queue.done_and_revisit(ended, revisit);
        } else {
          queue.done(ended);
        }
        model.end(ended, good, at_least, revisit, now);
        break;
      }
      default: {
        const auto pass = static_cast<int64_t>(chance.below(60));
        clock.advance_ms(pass);
        now += pass;
      }
    }
    // The manual clock's nanoseconds creep on with every look: less than a millisecond in all.
    const int64_t due = queue.next_due_ms(), expected = model.earliest();
    if (expected < 0) {
      ASSERT_EQ(due, -1) << "step " << step;
    } else {
      ASSERT_NEAR(static_cast<double>(due), static_cast<double>(std::max<int64_t>(0, expected - now)), 1)
          << "step " << step;
    }
  }
}

TEST(WorkQueueModel, RandomHistories) {
  for (uint64_t seed = 1; seed <= 60; ++seed) run(seed);
}

}  // namespace
}  // namespace ferro::oper::runtime
