#include "node/store/reader.h"

#include <algorithm>
#include <string>

#include "common/base/limits.h"
#include "node/index/kernels.h"
#include "node/store/slots.h"

namespace ferro::node::store {

namespace {

// Below every score, rounding included.
constexpr float kEveryScore = -2.0F;
// Namespaces visited under one guard when all are.
constexpr size_t kNamespacesAtOnce = 64;

const Entry& entry_of(const void* owner) noexcept {
  return *static_cast<const Entry*>(owner);
}

EntryRef ref_of(const Entry& entry) {
  return {entry.ns->key, std::string(entry.id()), entry.version()};
}

EntryView view_of(const Entry& entry, bool with_vector) {
  EntryView out;
  out.ns = entry.ns->key;
  out.version = entry.version();
  out.id = entry.id();
  out.response = entry.response();
  out.query_text = entry.query_text();
  out.tags = entry.tags();
  out.attributes = entry.attributes();
  out.cost = entry.cost();
  out.has_cost = entry.has_cost();
  out.inserted_at_ms = entry.inserted_at_ms;
  out.expires_at_ms = entry.expires_at_ms;
  out.last_accessed_at_ms = entry.last_access_ms.load(std::memory_order_relaxed);
  out.access_count = entry.accesses.load(std::memory_order_relaxed);
  if (with_vector) {
    const std::span<const float> vector = entry.ns->index->vector_of(entry.row);
    out.vector.assign(vector.begin(), vector.end());
  }
  return out;
}

// As the index would score it, to the bit: similarities of one answer come from either.
float cosine_of(const Entry& entry, std::span<const float> unit_vector) {
  return index::dot(unit_vector.data(), entry.ns->index->vector_of(entry.row).data(), unit_vector.size());
}

bool selects(const Selector& selector, const Entry& entry) {
  return (selector.any_tag.empty() || entry.has_any_tag(selector.any_tag)) &&
         entry.has_all(selector.all_attributes);
}

}  // namespace

size_t Reader::dimension_of(const model::NamespaceKey& key, int64_t now_ms, model::SlotSet slots) const {
  const sync::EpochDomain::Guard guard(state_.epochs);
  const NamespaceState* ns = state_.namespaces.find(key);
  return ns != nullptr && any_live(state_, *ns, slots, now_ms) ? ns->dimension : 0;
}

Result<QueryResult> Reader::query(const QueryRequest& request, bool count_miss) const {
  count_miss = count_miss && request.count;
  const sync::EpochDomain::Guard guard(state_.epochs);
  const ReadView view = state_.view(request.now_ms);
  QueryResult result;
  NamespaceState* ns = state_.namespaces.find(request.ns);
  if (ns == nullptr) {
    if (count_miss) state_.bases.count_miss(request.ns);
    return result;
  }
  if (ns->dimension != request.unit_vector.size()) {
    // A namespace whose last entry has expired has no dimension any more.
    if (!any_live(state_, *ns, request.slots, request.now_ms)) {
      if (count_miss) count_one(ns->base.counters.queries_miss);
      return result;
    }
    return dimension_mismatch(request.ns, ns->dimension, request.unit_vector.size());
  }
  const Entry* exact = exact_match(*ns, request, view);
  if (exact != nullptr) {
    const float cosine = request.slots == model::kAllSlots ? 1.0F : cosine_of(*exact, request.unit_vector);
    hand_out(*exact, cosine, true, request, result);
  }
  if (result.hits.size() < request.top_k) add_neighbours(*ns, request, view, result, exact);

  ns->accesses.fetch_add(result.hits.size(), std::memory_order_relaxed);
  if (!request.count) return result;
  if (!result.hits.empty()) {
    count_one(ns->base.counters.queries_hit);
    ns->base.counters.cost_saved_nano.fetch_add(cost_saved_nano(result.hits.front().cost),
                                                std::memory_order_relaxed);
  } else if (count_miss) {
    count_one(ns->base.counters.queries_miss);
  }
  if (exact != nullptr) count_one(ns->base.counters.exact_match_hits);
  return result;
}

const Entry* Reader::exact_match(const NamespaceState& ns, const QueryRequest& request,
                                 const ReadView& view) const {
  if (request.query_text.empty()) return nullptr;
  std::string wanted;
  model::normalise_text(request.query_text, wanted);
  if (wanted.empty()) return nullptr;
  std::string other;
  return state_.texts.newest(ns, state_.hash_text(wanted), [&](const Entry& entry) {
    if (!view.sees(entry) || !in_slots(entry, request.slots)) return false;
    if (request.attributes != nullptr && !entry.has_all(*request.attributes)) return false;
    if (entry.query_text() == request.query_text) return true;
    model::normalise_text(entry.query_text(), other);
    return other == wanted;
  });
}

void Reader::add_neighbours(const NamespaceState& ns, const QueryRequest& request, const ReadView& view,
                            QueryResult& result, const Entry* exact) const {
  struct Wanted {
    const ReadView& view;
    const model::Attributes* attributes;
    const Entry* exact;
    model::SlotSet slots;
  };
  const Wanted wanted{view, request.attributes, exact, request.slots};
  const index::RowFilter filter = [&wanted](const void* owner) {  // one pointer: no allocation
    const Entry& entry = entry_of(owner);
    return &entry != wanted.exact && wanted.view.sees(entry) && in_slots(entry, wanted.slots) &&
           (wanted.attributes == nullptr || entry.has_all(*wanted.attributes));
  };
  // Clamped scores are never below 0, so a threshold of 0 lets opposite vectors in too.
  const float threshold = request.threshold <= limits::kSimilarityTolerance ? kEveryScore : request.threshold;
  std::vector<index::Match> matches;
  ns.index->search(request.unit_vector, threshold, request.top_k - result.hits.size(), filter, matches);
  for (const index::Match& match : matches) {
    hand_out(entry_of(match.owner), match.score, false, request, result);
  }
}

void Reader::hand_out(const Entry& entry, float cosine, bool exact, const QueryRequest& request,
                      QueryResult& result) const {
  entry.touch(state_.clock.steady_ns(), request.now_ms);
  Hit hit;
  hit.id = entry.id();
  hit.response = entry.response();
  hit.query_text = entry.query_text();
  hit.attributes = entry.attributes();
  hit.similarity = exact ? 1.0F : std::clamp(cosine, 0.0F, 1.0F);
  hit.exact_match = exact;
  hit.inserted_at_ms = entry.inserted_at_ms;
  hit.expires_at_ms = entry.expires_at_ms;
  hit.cost = entry.cost();
  if (request.slots != model::kAllSlots) {
    hit.version = entry.version();
    hit.cosine = cosine;
  }
  result.hits.push_back(std::move(hit));
}

void Reader::touch(const model::NamespaceKey& key, const std::vector<AccessCount>& accesses,
                   int64_t now_ms) const {
  const sync::EpochDomain::Guard guard(state_.epochs);
  const ReadView view = state_.view(now_ms);
  const NamespaceState* ns = state_.namespaces.find(key);
  if (ns == nullptr) return;
  const int64_t stamp = state_.clock.steady_ns();
  for (const AccessCount& access : accesses) {
    const Entry* entry = state_.ids.find_seen(*ns, access.id, view);
    if (entry != nullptr) entry->touch(stamp, now_ms, access.count);
  }
}

std::vector<EntryView> Reader::find(std::string_view id, int64_t now_ms, bool with_vector,
                                    const model::Territory* within) const {
  const sync::EpochDomain::Guard guard(state_.epochs);
  const ReadView view = state_.view(now_ms);
  std::vector<EntryView> out;
  for (const Entry* entry : state_.ids.find_all(id)) {
    if (!view.sees(*entry)) continue;
    if (within != nullptr && !in_slots(*entry, within->slots_of(entry->ns->placement_hash))) continue;
    out.push_back(view_of(*entry, with_vector));
  }
  std::sort(out.begin(), out.end(),
            [](const EntryView& a, const EntryView& b) { return a.version > b.version; });
  return out;
}

std::vector<EntryRef> Reader::within_radius(const model::NamespaceKey& key,
                                            std::span<const float> unit_vector, float threshold,
                                            int64_t now_ms, model::SlotSet slots) const {
  const sync::EpochDomain::Guard guard(state_.epochs);
  const ReadView view = state_.view(now_ms);
  std::vector<EntryRef> out;
  const NamespaceState* ns = state_.namespaces.find(key);
  if (ns == nullptr || ns->dimension != unit_vector.size()) return out;
  std::vector<index::Match> matches;
  ns->index->scan(
      unit_vector, threshold,
      [&view, slots](const void* owner) {
        return view.sees(entry_of(owner)) && in_slots(entry_of(owner), slots);
      },
      matches);
  out.reserve(matches.size());
  for (const index::Match& match : matches) out.push_back(ref_of(entry_of(match.owner)));
  return out;
}

std::vector<EntryRef> Reader::select(const Selector& selector, int64_t now_ms) const {
  std::vector<EntryRef> out;
  std::string after;
  while (true) {
    const sync::EpochDomain::Guard guard(state_.epochs);
    const ReadView view = state_.view(now_ms);
    const std::vector<NamespaceState*> some = state_.namespaces.list({}, after, kNamespacesAtOnce);
    if (some.empty()) return out;
    after = some.back()->name;
    for (const NamespaceState* ns : some) {
      if (selector.scope && ns->key.scope != *selector.scope) continue;
      model::SlotSet slots = model::kAllSlots;
      if (selector.partitions) {
        slots = model::Territory{*selector.partitions, selector.splits}.slots_of(ns->placement_hash);
      }
      if (slots == 0) continue;
      ns->index->for_each_row([&](index::Row, const void* owner) {
        const Entry& entry = entry_of(owner);
        if (view.sees(entry) && in_slots(entry, slots) && selects(selector, entry))
          out.push_back(ref_of(entry));
      });
    }
  }
}

}  // namespace ferro::node::store
