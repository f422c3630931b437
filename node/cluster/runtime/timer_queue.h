// What is to happen when, by time and then by order of adding; cancelled in constant time. The timers of a
// loop, real or simulated: whoever owns it looks at the clock.
//
// A value of its loop, on the loop's thread. Not safe against being changed while an item is destroyed: take
// items out, then let them go.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

namespace ferro::node::cluster {

template <typename Item>
class TimerQueue {
 public:
  using Id = uint64_t;  // from 1 on, rising

  Id add(int64_t due, Item item) {
    const Id id = ++last_id_;
    items_.emplace(id, std::move(item));
    order_.push({due, id});
    return id;
  }
  // Null if it has happened or was cancelled. Valid until the next change.
  Item* find(Id id) {
    const auto found = items_.find(id);
    return found == items_.end() ? nullptr : &found->second;
  }
  // What was to happen; nothing if it has happened or was cancelled.
  std::optional<Item> cancel(Id id) {
    const auto found = items_.find(id);
    if (found == items_.end()) return std::nullopt;
    std::optional<Item> item(std::move(found->second));
    items_.erase(found);
    // Entries of cancelled items wait in the heap for their time; timeouts that are mostly cancelled would
    // pile up there.
    if (order_.size() > 2 * items_.size() + kSlack) rebuild();
    return item;
  }
  // The earliest time at which something is due.
  std::optional<int64_t> next_due() {
    drop_cancelled();
    if (order_.empty()) return std::nullopt;
    return order_.top().due;
  }
  struct Due {
    int64_t due;
    Id id;
    Item item;
  };
  // Something that was taken is to happen after all, under its old id.
  void put_back(int64_t due, Id id, Item item) {
    items_.emplace(id, std::move(item));
    order_.push({due, id});
  }
  // The first of what is due at `now` or before.
  std::optional<Due> take(int64_t now) {
    drop_cancelled();
    if (order_.empty() || order_.top().due > now) return std::nullopt;
    const Entry entry = order_.top();
    order_.pop();
    const auto found = items_.find(entry.id);
    std::optional<Due> due(Due{entry.due, entry.id, std::move(found->second)});
    items_.erase(found);
    return due;
  }
  // Takes out all items of which `chosen(item)` is true, oldest first.
  template <typename Chosen>
  std::vector<Item> take_all(Chosen chosen) {
    std::vector<Id> ids;
    for (const auto& [id, item] : items_) {
      if (chosen(item)) ids.push_back(id);
    }
    std::sort(ids.begin(), ids.end());
    std::vector<Item> taken;
    taken.reserve(ids.size());
    for (const Id id : ids) taken.push_back(*cancel(id));
    return taken;
  }
  size_t size() const noexcept { return items_.size(); }

 private:
  static constexpr size_t kSlack = 1024;
  struct Entry {
    int64_t due;
    Id id;
    friend bool operator>(const Entry& a, const Entry& b) noexcept {
      return a.due != b.due ? a.due > b.due : a.id > b.id;
    }
  };
  using Order = std::priority_queue<Entry, std::vector<Entry>, std::greater<>>;

  void drop_cancelled() {
    while (!order_.empty() && !items_.contains(order_.top().id)) order_.pop();
  }
  void rebuild() {
    std::vector<Entry> kept;
    kept.reserve(items_.size());
    for (; !order_.empty(); order_.pop()) {
      if (items_.contains(order_.top().id)) kept.push_back(order_.top());
    }
    order_ = Order(std::greater<>(), std::move(kept));
  }

  Id last_id_ = 0;
  std::unordered_map<Id, Item> items_;
  Order order_;
};

}  // namespace ferro::node::cluster
