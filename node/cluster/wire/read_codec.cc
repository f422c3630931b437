// Lookups and entries by id.
#include "common/base/limits.h"
#include "node/cluster/wire/coding.h"

namespace ferro::node::cluster {

namespace {

// Of one telling; more is no count of reads, and must not make a sum wrap.
constexpr uint64_t kAccessCountMax = uint64_t{1} << 32;

}  // namespace

template <typename A>
void describe(A& a, typename A::template Of<LookupMessage> m) {
  a.key(1, m.ns);
  a.flag(2, m.only_this_namespace);
  a.unit_vector(3, m.unit_vector);
  a.text(4, m.query_text);
  a.optional_similarity(5, m.threshold);
  a.number(6, m.top_k, limits::kTopKMax);
  a.attributes(7, m.attributes);
  if (a.version() >= 2) a.flag(8, m.count, true);
  a.slots(9, m.slots);
  a.require(!m.unit_vector.empty(), "the vector is missing");
  a.require(m.top_k > 0, "top_k is missing");
}

template <typename A>
void describe(A& a, typename A::template Of<store::Hit> m) {
  a.id(1, m.id);
  a.text(2, m.response);
  a.text(3, m.query_text);
  a.attributes(4, m.attributes);
  a.similarity(5, m.similarity);
  a.flag(6, m.exact_match);
  a.time(7, m.inserted_at_ms);
  a.time(8, m.expires_at_ms);
  a.real(9, m.cost);
  a.stamp(10, m.version);
  a.optional_cosine(11, 12, m.cosine);
}

template <typename A>
void describe(A& a, typename A::template Of<engine::LookupResult> m) {
  a.list(1, m.hits, limits::kTopKMax);
  a.flag(2, m.from_conversation);
  a.time(3, m.now_ms);
}

template <typename A>
void describe(A& a, typename A::template Of<LookupReply> m) {
  a.message(1, m.result);
}

template <typename A>
void describe(A& a, typename A::template Of<FindMessage> m) {
  a.id(1, m.id);
  a.flag(2, m.with_vector);
  a.partitions(3, m.partitions);
  a.hash(4, m.splits);
}

template <typename A>
void describe(A& a, typename A::template Of<store::EntryView> m) {
  a.key(1, m.ns);
  a.stamp(2, m.version);
  a.id(3, m.id);
  a.text(4, m.response);
  a.text(5, m.query_text);
  a.tags(6, m.tags);
  a.attributes(7, m.attributes);
  a.real(8, m.cost);
  a.flag(9, m.has_cost);
  a.time(10, m.inserted_at_ms);
  a.time(11, m.expires_at_ms);
  a.time(12, m.last_accessed_at_ms);
  a.number(13, m.access_count);
  a.unit_vector(14, m.vector);
}

template <typename A>
void describe(A& a, typename A::template Of<FindReply> m) {
  a.list(1, m.entries);
}

template <typename A>
void describe(A& a, typename A::template Of<store::AccessCount> m) {
  a.id(1, m.id);
  a.number(2, m.count, kAccessCountMax);
  a.require(!m.id.empty(), "the id is missing");
}

template <typename A>
void describe(A& a, typename A::template Of<AccessesMessage::OfNamespace> m) {
  a.key(1, m.ns);
  a.list(2, m.entries);
}

template <typename A>
void describe(A& a, typename A::template Of<AccessesMessage> m) {
  a.list(1, m.namespaces);
}

FERRO_WIRE_MESSAGE(LookupMessage);
FERRO_WIRE_MESSAGE(LookupReply);
FERRO_WIRE_MESSAGE(FindMessage);
FERRO_WIRE_MESSAGE(FindReply);
FERRO_WIRE_MESSAGE(AccessesMessage);

}  // namespace ferro::node::cluster
