// Figures of some slots of a namespace: of a shard. Any thread, inside an epoch guard.
//
// A large namespace keeps sums for every slot; of a small one the entries are looked at.
#pragma once

#include <cstdint>

#include "node/store/store_state.h"

namespace ferro::node::store {

struct SlotsSum {
  uint64_t digest = 0, entries = 0;  // as DigestSum
};

// From so many entries on a namespace keeps sums by slot: some fifty microseconds of looking.
inline constexpr uint64_t kSlotSumsFrom = 1024;

inline bool in_slots(const Entry& entry, model::SlotSet slots) noexcept {
  return slots == model::kAllSlots || (slots & model::slot_bit(entry.id())) != 0;
}

SlotsSum sum_of(const StoreState& state, const NamespaceState& ns, model::SlotSet slots);
bool any_live(const StoreState& state, const NamespaceState& ns, model::SlotSet slots, int64_t now_ms);
uint64_t live_in(const StoreState& state, const NamespaceState& ns, model::SlotSet slots, int64_t now_ms);

}  // namespace ferro::node::store
