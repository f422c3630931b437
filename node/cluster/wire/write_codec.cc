// What changes entries: inserts and deletes as a client asks for them. Tags that follow a write through an
// engine (engine::WriteTag) mean something in one process only and do not travel.
#include "common/base/limits.h"
#include "node/cluster/wire/coding.h"

namespace ferro::node::cluster {

namespace {

constexpr auto kTtlSecondsMax = static_cast<uint64_t>(limits::kTtlSecondsMax);

}  // namespace

template <typename A>
void describe(A& a, typename A::template Of<engine::InsertRequest> m) {
  a.key(1, m.ns);
  a.id(2, m.id);
  a.unit_vector(3, m.unit_vector);
  a.text(4, m.query_text);
  a.text(5, m.response);
  a.optional_number(6, m.ttl_seconds, 1, kTtlSecondsMax);
  a.optional_number(7, m.ttl_ms, 1, kTtlSecondsMax * 1000);
  a.tags(8, m.tags);
  a.attributes(9, m.attributes);
  a.optional_cost(10, m.cost);
  a.require(!m.unit_vector.empty(), "the vector is missing");
}

template <typename A>
void describe(A& a, typename A::template Of<InsertMessage> m) {
  a.list(1, m.items);
  a.require(!m.items.empty(), "there is nothing to insert");
}

template <typename A>
void describe(A& a, typename A::template Of<ItemReply> m) {
  a.status(1, m.status);
  a.optional_id(2, m.id);
  a.require(!m.status.ok() || !m.id.empty(), "the id of an insert is missing");
}

template <typename A>
void describe(A& a, typename A::template Of<InsertReply> m) {
  a.list(1, m.items);
}

template <typename A>
void describe(A& a, typename A::template Of<engine::RemoveRequest> m) {
  a.id(1, m.id);
  a.optional_key(2, m.ns);
  a.scope(3, m.scope);
  a.optional_partitions(4, m.partitions);
}

template <typename A>
void describe(A& a, typename A::template Of<RemoveMessage> m) {
  a.message(1, m.request);
  a.partitions(2, m.partitions);
  a.hash(3, m.splits);
  a.require(!m.request.id.empty(), "the request is missing");
}

template <typename A>
void describe(A& a, typename A::template Of<DropNamespaceMessage> m) {
  a.key(1, m.ns);
  a.slots(2, m.slots);
}

template <typename A>
void describe(A& a, typename A::template Of<engine::InvalidateRequest::Radius> m) {
  a.key(1, m.ns);
  a.unit_vector(2, m.unit_vector);
  a.similarity(3, m.threshold);
  a.require(!m.unit_vector.empty(), "the vector is missing");
}

template <typename A>
void describe(A& a, typename A::template Of<store::Selector> m) {
  a.scope(1, m.scope);
  a.tags(2, m.any_tag);
  a.attributes(3, m.all_attributes);
  a.optional_partitions(4, m.partitions);
}

template <typename A>
void describe(A& a, typename A::template Of<engine::InvalidateRequest> m) {
  a.optional_message(1, m.radius);
  a.optional_message(2, m.selector);
  a.flag(3, m.dry_run);
  a.optional_partitions(4, m.partitions);
  a.require(m.radius.has_value() != m.selector.has_value(), "either a radius or a selector is needed");
}

template <typename A>
void describe(A& a, typename A::template Of<InvalidateMessage> m) {
  a.message(1, m.request);
  a.partitions(2, m.partitions);
  a.hash(3, m.splits);
  a.require(m.request.radius.has_value() != m.request.selector.has_value(), "the request is missing");
}

template <typename A>
void describe(A& a, typename A::template Of<CountReply> m) {
  a.number(1, m.count);
}

template <typename A>
void describe(A& a, typename A::template Of<IdsReply> m) {
  a.ids(1, m.ids, false, kWireIdsMax);
}

FERRO_WIRE_MESSAGE(InsertMessage);
FERRO_WIRE_MESSAGE(InsertReply);
FERRO_WIRE_MESSAGE(RemoveMessage);
FERRO_WIRE_MESSAGE(DropNamespaceMessage);
FERRO_WIRE_MESSAGE(InvalidateMessage);
FERRO_WIRE_MESSAGE(CountReply);
FERRO_WIRE_MESSAGE(IdsReply);

}  // namespace ferro::node::cluster
