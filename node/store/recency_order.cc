#include "node/store/recency_order.h"

namespace ferro::node::store {

namespace {

// Entries moved back in one search before it settles for the best it saw. A move is paid for by a hit since
// the entry was last looked at, so only the first eviction after a long time without any can come near; the
// bound keeps that one to milliseconds.
constexpr size_t kMovesMax = 4096;

}  // namespace

void RecencyOrder::link(Entry& entry) {
  entry.recency_value = value_of(entry);
  if (for_node_) of_node_.insert(entry);
  if (for_namespaces_) entry.ns->by_recency.insert(entry);
}

void RecencyOrder::unlink(Entry& entry) {
  if (entry.in_recency.is_linked()) of_node_.erase(of_node_.iterator_to(entry));
  if (entry.in_namespace_recency.is_linked()) {
    entry.ns->by_recency.erase(entry.ns->by_recency.iterator_to(entry));
  }
}

Entry* RecencyOrder::first() {
  return first_of(of_node_);
}

Entry* RecencyOrder::first(NamespaceState& ns) {
  return first_of(ns.by_recency);
}

Entry* RecencyOrder::first(NamespaceState& ns, model::SlotSet slots) {
  if (slots == model::kAllSlots) return first(ns);
  size_t moves = 0;
  for (auto at = ns.by_recency.begin(); at != ns.by_recency.end();) {
    Entry& entry = *at++;
    if ((slots & model::slot_bit(entry.id())) == 0) continue;
    if (value_of(entry) <= entry.recency_value || ++moves == kMovesMax) return &entry;
    unlink(entry);
    link(entry);  // comes again, further on
  }
  return nullptr;
}

template <typename Set>
Entry* RecencyOrder::first_of(Set& set) {
  Entry* best = nullptr;
  for (size_t moves = 0; !set.empty(); ++moves) {
    Entry& entry = *set.begin();
    const int64_t value = value_of(entry);
    if (value <= entry.recency_value) return &entry;
    unlink(entry);
    link(entry);
    if (best == nullptr || value < best->recency_value) best = &entry;
    if (moves == kMovesMax) return best;
  }
  return nullptr;
}

int64_t RecencyOrder::value_of(const Entry& entry) const noexcept {
  EntryFacts facts;
  facts.last_access_stamp = entry.last_access_stamp.load(std::memory_order_relaxed);
  facts.inserted_stamp = entry.inserted_stamp;
  facts.access_count = entry.accesses.load(std::memory_order_relaxed);
  facts.bytes = entry.heap_size() + entry.ns->dimension * sizeof(float);
  facts.cost = entry.cost();
  return policy_->value(facts);
}

}  // namespace ferro::node::store
