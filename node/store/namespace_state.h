// One namespace, from its first entry to its last: key, fixed dimension, index and figures.
//
// Created and retired by the writer. Any thread may reach it through the namespace map or through an entry
// that it sees alive, inside an epoch guard. A namespace that empties leaves the map at once; the next put
// makes a new one, maybe of another dimension.
#pragma once

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "node/index/vector_index.h"
#include "node/model/namespace_key.h"
#include "node/store/base_counters.h"
#include "node/store/digest.h"
#include "node/store/entry.h"
#include "node/store/store.h"

namespace ferro::node::store {

namespace bi = boost::intrusive;

// Coldest first; ties by age.
struct ByRecencyValue {
  bool operator()(const Entry& a, const Entry& b) const noexcept {
    return a.recency_value != b.recency_value ? a.recency_value < b.recency_value : a.born < b.born;
  }
};
using NamespaceRecencySet = bi::set<Entry, bi::member_hook<Entry, TreeHook, &Entry::in_namespace_recency>,
                                    bi::compare<ByRecencyValue>, bi::constant_time_size<false>>;
using EntryList =
    bi::list<Entry, bi::member_hook<Entry, ListHook, &Entry::in_namespace>, bi::constant_time_size<false>>;

inline void count_one(std::atomic<uint64_t>& counter) noexcept {
  counter.fetch_add(1, std::memory_order_relaxed);
}
inline void count_one_less(std::atomic<uint64_t>& counter) noexcept {
  counter.fetch_sub(1, std::memory_order_relaxed);
}

struct NamespaceState {
  NamespaceState(model::NamespaceKey ns_key, uint64_t ns_number, size_t ns_dimension,
                 std::shared_ptr<index::VectorIndex> ns_index, BaseCell& ns_base);
  ~NamespaceState() { delete slot_sums.load(std::memory_order_relaxed); }
  NamespaceState(const NamespaceState&) = delete;
  NamespaceState& operator=(const NamespaceState&) = delete;

  const model::NamespaceKey key;
  const std::string name;         // printed
  const uint64_t hash;            // of the key
  const uint64_t placement_hash;  // model::namespace_hash
  const uint16_t partition;       // its home
  const uint64_t number;          // never used twice
  const size_t dimension;
  const std::shared_ptr<index::VectorIndex> index;
  BaseCell& base;  // of the base namespace; held until the state is freed

  // --- written by the writer, read by any thread ---
  std::atomic<uint64_t> entry_bytes{0};  // heap of those
  std::atomic<uint64_t> index_bytes{0};  // as last asked
  std::atomic<int64_t> oldest_ms{0}, newest_ms{0};
  DigestSum sum;  // of those that have not died
  // Owned; made once, when there are too many entries to look at all for a shard's figures.
  std::atomic<SlotSums*> slot_sums{nullptr};
  // --- written by any thread ---
  std::atomic<uint64_t> accesses{0};  // entries handed out by queries

  // --- under the lock of the census; the writer alone changes `linked` and reads it without ---
  uint64_t linked = 0;   // entries that have not died
  uint64_t expired = 0;  // of those

  // --- writer only ---
  EntryList entries;               // by version
  NamespaceRecencySet by_recency;  // when the namespace has a cap
  uint64_t index_rows = 0;         // that its index's memory is for: of those entries, and unused
  uint64_t rebuilds = 0;           // of the index, as last asked
  uint64_t charge = 0;             // what the budget counts for it (store_state.h)
  bool touched = false;            // by the change that is under way
  bool gone = false;               // left the map

  // --- places ---
  TableLink<NamespaceState> by_key;
  TreeHook by_name;
  ListHook in_partition;
  ListHook in_maintenance;
  ListHook in_roomy;

  // Heap that the state itself holds, without entries and index.
  size_t own_bytes() const noexcept;
  // What the index holds for each entry that it has room for.
  double index_bytes_per_entry() const noexcept;
};

}  // namespace ferro::node::store
