#include "node/store/namespace_state.h"

#include <algorithm>
#include <utility>

namespace ferro::node::store {

namespace {

constexpr size_t kSharedControlBytes = 24;  // of the shared_ptr that holds the index

uint64_t get(const std::atomic<uint64_t>& counter) noexcept {
  return counter.load(std::memory_order_relaxed);
}

}  // namespace

NamespaceState::NamespaceState(model::NamespaceKey ns_key, uint64_t ns_number, size_t ns_dimension,
                               std::shared_ptr<index::VectorIndex> ns_index, BaseCell& ns_base)
    : key(std::move(ns_key)),
      name(model::printed_name(key)),
      hash(model::NamespaceKeyHash{}(key)),
      placement_hash(model::namespace_hash(key)),
      partition(model::home_of(placement_hash)),
      number(ns_number),
      dimension(ns_dimension),
      index(std::move(ns_index)),
      base(ns_base) {}

size_t NamespaceState::own_bytes() const noexcept {
  return heap_bytes(sizeof(NamespaceState)) + heap_bytes(kSharedControlBytes) + heap_bytes(key.model_id) +
         heap_bytes(key.scope) + heap_bytes(key.conversation) + heap_bytes(name) +
         (slot_sums.load(std::memory_order_relaxed) == nullptr ? 0 : heap_bytes(sizeof(SlotSums)));
}

double NamespaceState::index_bytes_per_entry() const noexcept {
  return static_cast<double>(get(index_bytes)) / static_cast<double>(std::max<uint64_t>(index_rows, 1));
}

}  // namespace ferro::node::store
