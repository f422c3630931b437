#include "operator/runtime/work_queue.h"

#include <algorithm>
#include <utility>

#include "common/base/assert.h"

namespace ferro::oper::runtime {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

// Rounded up: a wait that ends a nanosecond early would have to be repeated.
int64_t ms_until(int64_t now_ns, int64_t due_ns) {
  return due_ns <= now_ns ? 0 : (due_ns - now_ns + kNsPerMs - 1) / kNsPerMs;
}

}  // namespace

WorkQueue::WorkQueue(const Clock& clock, WorkQueueOptions options, std::function<void()> on_ready)
    : clock_(clock),
      options_(options),
      on_ready_(std::move(on_ready)),
      bucket_(clock, options.per_second, options.burst) {}

WorkQueue::Item* WorkQueue::find_or_make(std::string_view key) {
  if (shut_down_) return nullptr;
  if (const auto found = items_.find(std::string(key)); found != items_.end()) return &found->second;
  if (items_.size() >= options_.keys_max) {
    ++refused_;
    return nullptr;
  }
  Item item;
  item.backoff = Backoff(options_.backoff, options_.seed + ++keys_made_);
  return &items_.emplace(std::string(key), item).first->second;
}

void WorkQueue::make_ready(const std::string& key, Item& item, int64_t since_ns) {
  clear_due(key, item);
  if (item.ready) return;
  item.ready = true;
  item.ready_since_ns = since_ns;
  ready_.push_back(key);
}

void WorkQueue::add_now(const std::string& key, Item& item) {
  const int64_t now_ns = clock_.steady_ns();
  if (item.in_hand) {
    item.again = true;
  } else if (!item.ready && now_ns < item.not_before_ns) {
    set_due(key, item, item.not_before_ns);
  } else {
    make_ready(key, item, now_ns);
  }
}

void WorkQueue::set_due(const std::string& key, Item& item, int64_t due_ns) {
  if (item.due_ns != kNoDue && item.due_ns <= due_ns) return;
  clear_due(key, item);
  item.due_ns = due_ns;
  due_.emplace(due_ns, key);
}

void WorkQueue::clear_due(const std::string& key, Item& item) {
  if (item.due_ns == kNoDue) return;
  const auto [first, last] = due_.equal_range(item.due_ns);
  due_.erase(std::find_if(first, last, [&](const auto& entry) { return entry.second == key; }));
  item.due_ns = kNoDue;
}

void WorkQueue::release_due(int64_t now_ns) {
  while (!due_.empty() && due_.begin()->first <= now_ns) {
    const auto [due_ns, key] = *due_.begin();
    Item& item = items_.at(key);
    if (item.in_hand) {
      clear_due(key, item);
      item.again = true;
    } else {
      make_ready(key, item, due_ns);
    }
  }
}

bool WorkQueue::add(std::string_view key) {
  {
    const std::lock_guard lock(mutex_);
    Item* item = find_or_make(key);
    if (item == nullptr) return false;
    add_now(std::string(key), *item);
  }
  notify();
  return true;
}

bool WorkQueue::add_after(std::string_view key, int64_t delay_ms) {
  if (delay_ms <= 0) return add(key);
  {
    const std::lock_guard lock(mutex_);
    Item* item = find_or_make(key);
    if (item == nullptr) return false;
    // Ready now, or once more after the hand that holds it: sooner than any delay.
    if (item->ready || (item->in_hand && item->again)) return true;
    const int64_t due_ns = clock_.steady_ns() + delay_ms * kNsPerMs;
    set_due(std::string(key), *item, std::max(due_ns, item->not_before_ns));
  }
  notify();
  return true;
}

std::optional<std::string> WorkQueue::try_take() {
  const std::lock_guard lock(mutex_);
  if (shut_down_) return std::nullopt;
  release_due(clock_.steady_ns());
  if (ready_.empty() || !bucket_.try_take()) return std::nullopt;
  std::string key = std::move(ready_.front());
  ready_.pop_front();
  Item& item = items_.at(key);
  item.ready = false;
  item.in_hand = true;
  ++in_hand_;
  return key;
}

