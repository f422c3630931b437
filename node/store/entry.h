// One entry in memory: a single allocation that holds the value, the texts behind it and its place in every
// structure.
//
// The value never changes; replacing an entry makes a new one. What moves are the access figures (atomics,
// any thread) and the links (writer, or under the lock of the structure that owns them). An entry is born and
// dies at a sequence of the store (read_view.h); it leaves the tables and is freed when no reader can still
// want it.
#pragma once

#include <atomic>
#include <boost/intrusive/list_hook.hpp>
#include <boost/intrusive/set_hook.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/time/hlc.h"
#include "node/index/vector_index.h"
#include "node/model/operation.h"
#include "node/model/text.h"
#include "node/store/memory_account.h"
#include "node/store/sharded_table.h"

namespace ferro::node::store {

struct NamespaceState;

using TreeHook = boost::intrusive::set_member_hook<boost::intrusive::optimize_size<true>>;
using ListHook = boost::intrusive::list_member_hook<>;

class Entry {
 public:
  // The row is set by the caller before anybody else can reach the entry through a table.
  static Entry* create(NamespaceState& ns, const model::PutOp& op, const model::TextHash& text_hash,
                       bool has_text, uint64_t born, int64_t stamp);
  static void destroy(Entry* entry) noexcept;
  // What creating an entry of `op` takes from the heap.
  static size_t bytes_for(const model::PutOp& op);

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  Hlc version() const noexcept { return {ticks_, node_}; }
  std::string_view id() const noexcept { return {bytes(), id_size_}; }
  std::string_view query_text() const noexcept { return {bytes() + id_size_, query_text_size_}; }
  std::string_view response() const noexcept {
    return {bytes() + id_size_ + query_text_size_, response_size_};
  }
  double cost() const noexcept { return cost_; }
  bool has_cost() const noexcept { return has_cost_; }
  // Has a text to match exactly.
  bool has_text() const noexcept { return has_text_; }
  size_t heap_size() const noexcept;

  std::vector<std::string> tags() const;
  model::Attributes attributes() const;
  bool has_all(const model::Attributes& wanted) const noexcept;
  bool has_any_tag(const std::vector<std::string>& wanted) const noexcept;

  bool live_at(int64_t now_ms) const noexcept { return expires_at_ms == 0 || now_ms < expires_at_ms; }
  bool dead() const noexcept { return died.load(std::memory_order_acquire) != 0; }
  void touch(int64_t stamp, int64_t now_ms, uint64_t times = 1) const noexcept;

  // --- the value ---
  NamespaceState* const ns;  // valid for whoever sees the entry alive, and for the writer until it is buried
  const model::TextHash text_hash;
  const int64_t inserted_at_ms;
  const int64_t expires_at_ms;
  const int64_t inserted_stamp;  // steady nanoseconds
  const uint64_t born;
  std::atomic<index::Row> row{index::kNoRow};  // the writer's; an outdated one holds the same vector

  // --- any thread ---
  std::atomic<uint64_t> died{0};
  mutable std::atomic<uint64_t> accesses{0};
  mutable std::atomic<int64_t> last_access_stamp;
  mutable std::atomic<int64_t> last_access_ms;

  // --- places; see the structure that owns each ---
  TableLink<Entry> by_namespace_and_id;
  TableLink<Entry> by_id;
  TableLink<Entry> by_text;            // only the newest of a text
  std::atomic<Entry*> older{nullptr};  // the next of the same text
  Entry* newer = nullptr;
  ListHook in_namespace;
  TreeHook in_census;
  TreeHook in_recency;
  TreeHook in_namespace_recency;
  int64_t recency_value = 0;  // as last seen by the recency order
  bool leaving = false;       // a plan counts on its going (room_planner.h)

 private:
  Entry(NamespaceState& ns, const model::PutOp& op, const model::TextHash& text_hash, bool has_text,
        uint64_t born, int64_t stamp, std::string_view labels);
  const char* bytes() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  // Tags and attributes, encoded; empty if there are none.
  std::string_view labels() const noexcept {
    return {bytes() + id_size_ + query_text_size_ + response_size_, labels_size_};
  }

  bool has_cost_;
  bool has_text_;
  uint8_t id_size_;
  uint32_t node_;
  uint32_t query_text_size_;
  uint32_t response_size_;
  uint32_t labels_size_;
  uint64_t ticks_;
  double cost_;
};

}  // namespace ferro::node::store
