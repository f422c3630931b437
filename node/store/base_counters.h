// Counts by base namespace (model and scope, conversations folded in) since start: what metrics show for a
// namespace.
//
// Kept apart from the namespaces themselves, which come and go with their entries: what was counted for one
// must not vanish with it, and a query to a namespace that does not exist is a miss of that namespace all the
// same. A base that no namespace holds is kept for a while; the number of those is bounded, and the one
// longest untouched is forgotten first: its counts go on in forgotten().
//
// Owned by the store. Thread-safe; one short lock a shard, none to count on a cell that is held.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "node/model/namespace_key.h"
#include "node/store/memory_account.h"
#include "node/store/store.h"

namespace ferro::node::store {

// The live counterpart of NamespaceCounters.
struct CounterCells {
  std::atomic<uint64_t> queries_hit{0}, queries_miss{0}, inserts{0}, evictions{0}, expirations{0},
      deletions{0}, invalidations{0}, exact_match_hits{0}, cost_saved_nano{0};

  NamespaceCounters load() const noexcept;
};

struct BaseCell {
  CounterCells counters;
  // Changed under the lock of the census.
  std::atomic<uint64_t> entries{0};  // that have not died
  std::atomic<uint64_t> expired{0};  // of those
};

class BaseCounters {
 public:
  // Bases without namespaces that are remembered, in all: a few thousand names that were asked for in vain.
  static constexpr size_t kIdleMax = 4096;

  // What is kept for each base is added to `memory`, which outlives the object.
  explicit BaseCounters(MemoryAccount& memory) : memory_(memory) {}
  BaseCounters(const BaseCounters&) = delete;
  BaseCounters& operator=(const BaseCounters&) = delete;

  // What remembering that base takes.
  static size_t heap_of(const model::NamespaceKey& base) noexcept;

  // The cell of the base that `ns` belongs to, valid until given back. A namespace holds it from its first
  // entry until nobody can count on it any more.
  BaseCell& hold(const model::NamespaceKey& ns);
  void give_back(const model::NamespaceKey& ns);
  // A query that no cell in hand counts: to a namespace that does not exist, or answered elsewhere.
  // `best`: the hit that was answered; null = a miss.
  void count_query(const model::NamespaceKey& ns, const Hit* best);
  void count_miss(const model::NamespaceKey& ns) { count_query(ns, nullptr); }

  // Every base that is known, in no order, and what the forgotten ones have counted. The sum over both never
  // decreases.
  std::vector<BaseTotals> all(NamespaceCounters& forgotten) const;
  // Starts every count anew: what recovery replayed is not traffic. Nobody may count meanwhile.
  void reset();

 private:
  static constexpr size_t kShards = 16;
  static constexpr size_t kIdlePerShard = kIdleMax / kShards;

  struct Base {
    BaseCell cell;
    uint64_t number = 0;
    size_t holders = 0;
    std::list<const model::NamespaceKey*>::iterator idle;  // valid while holders == 0
  };
  using Bases = std::unordered_map<model::NamespaceKey, Base, model::NamespaceKeyHash>;
  struct Shard {
    mutable std::mutex mutex;  // guards all below
    Bases bases;
    std::list<const model::NamespaceKey*> idle;  // keys in `bases`, longest untouched first
    NamespaceCounters forgotten;
  };

  Shard& shard_of(const model::NamespaceKey& base);
  // Under the shard's lock. A new base is idle.
  Bases::iterator find_or_add(Shard& shard, model::NamespaceKey base);
  void forget_surplus(Shard& shard);

  MemoryAccount& memory_;
  std::array<Shard, kShards> shards_;
  std::atomic<uint64_t> last_number_{0};
};

}  // namespace ferro::node::store
