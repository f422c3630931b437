// Everything that the parts of the store share. Each part states who may call what; this only holds it
// together.
#pragma once

#include <atomic>
#include <limits>
#include <memory>

#include "common/sync/epoch.h"
#include "common/time/clock.h"
#include "node/store/base_counters.h"
#include "node/store/batch_plan.h"
#include "node/store/census.h"
#include "node/store/digest.h"
#include "node/store/exact_index.h"
#include "node/store/id_index.h"
#include "node/store/namespace_map.h"
#include "node/store/read_view.h"
#include "node/store/recency_order.h"
#include "node/store/store.h"
#include "node/store/tombstones.h"

namespace ferro::node::store {

// What tests replace: a hash that collides.
using HashText = model::TextHash (*)(std::string_view normalised) noexcept;

struct StoreState {
  StoreState(StoreOptions store_options, const Clock& store_clock, sync::EpochDomain& domain,
             std::unique_ptr<EvictionPolicy> policy, HashText hash)
      : options(store_options),
        clock(store_clock),
        epochs(domain),
        hash_text(hash),
        recency(std::move(policy), options.memory_max_bytes != 0, options.max_entries_per_namespace != 0) {}

  // Inside an epoch guard, taken first.
  ReadView view(int64_t now_ms) const noexcept { return {committed.load(std::memory_order_acquire), now_ms}; }
  // The same, with what has expired and is not reaped yet.
  ReadView view_with_expired() const noexcept { return view(std::numeric_limits<int64_t>::min()); }
  // What the budget counts: the entries that have not died, their share of the index and the tables. Memory
  // that an index keeps for entries to come is not charged to anybody, else evicting could never win against
  // it.
  uint64_t usage() const noexcept { return tables.held() + charged; }
  // What indexes keep beyond that, for entries to come. Part of the budget all the same: see room_planner.h.
  uint64_t spare() const noexcept {
    const uint64_t accounted = charged + dying;
    const uint64_t all = held.held();
    return all > accounted ? all - accounted : 0;
  }

  const StoreOptions options;
  const Clock& clock;
  sync::EpochDomain& epochs;
  const HashText hash_text;

  MemoryAccount tables;  // bucket arrays
  MemoryAccount held;    // entries, namespaces and indexes, until they are really freed
  NamespaceMap namespaces{tables};
  IdIndex ids{tables};
  ExactIndex texts{tables};
  mutable BaseCounters bases{tables};  // readers count in it
  Census census;
  PartitionDigests partitions;
  Tombstones tombstones{options, tables};
  std::atomic<uint64_t> committed{0};  // see ReadView
  std::atomic<uint64_t> index_rebuilds{0};

  // --- writer only ---
  RecencyOrder recency;
  BatchPlan plan;
  uint64_t charged = 0;
  uint64_t dying = 0;  // of what has died and is not freed yet, its share of the index included
};

}  // namespace ferro::node::store