void WorkQueue::forget_if_idle(const std::string& key) {
  const Item& item = items_.at(key);
  if (!item.ready && !item.in_hand && item.due_ns == kNoDue && item.backoff.failures() == 0)
    items_.erase(key);
}

void WorkQueue::end_turn(std::string_view key_view, std::optional<int64_t> failed_at_least_ms,
                         int64_t revisit_ms) {
  {
    const std::string key(key_view);
    const std::lock_guard lock(mutex_);
    const auto found = items_.find(key);
    FERRO_ASSERT(found != items_.end() && found->second.in_hand, "only a key that was taken can be ended");
    Item& item = found->second;
    item.in_hand = false;
    --in_hand_;
    const int64_t now_ns = clock_.steady_ns();
    // What became due meanwhile counts as added meanwhile.
    if (item.due_ns != kNoDue && item.due_ns <= now_ns) {
      clear_due(key, item);
      item.again = true;
    }
    const bool again = std::exchange(item.again, false) && !shut_down_;
    if (failed_at_least_ms) {
      const int64_t wait_ms = std::max(item.backoff.next_ms(), *failed_at_least_ms);
      const int64_t news_ms =
          std::max(std::min(wait_ms, options_.news_after_failure_ms), *failed_at_least_ms);
      item.not_before_ns = now_ns + news_ms * kNsPerMs;
      int64_t due_ns = again ? item.not_before_ns : now_ns + wait_ms * kNsPerMs;
      if (item.due_ns != kNoDue) due_ns = std::min(due_ns, std::max(item.due_ns, item.not_before_ns));
      clear_due(key, item);
      if (!shut_down_) set_due(key, item, due_ns);
    } else {
      item.backoff.reset();
      item.not_before_ns = 0;
      if (again) {
        make_ready(key, item, now_ns);
      } else if (revisit_ms >= 0 && !shut_down_) {
        set_due(key, item, now_ns + revisit_ms * kNsPerMs);
      }
    }
    forget_if_idle(key);
  }
  notify();
}

void WorkQueue::done(std::string_view key) {
  end_turn(key, std::nullopt, -1);
}

void WorkQueue::done_and_revisit(std::string_view key, int64_t delay_ms) {
  end_turn(key, std::nullopt, delay_ms);
}

void WorkQueue::failed(std::string_view key, int64_t at_least_ms) {
  end_turn(key, at_least_ms, -1);
}

int64_t WorkQueue::next_due_ms() const {
  const std::lock_guard lock(mutex_);
  if (shut_down_) return -1;
  int64_t wait_ms = -1;
  if (!ready_.empty()) {
    wait_ms = 0;
  } else {
    // Few are skipped: no more than there are workers.
    const auto first = std::find_if(due_.begin(), due_.end(),
                                    [&](const auto& entry) { return !items_.at(entry.second).in_hand; });
    if (first != due_.end()) wait_ms = ms_until(clock_.steady_ns(), first->first);
  }
  return wait_ms < 0 ? wait_ms : std::max(wait_ms, bucket_.wait_for_one_ms());
}

size_t WorkQueue::depth() const {
  const std::lock_guard lock(mutex_);
  return ready_.size();
}

size_t WorkQueue::delayed() const {
  const std::lock_guard lock(mutex_);
  return due_.size();
}

size_t WorkQueue::in_hand() const {
  const std::lock_guard lock(mutex_);
  return in_hand_;
}

int64_t WorkQueue::oldest_age_ms() const {
  const std::lock_guard lock(mutex_);
  if (ready_.empty()) return 0;
  return (clock_.steady_ns() - items_.at(ready_.front()).ready_since_ns) / kNsPerMs;
}

uint64_t WorkQueue::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

int WorkQueue::failures_of(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto found = items_.find(std::string(key));
  return found == items_.end() ? 0 : found->second.backoff.failures();
}

void WorkQueue::shut_down() {
  {
    const std::lock_guard lock(mutex_);
    shut_down_ = true;
    ready_.clear();
    due_.clear();
    for (auto& [key, item] : items_) {
      item.ready = false;
      item.due_ns = kNoDue;
    }
  }
  notify();
}

bool WorkQueue::is_shut_down() const {
  const std::lock_guard lock(mutex_);
  return shut_down_;
}

}  // namespace ferro::oper::runtime
