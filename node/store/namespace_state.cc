#include "node/store/namespace_state.h"

#include <algorithm>
#include <utility>

namespace ferro::node::store {

namespace {

constexpr size_t kSharedControlBytes = 24;  // of the shared_ptr that holds the index

uint64_t get(const std::atomic<uint64_t>& counter) noexcept {
  return counter.load(std::memory_order_relaxed);
}

void set(std::atomic<uint64_t>& counter, uint64_t value) noexcept {
  counter.store(value, std::memory_order_relaxed);
}

}  // namespace

NamespaceCounters AtomicCounters::load() const noexcept {
  return {get(queries_hit), get(queries_miss), get(inserts),       get(evictions),
          get(expirations), get(deletions),    get(invalidations), get(exact_match_hits)};
}

void AtomicCounters::store(const NamespaceCounters& values) noexcept {
  set(queries_hit, values.queries_hit);
  set(queries_miss, values.queries_miss);
  set(inserts, values.inserts);
  set(evictions, values.evictions);
  set(expirations, values.expirations);
  set(deletions, values.deletions);
  set(invalidations, values.invalidations);
  set(exact_match_hits, values.exact_match_hits);
}

NamespaceState::NamespaceState(model::NamespaceKey ns_key, uint64_t ns_number, size_t ns_dimension,
                               std::shared_ptr<index::VectorIndex> ns_index)
    : key(std::move(ns_key)),
      name(model::printed_name(key)),
      hash(model::NamespaceKeyHash{}(key)),
      number(ns_number),
      dimension(ns_dimension),
      index(std::move(ns_index)) {}

size_t NamespaceState::own_bytes() const noexcept {
  return heap_bytes(sizeof(NamespaceState)) + heap_bytes(kSharedControlBytes) + heap_bytes(key.model_id) +
         heap_bytes(key.scope) + heap_bytes(key.conversation) + heap_bytes(name);
}

double NamespaceState::index_bytes_per_entry() const noexcept {
  return static_cast<double>(get(index_bytes)) / static_cast<double>(std::max<uint64_t>(rows_most, 1));
}

}  // namespace ferro::node::store
