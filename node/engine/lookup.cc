#include "node/engine/lookup.h"

#include <utility>

namespace ferro::node::engine {

Status check_dimension(const store::Store& store, const model::NamespaceKey& ns, size_t dimension,
                       int64_t now_ms, model::SlotSet slots) {
  const size_t expected = store.dimension_of(ns, now_ms, slots);
  if (expected == 0 || expected == dimension) return {};
  return store::dimension_mismatch(ns, expected, dimension);
}

Result<LookupResult> look_up(Core& core, const LookupRequest& request) {
  LookupResult result;
  result.now_ms = core.clock.wall_ms();
  store::QueryRequest query;
  query.ns = request.ns;
  query.unit_vector = request.unit_vector;
  query.query_text = request.query_text;
  query.threshold = request.threshold.value_or(core.options.default_threshold);
  query.top_k = request.top_k;
  query.attributes = request.attributes;
  query.now_ms = result.now_ms;
  query.count = request.count;
  query.slots = request.slots;

  const bool in_conversation = request.ns.is_conversation();
  const bool base_too = in_conversation && !request.only_this_namespace;
  if (base_too) {
    // Also when the conversation would answer: whether a request is valid must not depend on what it hits.
    FERRO_RETURN_IF_ERROR(
        check_dimension(*core.store, request.ns.base(), request.unit_vector.size(), result.now_ms));
  }
  FERRO_ASSIGN_OR_RETURN(store::QueryResult found, core.store->query(query, !base_too));
  result.from_conversation = in_conversation && !found.hits.empty();
  if (base_too && found.hits.empty()) {
    query.ns = request.ns.base();
    FERRO_ASSIGN_OR_RETURN(found, core.store->query(query, true));
  }
  result.hits = std::move(found.hits);
  if (!request.count) return result;

  count_query(core.counters, result.hits.empty() ? nullptr : &result.hits.front());
  return result;
}

}  // namespace ferro::node::engine
