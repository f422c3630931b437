#include "node/store/statistics.h"

#include <algorithm>

#include "common/base/limits.h"
#include "node/store/slots.h"

namespace ferro::node::store {

namespace {

constexpr size_t kNamespacesAtOnce = 256;  // under one guard

uint64_t get(const std::atomic<uint64_t>& figure) noexcept {
  return figure.load(std::memory_order_relaxed);
}

}  // namespace

size_t Statistics::live_entries(int64_t now_ms) const {
  return state_.census.live(now_ms);
}

std::vector<BaseTotals> Statistics::base_totals(int64_t now_ms, NamespaceCounters& forgotten) const {
  state_.census.live(now_ms);  // so that what has expired by now is counted as such
  return state_.bases.all(forgotten);
}

std::vector<NamespaceStats> Statistics::namespaces(int64_t now_ms, std::string_view prefix,
                                                   std::string_view after, size_t limit,
                                                   const model::Territory* within) const {
  std::vector<NamespaceStats> out;
  std::string last(after);
  while (out.size() < limit) {
    const sync::EpochDomain::Guard guard(state_.epochs);
    const size_t wanted = limit - out.size();
    const std::vector<NamespaceState*> some = state_.namespaces.list(
        prefix, last, within != nullptr ? kNamespacesAtOnce : std::min(kNamespacesAtOnce, wanted));
    if (some.empty()) break;
    last = some.back()->name;
    for (const NamespaceState* ns : some) {
      const model::SlotSet slots =
          within == nullptr ? model::kAllSlots : within->slots_of(ns->placement_hash);
      if (slots == 0 || out.size() == limit) continue;
      if (const uint64_t live = live_in(state_, *ns, slots, now_ms); live > 0) {
        out.push_back(stats_of(*ns, slots, live));
      }
    }
  }
  return out;
}

std::optional<NamespaceStats> Statistics::of_namespace(const model::NamespaceKey& key, int64_t now_ms) const {
  const sync::EpochDomain::Guard guard(state_.epochs);
  const NamespaceState* ns = state_.namespaces.find(key);
  const uint64_t live = ns != nullptr ? state_.census.live_of(*ns, now_ms) : 0;
  if (live == 0) return std::nullopt;
  return stats_of(*ns, model::kAllSlots, live);
}

NamespaceStats Statistics::stats_of(const NamespaceState& ns, model::SlotSet slots, size_t live) const {
  NamespaceStats out;
  out.key = ns.key;
  out.entry_count = live;
  out.dimension = ns.dimension;
  out.oldest_entry_ms = ns.oldest_ms.load(std::memory_order_relaxed);
  out.newest_entry_ms = ns.newest_ms.load(std::memory_order_relaxed);
  out.total_accesses = get(ns.accesses);
  out.index_kind = ns.index->kind_name();
  out.bytes = get(ns.entry_bytes) + get(ns.index_bytes) + ns.own_bytes();
  // Of a shard its part: what else is here is counted by whoever answers for it.
  if (const uint64_t all = ns.sum.entries(); slots != model::kAllSlots && all > 0) {
    const auto part = static_cast<double>(sum_of(state_, ns, slots).entries) / static_cast<double>(all);
    out.bytes = static_cast<uint64_t>(static_cast<double>(out.bytes) * part);
  }
  out.index_rebuilds = ns.index->rebuilds();
  out.counters = ns.base.counters.load();
  return out;
}

std::vector<std::pair<std::string, std::vector<TopEntry>>> Statistics::top_entries(
    int64_t now_ms, size_t top, size_t namespaces_max, const model::Territory* within) const {
  std::vector<std::pair<std::string, std::vector<TopEntry>>> out;
  std::string last;
  while (out.size() < namespaces_max) {
    // One namespace a guard: each may be large.
    const sync::EpochDomain::Guard guard(state_.epochs);
    const std::vector<NamespaceState*> next = state_.namespaces.list({}, last, 1);
    if (next.empty()) break;
    last = next.front()->name;
    const model::SlotSet slots =
        within == nullptr ? model::kAllSlots : within->slots_of(next.front()->placement_hash);
    if (slots == 0) continue;
    std::vector<TopEntry> entries = top_of(*next.front(), now_ms, top, slots);
    if (!entries.empty()) out.emplace_back(last, std::move(entries));
  }
  return out;
}

std::vector<LargeNamespace> Statistics::larger_than(uint16_t partition, uint64_t entries,
                                                    uint64_t bytes) const {
  std::vector<LargeNamespace> out;
  const sync::EpochDomain::Guard guard(state_.epochs);
  for (const NamespaceState* ns : state_.namespaces.in_partition(partition, SIZE_MAX)) {
    LargeNamespace large{
        ns->placement_hash, ns->sum.entries(), get(ns->entry_bytes) + get(ns->index_bytes), {}};
    const bool is_large = (entries != 0 && large.entries > entries) || (bytes != 0 && large.bytes > bytes);
    if (!is_large) continue;
    for (unsigned slot = 0; slot < model::kSlots; ++slot) {
      large.slot_entries[slot] = sum_of(state_, *ns, model::SlotSet{1} << slot).entries;
    }
    out.push_back(large);
  }
  return out;
}

std::vector<TopEntry> Statistics::top_of(const NamespaceState& ns, int64_t now_ms, size_t top,
                                         model::SlotSet slots) const {
  struct Read {
    uint64_t accesses;
    const Entry* entry;
    // Most read first, then the newest.
    bool operator<(const Read& other) const {
      return accesses != other.accesses ? accesses > other.accesses
                                        : entry->version() > other.entry->version();
    }
  };
  const ReadView view = state_.view(now_ms);
  std::vector<Read> best;  // a heap of at most `top`, the least of them in front
  ns.index->for_each_row([&](index::Row, const void* owner) {
    const auto* entry = static_cast<const Entry*>(owner);
    if (top == 0 || !view.sees(*entry) || !in_slots(*entry, slots)) return;
    const Read read{entry->accesses.load(std::memory_order_relaxed), entry};
    if (best.size() == top) {
      if (!(read < best.front())) return;
      std::pop_heap(best.begin(), best.end());
      best.pop_back();
    }
    best.push_back(read);
    std::push_heap(best.begin(), best.end());
  });
  std::sort_heap(best.begin(), best.end());
  std::vector<TopEntry> out;
  out.reserve(best.size());
  for (const Read& read : best) {
    out.push_back({std::string(read.entry->id()), read.accesses,
                   read.entry->last_access_ms.load(std::memory_order_relaxed),
                   std::string(model::preview(read.entry->query_text(), limits::kPreviewCharactersMax)),
                   read.entry->version()});
  }
  return out;
}

}  // namespace ferro::node::store
