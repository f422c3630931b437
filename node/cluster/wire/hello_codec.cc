// Hello and the messages of the membership protocol.
#include "common/base/limits.h"
#include "node/cluster/wire/coding.h"

namespace ferro::node::cluster {

template <typename A>
void describe(A& a, typename A::template Of<Hello> m) {
  a.number(1, m.version_min);
  a.number(2, m.version);
  a.text(3, m.cluster_id, kWireNameBytesMax);
  a.id(4, m.node);
  a.number(5, m.generation);
  a.text(6, m.software, kWireNameBytesMax);
  a.number(7, m.clock_ms);
  a.require(m.version_min >= 1 && m.version_min <= m.version, "the protocol versions are not a range");
}

template <typename A>
void describe(A& a, typename A::template Of<GossipDigest> m) {
  a.id(1, m.node);
  a.number(2, m.generation);
  a.number(3, m.heartbeat);
  a.number(4, m.max_version);
  a.number(5, m.collected);
  a.require(m.generation > 0, "the generation is missing");
}

template <typename A>
void describe(A& a, typename A::template Of<GossipValue> m) {
  a.id(1, m.key);
  a.bytes(2, m.value, kGossipValueBytesMax);
  a.number(3, m.version);
  a.flag(4, m.erased);
  a.require(m.key.size() <= kGossipKeyBytesMax, "the key is too long");
  a.require(m.version > 0, "the version of a value is missing");
  a.require(!m.erased || m.value.empty(), "an erased key has a value");
}

// Strictly rising, all after `since`, none after `upto`.
bool versions_fit(const GossipDelta& delta) noexcept {
  uint64_t last = delta.since;
  for (const GossipValue& value : delta.values) {
    if (value.version <= last) return false;
    last = value.version;
  }
  return last <= delta.upto;
}

template <typename A>
void describe(A& a, typename A::template Of<GossipDelta> m) {
  a.id(1, m.node);
  a.number(2, m.generation);
  a.number(3, m.heartbeat);
  a.number(4, m.collected);
  a.number(5, m.since);
  a.number(6, m.upto);
  a.flag(7, m.reset);
  a.list(8, m.values, kGossipValuesMax);
  a.require(m.generation > 0, "the generation is missing");
  a.require(versions_fit(m), "the values are not in order of their versions");
  a.require(!m.reset || m.since == 0, "a reset begins at the first version");
}

template <typename A>
void describe(A& a, typename A::template Of<GossipSyn> m) {
  a.at_most(kGossipBytesMax);
  a.list(1, m.digests, kGossipMembersMax);
  a.flag(2, m.complete, true);
}

template <typename A>
void describe(A& a, typename A::template Of<GossipAck> m) {
  a.at_most(kGossipBytesMax);
  a.list(1, m.digests, kGossipMembersMax);
  a.list(2, m.deltas, kGossipMembersMax);
  if (a.version() >= 3) a.time(3, m.wall_ms);
}

template <typename A>
void describe(A& a, typename A::template Of<GossipAck2> m) {
  a.at_most(kGossipBytesMax);
  a.list(1, m.deltas, kGossipMembersMax);
}

FERRO_WIRE_MESSAGE(Hello);
FERRO_WIRE_MESSAGE(GossipSyn);
FERRO_WIRE_MESSAGE(GossipAck);
FERRO_WIRE_MESSAGE(GossipAck2);

}  // namespace ferro::node::cluster
