// What keeps copies in step: operations, digests, versions.
#include <bit>

#include "common/base/limits.h"
#include "node/cluster/wire/coding.h"

namespace ferro::node::cluster {

namespace {

constexpr uint16_t kPartitionMax = model::kPartitions - 1;

}  // namespace

template <typename A>
void describe(A& a, typename A::template Of<ApplyMessage> m) {
  a.blobs(1, m.operations);
}

template <typename A>
void describe(A& a, typename A::template Of<ApplyReply> m) {
  a.number(1, m.applied);
}

template <typename A>
void describe(A& a, typename A::template Of<DigestsMessage::Item> m) {
  a.number(1, m.partition, kPartitionMax);
  a.hash(2, m.digest);
  a.hash(3, m.only);
}

template <typename A>
void describe(A& a, typename A::template Of<DigestsMessage> m) {
  a.list(1, m.items, model::kPartitions);
  a.hash(2, m.splits);
}

template <typename A>
void describe(A& a, typename A::template Of<store::Floors::OfSlots> m) {
  a.hash(1, m.slots);
  a.stamp(2, m.version);
  a.require(m.slots != 0, "no slots are named");
}

template <typename A>
void describe(A& a, typename A::template Of<NamespaceDigest> m) {
  a.key(1, m.ns);
  a.hash(2, m.digest);
  a.number(3, m.entries);
  a.stamp(4, m.floors.all);
  if (a.version() >= 2) a.number(5, m.tombstones);
  a.list(6, m.floors.some, model::kSlots);
}

template <typename A>
void describe(A& a, typename A::template Of<DigestsReply::Item> m) {
  a.number(1, m.partition, kPartitionMax);
  a.list(2, m.namespaces);
  a.flag(3, m.complete, true);
  a.hash(4, m.only);
}

template <typename A>
void describe(A& a, typename A::template Of<DigestsReply> m) {
  a.list(1, m.differing, model::kPartitions);
  a.time(2, m.collected_upto_ms);
}

template <typename A>
void describe(A& a, typename A::template Of<VersionsMessage> m) {
  a.key(1, m.ns);
  a.number(2, m.bucket);
  a.number(3, m.buckets);
  a.slots(4, m.slots);
  a.require(std::has_single_bit(m.buckets) && m.bucket < m.buckets,
            "the bucket is not one of a power of two");
}

template <typename A>
void describe(A& a, typename A::template Of<EntryVersion> m) {
  a.id(1, m.id);
  a.stamp(2, m.version);
  a.flag(3, m.tombstone);
}

template <typename A>
void describe(A& a, typename A::template Of<VersionsReply> m) {
  a.list(1, m.entries);
  a.stamp(2, m.floors.all);
  a.list(3, m.floors.some, model::kSlots);
}

template <typename A>
void describe(A& a, typename A::template Of<FetchMessage> m) {
  a.key(1, m.ns);
  a.ids(2, m.ids, true);  // an empty one asks for the namespace's floor
}

template <typename A>
void describe(A& a, typename A::template Of<FetchReply> m) {
  a.blobs(1, m.operations);
}

FERRO_WIRE_MESSAGE(ApplyMessage);
FERRO_WIRE_MESSAGE(ApplyReply);
FERRO_WIRE_MESSAGE(DigestsMessage);
FERRO_WIRE_MESSAGE(DigestsReply);
FERRO_WIRE_MESSAGE(VersionsMessage);
FERRO_WIRE_MESSAGE(VersionsReply);
FERRO_WIRE_MESSAGE(FetchMessage);
FERRO_WIRE_MESSAGE(FetchReply);

}  // namespace ferro::node::cluster
