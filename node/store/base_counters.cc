#include "node/store/base_counters.h"

#include <utility>

#include "common/base/assert.h"

namespace ferro::node::store {

uint64_t cost_saved_nano(double cost) noexcept {
  constexpr double kNano = 1e9;
  constexpr double kCostMax = 1e6;  // of one answer; ten thousand of them still fit the counter
  return cost > 0 && cost <= kCostMax ? static_cast<uint64_t>(cost * kNano) : 0;
}

NamespaceCounters CounterCells::load() const noexcept {
  const auto value = [](const std::atomic<uint64_t>& cell) { return cell.load(std::memory_order_relaxed); };
  return {value(queries_hit),   value(queries_miss),     value(inserts),
          value(evictions),     value(expirations),      value(deletions),
          value(invalidations), value(exact_match_hits), value(cost_saved_nano)};
}

BaseCounters::Shard& BaseCounters::shard_of(const model::NamespaceKey& base) {
  return shards_[model::NamespaceKeyHash()(base) % kShards];
}

// The map's node with its link and cached hash, and the list's.
size_t BaseCounters::heap_of(const model::NamespaceKey& base) noexcept {
  return heap_bytes(sizeof(Bases::value_type) + 2 * sizeof(void*)) + heap_bytes(3 * sizeof(void*)) +
         heap_bytes(base.model_id) + heap_bytes(base.scope);
}

BaseCounters::Bases::iterator BaseCounters::find_or_add(Shard& shard, model::NamespaceKey base) {
  const auto [at, is_new] = shard.bases.try_emplace(std::move(base));
  if (is_new) {
    memory_.add(heap_of(at->first));
    at->second.number = ++last_number_;
    at->second.idle = shard.idle.insert(shard.idle.end(), &at->first);
  } else if (at->second.holders == 0) {
    shard.idle.splice(shard.idle.end(), shard.idle, at->second.idle);
  }
  return at;
}

void BaseCounters::forget_surplus(Shard& shard) {
  while (shard.idle.size() > kIdlePerShard) {
    const auto at = shard.bases.find(*shard.idle.front());
    shard.forgotten += at->second.cell.counters.load();
    shard.idle.pop_front();
    memory_.remove(heap_of(at->first));
    shard.bases.erase(at);
  }
}

BaseCell& BaseCounters::hold(const model::NamespaceKey& ns) {
  model::NamespaceKey base = ns.base();
  Shard& shard = shard_of(base);
  const std::lock_guard lock(shard.mutex);
  const auto at = find_or_add(shard, std::move(base));
  if (at->second.holders++ == 0) shard.idle.erase(at->second.idle);
  return at->second.cell;
}

void BaseCounters::give_back(const model::NamespaceKey& ns) {
  const model::NamespaceKey base = ns.base();
  Shard& shard = shard_of(base);
  const std::lock_guard lock(shard.mutex);
  const auto at = shard.bases.find(base);
  FERRO_ASSERT(at != shard.bases.end() && at->second.holders > 0,
               "a base namespace is given back that nobody holds");
  if (--at->second.holders > 0) return;
  at->second.idle = shard.idle.insert(shard.idle.end(), &at->first);
  forget_surplus(shard);
}

void BaseCounters::count_query(const model::NamespaceKey& ns, const Hit* best) {
  model::NamespaceKey base = ns.base();
  Shard& shard = shard_of(base);
  const std::lock_guard lock(shard.mutex);
  CounterCells& counters = find_or_add(shard, std::move(base))->second.cell.counters;
  (best != nullptr ? counters.queries_hit : counters.queries_miss).fetch_add(1, std::memory_order_relaxed);
  if (best != nullptr) {
    if (best->exact_match) counters.exact_match_hits.fetch_add(1, std::memory_order_relaxed);
    counters.cost_saved_nano.fetch_add(cost_saved_nano(best->cost), std::memory_order_relaxed);
  }
  forget_surplus(shard);
}

std::vector<BaseTotals> BaseCounters::all(NamespaceCounters& forgotten) const {
  std::vector<BaseTotals> totals;
  forgotten = {};
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    forgotten += shard.forgotten;
    for (const auto& [key, base] : shard.bases) {
      const uint64_t entries = base.cell.entries.load(std::memory_order_relaxed);
      const uint64_t expired = base.cell.expired.load(std::memory_order_relaxed);
      totals.push_back(
          {key, base.number, entries > expired ? entries - expired : 0, base.cell.counters.load()});
    }
  }
  return totals;
}

void BaseCounters::reset() {
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    shard.forgotten = {};
    for (auto& [key, base] : shard.bases) {
      CounterCells& cells = base.cell.counters;
      for (std::atomic<uint64_t>* cell :
           {&cells.queries_hit, &cells.queries_miss, &cells.inserts, &cells.evictions, &cells.expirations,
            &cells.deletions, &cells.invalidations, &cells.exact_match_hits, &cells.cost_saved_nano}) {
        cell->store(0, std::memory_order_relaxed);
      }
    }
  }
}

}  // namespace ferro::node::store
