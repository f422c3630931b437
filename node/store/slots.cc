#include "node/store/slots.h"

#include <string>

namespace ferro::node::store {

SlotsSum sum_of(const StoreState& state, const NamespaceState& ns, model::SlotSet slots) {
  if (slots == model::kAllSlots) return {ns.sum.digest(), ns.sum.entries()};
  SlotsSum sum;
  if (const SlotSums* const sums = ns.slot_sums.load(std::memory_order_acquire); sums != nullptr) {
    for (unsigned slot = 0; slot < model::kSlots; ++slot) {
      if ((slots >> slot & 1U) == 0) continue;
      sum.digest ^= (*sums)[slot].digest();
      sum.entries += (*sums)[slot].entries();
    }
    return sum;
  }
  const ReadView view = state.view_with_expired();
  std::string scratch;
  ns.index->for_each_row([&](index::Row, const void* owner) {
    const Entry& entry = *static_cast<const Entry*>(owner);
    if (!view.sees(entry) || !in_slots(entry, slots)) return;
    sum.digest ^= entry_digest(ns.key, entry.id(), entry.version(), scratch);
    ++sum.entries;
  });
  return sum;
}

bool any_live(const StoreState& state, const NamespaceState& ns, model::SlotSet slots, int64_t now_ms) {
  return live_in(state, ns, slots, now_ms) > 0;
}

uint64_t live_in(const StoreState& state, const NamespaceState& ns, model::SlotSet slots, int64_t now_ms) {
  const uint64_t live = state.census.live_of(ns, now_ms);
  if (slots == model::kAllSlots || live == 0) return live;
  // As long as nothing has expired the sums are exact.
  if (live == ns.sum.entries()) return sum_of(state, ns, slots).entries;
  const ReadView view = state.view(now_ms);
  uint64_t count = 0;
  ns.index->for_each_row([&](index::Row, const void* owner) {
    const Entry& entry = *static_cast<const Entry*>(owner);
    if (in_slots(entry, slots) && view.sees(entry)) ++count;
  });
  return count;
}

}  // namespace ferro::node::store
