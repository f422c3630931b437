// Lookups: by meaning, by words, by id, by selector. Any thread; each call takes its own epoch guard, sees
// one instant of the store (read_view.h) and hands out copies.
#pragma once

#include <vector>

#include "node/store/store_state.h"

namespace ferro::node::store {

class Reader {
 public:
  explicit Reader(const StoreState& state) : state_(state) {}

  size_t dimension_of(const model::NamespaceKey& key, int64_t now_ms, model::SlotSet slots) const;
  Result<QueryResult> query(const QueryRequest& request, bool count_miss) const;
  void touch(const model::NamespaceKey& key, const std::vector<AccessCount>& accesses, int64_t now_ms) const;
  std::vector<EntryView> find(std::string_view id, int64_t now_ms, bool with_vector,
                              const model::Territory* within) const;
  std::vector<EntryRef> within_radius(const model::NamespaceKey& key, std::span<const float> unit_vector,
                                      float threshold, int64_t now_ms, model::SlotSet slots) const;
  std::vector<EntryRef> select(const Selector& selector, int64_t now_ms) const;

 private:
  const Entry* exact_match(const NamespaceState& ns, const QueryRequest& request, const ReadView& view) const;
  void add_neighbours(const NamespaceState& ns, const QueryRequest& request, const ReadView& view,
                      QueryResult& result, const Entry* exact) const;
  void hand_out(const Entry& entry, float cosine, bool exact, const QueryRequest& request,
                QueryResult& result) const;

  const StoreState& state_;
};

}  // namespace ferro::node::store
