// Entries by normalised text within a namespace, the newest first: what "asked before in these words" means.
//
// All entries of one namespace and text hash form a chain by version, newest first; the table holds the first
// of each. Two texts that collide share a chain, so the caller compares texts. Thread rule: as ShardedTable;
// a chain is walked without a lock inside an epoch guard.
#pragma once

#include <utility>

#include "node/store/namespace_state.h"
#include "node/store/sharded_table.h"

namespace ferro::node::store {

class ExactIndex {
 public:
  explicit ExactIndex(MemoryAccount& memory) : heads_(memory) {}

  // Inside a guard: the newest entry of this namespace and hash that `accept` takes, or null.
  template <typename Accept>
  const Entry* newest(const NamespaceState& ns, const model::TextHash& hash, Accept&& accept) const {
    const Entry* entry = head(ns, hash);
    while (entry != nullptr && !accept(*entry)) entry = entry->older.load(std::memory_order_acquire);
    return entry;
  }

  void link(Entry& entry);
  // The entry keeps its way to the next older one, for readers that stand on it.
  void unlink(Entry& entry);

 private:
  static uint64_t place(uint64_t ns_number, const model::TextHash& hash) noexcept {
    return mix(hash.low + ns_number * 0x9e3779b97f4a7c15ULL);
  }
  struct PlaceOf {
    static uint64_t of(const Entry& entry) noexcept { return place(entry.ns->number, entry.text_hash); }
  };
  const Entry* head(const NamespaceState& ns, const model::TextHash& hash) const;

  ShardedTable<Entry, &Entry::by_text, PlaceOf> heads_;
};

}  // namespace ferro::node::store
