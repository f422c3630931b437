#include "node/store/room_planner.h"

#include <algorithm>
#include <string>

namespace ferro::node::store {

namespace {

// Expired entries reaped at a time while room is short.
constexpr size_t kReapStep = 256;

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
  const uint64_t alone = state_.tables.held() + bytes_for(op, nullptr);
  if (budget == 0 || alone <= budget) return {};
  return {StatusCode::out_of_memory_budget,
          "the entry needs " + std::to_string(alone) + " bytes, more than memory.max_bytes (" +
              std::to_string(budget) + ") holds with everything evictable gone and nothing evictable left"};
}

std::vector<EntryRef> RoomPlanner::victims_for(const model::PutOp& op, int64_t now_ms, Origin origin) {
  std::vector<EntryRef> victims;
  reap_if_short(op, now_ms);  // may close namespaces: nothing is looked up before
  state_.plan.cancel(op.ns, op.id);
  NamespaceState* ns = state_.namespaces.find(op.ns);
  Entry* replaced = ns != nullptr ? state_.ids.find_alive(*ns, op.id) : nullptr;
  if (replaced != nullptr && !replaced->leaving) leave(*replaced, now_ms);

  const uint64_t wanted = bytes_for(op, ns);
  const bool capped = state_.options.max_entries_per_namespace != 0 && origin == Origin::here;
  if (capped) free_places(op, ns, now_ms, victims);
  if (state_.options.memory_max_bytes != 0) free_bytes(wanted, now_ms, victims);
  state_.plan.add_put(op, wanted);
  return victims;
}

void RoomPlanner::end_batch() {
  for (Entry* entry : state_.plan.clear()) state_.recency.link(*entry);
}

// What has expired goes before anything that lives.
void RoomPlanner::reap_if_short(const model::PutOp& op, int64_t now_ms) {
  if (state_.options.memory_max_bytes == 0) return;
  while (!fits(bytes_for(op, state_.namespaces.find(op.ns)))) {
    if (writer_.reap_expired(now_ms, kReapStep) == 0) return;
  }
}

void RoomPlanner::free_places(const model::PutOp& op, NamespaceState* ns, int64_t now_ms,
                              std::vector<EntryRef>& victims) {
  const BatchPlan::OfNamespace planned = state_.plan.of(op.ns);
  const uint64_t live = ns != nullptr ? state_.census.live_of(*ns, now_ms) : 0;
  uint64_t after = live - std::min(live, planned.leaving_live) + planned.puts + 1;
  while (after > state_.options.max_entries_per_namespace) {
    Entry* coldest = ns != nullptr ? state_.recency.first(*ns) : nullptr;
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

void RoomPlanner::free_bytes(uint64_t wanted, int64_t now_ms, std::vector<EntryRef>& victims) {
  while (!fits(wanted)) {
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

bool RoomPlanner::fits(uint64_t wanted) const noexcept {
  const auto after = static_cast<int64_t>(state_.usage() + wanted) + state_.plan.growth();
  return after <= static_cast<int64_t>(state_.options.memory_max_bytes);
}

void RoomPlanner::leave(Entry& entry, int64_t now_ms) {
  state_.recency.unlink(entry);
  const double of_index = entry.ns->index_bytes_per_entry();
  state_.plan.add_leaving(entry, entry.heap_size() + static_cast<uint64_t>(of_index), entry.live_at(now_ms));
}

// `ns` null: as if it did not exist yet.
uint64_t RoomPlanner::bytes_for(const model::PutOp& op, const NamespaceState* ns) const {
  const uint64_t vector = op.vector.size() * sizeof(float);
  const uint64_t entry = Entry::bytes_for(op);
  if (ns == nullptr) return entry + vector + writer_.namespace_bytes(op.ns);
  return entry + std::max(vector, static_cast<uint64_t>(ns->index_bytes_per_entry()));
}

}  // namespace ferro::node::store
