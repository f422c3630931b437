// Keys that want to be looked at. A key is there at most once however often it is added; it is never in two
// hands; one that is added while in a hand comes once more after it. Failures of a key make its next turn
// wait longer, a token bucket bounds the turns of all.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/time/clock.h"
#include "operator/k8s/token_bucket.h"
#include "operator/runtime/backoff.h"

namespace ferro::oper::runtime {

struct WorkQueueOptions {
  BackoffOptions backoff{.first_ms = 250, .max_ms = 60'000, .jitter = 0.1};
  // A key that failed and is added again comes after this long instead of its back-off: news may be the cure,
  // but a failure that causes its own news must not become a loop.
  int64_t news_after_failure_ms = 1'000;
  double per_second = 10;  // turns of all keys together; 0 = unbounded
  double burst = 100;
  // Keys known at once. Beyond it a new key is refused and counted: whoever adds is told again by the next
  // list. Far above the clusters that one operator serves.
  size_t keys_max = 100'000;
  uint64_t seed = 0;
};

// Thread-safe; owned by main. Passive: it owns no thread and never blocks. Time is the clock's.
class WorkQueue {
 public:
  // `on_ready` is called without a lock when something may have become takeable sooner than next_due_ms()
  // said: wake a worker.
  explicit WorkQueue(const Clock& clock, WorkQueueOptions options = {}, std::function<void()> on_ready = {});

  // False if it is shut down or full.
  bool add(std::string_view key);
  // Not before `delay_ms` from now. Of several delays the earliest wins; a plain add beats them all.
  bool add_after(std::string_view key, int64_t delay_ms);

  // A key to work on; the caller must call one of the next three for it.
  std::optional<std::string> try_take();
  // Good: its failures are forgotten.
  void done(std::string_view key);
  // Good, and look again after `delay_ms`.
  void done_and_revisit(std::string_view key, int64_t delay_ms);
  // Failed: comes again after its back-off, or after `at_least_ms` (Retry-After) if that is longer; sooner,
  // but not before news_after_failure_ms and `at_least_ms`, if it is added meanwhile.
  void failed(std::string_view key, int64_t at_least_ms = 0);

  // Milliseconds until try_take() may answer something; 0 = now, negative = not before something is added or
  // a turn ends. The delay of a key in a hand does not count: it cannot be taken before its turn ends.
  int64_t next_due_ms() const;

  size_t depth() const;    // ready, not in a hand
  size_t delayed() const;  // in a hand or not
  size_t in_hand() const;
  int64_t oldest_age_ms() const;  // of what is ready; 0 = nothing is
  uint64_t refused() const;       // adds beyond keys_max
  int failures_of(std::string_view key) const;
  // Nothing is taken or added any more; what is in a hand may be ended.
  void shut_down();
  bool is_shut_down() const;

 private:
  struct Item {
    bool ready = false, in_hand = false;
    bool again = false;  // added while in a hand
    int64_t ready_since_ns = 0;
    int64_t due_ns = kNoDue;    // when a delayed add becomes one
    int64_t not_before_ns = 0;  // after a failure
    Backoff backoff;
  };
  static constexpr int64_t kNoDue = -1;
  using Items = std::unordered_map<std::string, Item>;

  // All with mutex_ held.
  Item* find_or_make(std::string_view key);  // null if full or shut down
  void add_now(const std::string& key, Item& item);
  void make_ready(const std::string& key, Item& item, int64_t since_ns);
  void set_due(const std::string& key, Item& item, int64_t due_ns);
  void clear_due(const std::string& key, Item& item);
  void release_due(int64_t now_ns);
  void forget_if_idle(const std::string& key);

  // `failed_at_least_ms` empty = good.
  void end_turn(std::string_view key, std::optional<int64_t> failed_at_least_ms, int64_t revisit_ms);
  void notify() const {
    if (on_ready_) on_ready_();
  }

  const Clock& clock_;
  const WorkQueueOptions options_;
  const std::function<void()> on_ready_;
  mutable k8s::TokenBucket bucket_;
  mutable std::mutex mutex_;
  Items items_;
  std::deque<std::string> ready_;
  std::multimap<int64_t, std::string> due_;
  size_t in_hand_ = 0;
  uint64_t refused_ = 0, keys_made_ = 0;
  bool shut_down_ = false;
};

}  // namespace ferro::oper::runtime
