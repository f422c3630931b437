#include "node/store/room_planner.h"

#include <algorithm>
#include <bit>
#include <string>

#include "node/store/slots.h"

namespace ferro::node::store {

namespace {

// Expired entries reaped at a time while room is short.
constexpr size_t kReapStep = 256;

// The parts of all shards add up to the cap, unless there are more shards than that: each may have an entry.
uint64_t part_of_cap(uint64_t cap, model::SlotSet shard) noexcept {
  const uint64_t shards = model::kSlots / static_cast<uint64_t>(std::max(1, std::popcount(shard)));
  const auto number = static_cast<uint64_t>(std::countr_zero(shard));  // its lowest slot
  return std::max<uint64_t>(1, cap / shards + (number < cap % shards ? 1 : 0));
}

// Left free of the budget for what cannot be known before (tables that double), and for rows of other indexes
// that die in a batch and are moved together only after it.
constexpr uint64_t kMarginDivisor = 128;
// How far the rows of an index are looked ahead: as far as its chunks are long, and some batches at most.
constexpr size_t kLookAheadDivisor = 16, kLookAheadMax = 256;
// Spare memory beyond this share of the budget drives nobody out: evicting would make more of it before it
// makes less. Moving rows together (writer.h) brings it down.
constexpr uint64_t kSpareMaxDivisor = 8;

EntryRef ref_of(const Entry& entry) {
  return {entry.ns->key, std::string(entry.id()), entry.version()};
}

}  // namespace

Status RoomPlanner::admit(const model::PutOp& op, int64_t now_ms) const {
  const size_t dimension = op.vector.size();
  const NamespaceState* ns = state_.namespaces.find(op.ns);
  if (ns != nullptr && ns->dimension != dimension && state_.census.live_of(*ns, now_ms) > 0) {
    return dimension_mismatch(op.ns, ns->dimension, dimension);
  }
  const BatchPlan::OfNamespace planned = state_.plan.of(op.ns);
  if (planned.puts > 0 && planned.dimension != dimension)
    return dimension_mismatch(op.ns, planned.dimension, dimension);
  return admit_copy(op);
}

Status RoomPlanner::admit_copy(const model::PutOp& op) const {
  const uint64_t budget = state_.options.memory_max_bytes;
  const uint64_t alone = state_.tables.held() + need_of(op, nullptr).bytes;
  if (budget == 0 || alone <= budget) return {};
  return {StatusCode::out_of_memory_budget,
          "the entry needs " + std::to_string(alone) + " bytes, more than memory.max_bytes (" +
              std::to_string(budget) + ") holds with everything evictable gone and nothing evictable left"};
}

std::vector<EntryRef> RoomPlanner::victims_for(const model::PutOp& op, int64_t now_ms, Origin origin,
                                               model::SlotSet shard) {
  std::vector<EntryRef> victims;
  reap_if_short(op, now_ms);  // may close namespaces: nothing is looked up before
  state_.plan.cancel(op.ns, op.id);
  NamespaceState* ns = state_.namespaces.find(op.ns);
  Entry* replaced = ns != nullptr ? state_.ids.find_alive(*ns, op.id) : nullptr;
  if (replaced != nullptr && !replaced->leaving) leave(*replaced, now_ms);

  const bool capped = state_.options.max_entries_per_namespace != 0 && origin == Origin::here;
  if (capped) free_places(op, ns, now_ms, shard, victims);
  const Need need = need_of(op, ns);
  if (state_.options.memory_max_bytes != 0) free_bytes(need, now_ms, victims);
  state_.plan.add_put(op, need.bytes);
  return victims;
}

void RoomPlanner::end_batch() {
  for (Entry* entry : state_.plan.clear()) state_.recency.link(*entry);
}

// What has expired goes before anything that lives.
void RoomPlanner::reap_if_short(const model::PutOp& op, int64_t now_ms) {
  if (state_.options.memory_max_bytes == 0) return;
  while (!fits(need_of(op, state_.namespaces.find(op.ns)))) {
    if (writer_.reap_expired(now_ms, kReapStep) == 0) return;
  }
}

// What the batch does to other shards counts here too, so a batch may for a moment make more room than there
// need be.
void RoomPlanner::free_places(const model::PutOp& op, NamespaceState* ns, int64_t now_ms,
                              model::SlotSet shard, std::vector<EntryRef>& victims) {
  const BatchPlan::OfNamespace planned = state_.plan.of(op.ns);
  const uint64_t live = ns != nullptr ? live_in_shard(*ns, shard, now_ms) : 0;
  const uint64_t most = part_of_cap(state_.options.max_entries_per_namespace, shard);
  uint64_t after = live - std::min(live, planned.leaving_live) + planned.puts + 1;
  while (after > most) {
    Entry* coldest = ns != nullptr ? state_.recency.first(*ns, shard) : nullptr;
    if (coldest != nullptr && !coldest->live_at(now_ms)) {
      state_.recency.unlink(*coldest);  // counts no more; its deadline finds it
      continue;
    }
    if (coldest != nullptr) {
      victims.push_back(ref_of(*coldest));
      leave(*coldest, now_ms);
    } else if (auto earlier = state_.plan.cancel_oldest(&op.ns)) {
      victims.push_back(std::move(*earlier));
    } else {
      return;
    }
    --after;
  }
}

// With those that have expired and are not reaped yet, for a shard: they are few, and looking for them is
// dear.
uint64_t RoomPlanner::live_in_shard(const NamespaceState& ns, model::SlotSet shard, int64_t now_ms) const {
  if (shard == model::kAllSlots) return state_.census.live_of(ns, now_ms);
  const sync::EpochDomain::Guard guard(state_.epochs);
  return sum_of(state_, ns, shard).entries;
}

void RoomPlanner::free_bytes(const Need& need, int64_t now_ms, std::vector<EntryRef>& victims) {
  while (!fits(need)) {
    if (Entry* coldest = state_.recency.first(); coldest != nullptr) {
      victims.push_back(ref_of(*coldest));
      leave(*coldest, now_ms);
    } else if (auto earlier = state_.plan.cancel_oldest(nullptr)) {
      victims.push_back(std::move(*earlier));
    } else {
      return;
    }
  }
}

bool RoomPlanner::fits(const Need& need) const noexcept {
  const auto after = static_cast<int64_t>(state_.usage() + need.bytes + need.ahead) + state_.plan.growth();
  return after <= static_cast<int64_t>(room());
}

uint64_t RoomPlanner::room() const noexcept {
  const uint64_t budget = state_.options.memory_max_bytes;
  return budget - budget / kMarginDivisor - std::min(state_.spare(), budget / kSpareMaxDivisor);
}

void RoomPlanner::leave(Entry& entry, int64_t now_ms) {
  state_.recency.unlink(entry);
  const auto of_index = static_cast<uint64_t>(entry.ns->index_bytes_per_entry());
  const uint64_t stays = state_.tombstones.kept() ? Tombstones::heap_of(entry.id()) : 0;
  const uint64_t goes = entry.heap_size() + of_index;
  state_.plan.add_leaving(entry, goes - std::min(goes, stays), entry.live_at(now_ms));
}

RoomPlanner::Need RoomPlanner::need_of(const model::PutOp& op, const NamespaceState* ns) const {
  const uint64_t vector = op.vector.size() * sizeof(float);
  const uint64_t entry = Entry::bytes_for(op);
  if (ns == nullptr) return {entry + vector + writer_.namespace_bytes(op.ns), 0};
  const size_t look_ahead = std::clamp<size_t>(ns->linked / kLookAheadDivisor, 1, kLookAheadMax);
  const auto row = ns->index->row_need(state_.plan.of(op.ns).puts, look_ahead);
  const uint64_t of_index = std::max(vector, static_cast<uint64_t>(ns->index_bytes_per_entry()));
  return {entry + std::max<uint64_t>(of_index, row.bytes), row.ahead};
}

}  // namespace ferro::node::store
