// Figures of the store and of its namespaces. Any thread; each call takes its own guards.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/store/store_state.h"

namespace ferro::node::store {

class Statistics {
 public:
  explicit Statistics(const StoreState& state) : state_(state) {}

  size_t live_entries(int64_t now_ms) const;
  uint64_t memory_bytes() const { return state_.tables.held() + state_.held.held(); }
  std::vector<BaseTotals> base_totals(int64_t now_ms, NamespaceCounters& forgotten) const;
  std::vector<NamespaceStats> namespaces(int64_t now_ms, std::string_view prefix, std::string_view after,
                                         size_t limit, const model::Territory* within) const;
  std::optional<NamespaceStats> of_namespace(const model::NamespaceKey& key, int64_t now_ms) const;
  std::vector<std::pair<std::string, std::vector<TopEntry>>> top_entries(
      int64_t now_ms, size_t top, size_t namespaces_max, const model::Territory* within) const;
  std::vector<LargeNamespace> larger_than(uint16_t partition, uint64_t entries, uint64_t bytes) const;

 private:
  NamespaceStats stats_of(const NamespaceState& ns, model::SlotSet slots, size_t live) const;
  std::vector<TopEntry> top_of(const NamespaceState& ns, int64_t now_ms, size_t top,
                               model::SlotSet slots) const;

  const StoreState& state_;
};

}  // namespace ferro::node::store
