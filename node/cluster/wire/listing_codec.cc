// Listings and figures of what a node holds.
#include "common/base/limits.h"
#include "node/cluster/wire/coding.h"

namespace ferro::node::cluster {

namespace {

// Prefix and cursor come from a client's request line, so they may be any bytes.
constexpr size_t kListingTextBytesMax = limits::kRequestLineBytesMax;
constexpr size_t kPreviewBytesMax = limits::kPreviewCharactersMax * 4;

}  // namespace

template <typename A>
void describe(A& a, typename A::template Of<ListNamespacesMessage> m) {
  a.partitions(1, m.partitions);
  a.bytes(2, m.prefix, kListingTextBytesMax);
  a.bytes(3, m.after, kListingTextBytesMax);
  a.number(4, m.limit);
  a.hash(5, m.splits);
}

template <typename A>
void describe(A& a, typename A::template Of<store::NamespaceCounters> m) {
  a.number(1, m.queries_hit);
  a.number(2, m.queries_miss);
  a.number(3, m.inserts);
  a.number(4, m.evictions);
  a.number(5, m.expirations);
  a.number(6, m.deletions);
  a.number(7, m.invalidations);
  a.number(8, m.exact_match_hits);
}

template <typename A>
void describe(A& a, typename A::template Of<store::NamespaceStats> m) {
  a.key(1, m.key);
  a.number(2, m.entry_count);
  a.number(3, m.dimension, limits::kDimensionMax);
  a.time(4, m.oldest_entry_ms);
  a.time(5, m.newest_entry_ms);
  a.number(6, m.total_accesses);
  a.text(7, m.index_kind, kWireNameBytesMax);
  a.number(8, m.bytes);
  a.number(9, m.index_rebuilds);
  a.message(10, m.counters);
}

template <typename A>
void describe(A& a, typename A::template Of<ListNamespacesReply> m) {
  a.list(1, m.namespaces);
}

template <typename A>
void describe(A& a, typename A::template Of<TopEntriesMessage> m) {
  a.partitions(1, m.partitions);
  a.number(2, m.top);
  a.number(3, m.namespaces_max);
  a.hash(4, m.splits);
}

template <typename A>
void describe(A& a, typename A::template Of<store::TopEntry> m) {
  a.id(1, m.id);
  a.number(2, m.access_count);
  a.time(3, m.last_accessed_at_ms);
  a.text(4, m.query_text_preview, kPreviewBytesMax);
  if (a.version() >= 3) a.stamp(5, m.version);
}

using NamedTop = std::pair<std::string, std::vector<store::TopEntry>>;
template <typename A>
void describe(A& a, typename A::template Of<NamedTop> m) {
  a.text(1, m.first, kListingTextBytesMax);
  a.list(2, m.second);
}

template <typename A>
void describe(A& a, typename A::template Of<TopEntriesReply> m) {
  a.list(1, m.namespaces);
}

template <typename A>
void describe(A& a, typename A::template Of<CountEntriesMessage> m) {
  a.partitions(1, m.partitions);
  a.hash(2, m.splits);
}

FERRO_WIRE_MESSAGE(ListNamespacesMessage);
FERRO_WIRE_MESSAGE(ListNamespacesReply);
FERRO_WIRE_MESSAGE(TopEntriesMessage);
FERRO_WIRE_MESSAGE(TopEntriesReply);
FERRO_WIRE_MESSAGE(CountEntriesMessage);

}  // namespace ferro::node::cluster
