// The messages of the membership protocol, as values. Encoding: codec.h, docs/formats/peer_protocol.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/cluster/placement/placement.h"

namespace ferro::node::cluster {

// What a node knows of another: everything up to `max_version` of that generation. Versions at or below
// `collected` whose value is not known were erased.
struct GossipDigest {
  NodeId node;
  uint64_t generation = 0;
  uint64_t heartbeat = 0;
  uint64_t max_version = 0;
  uint64_t collected = 0;
};

struct GossipValue {
  std::string key;
  std::string value;
  uint64_t version = 0;
  bool erased = false;
};

// All values of one node with versions in (since, upto], by rising version; it applies to who knows
// everything up to `since`. `reset`: the receiver forgets what it held of that node first, because it knows
// nothing of it (or of this generation), or lags behind what has been collected; `since` is 0 then.
struct GossipDelta {
  NodeId node;
  uint64_t generation = 0;
  uint64_t heartbeat = 0;
  uint64_t collected = 0;
  uint64_t since = 0, upto = 0;
  bool reset = false;
  std::vector<GossipValue> values;
};

struct GossipSyn {
  std::vector<GossipDigest> digests;
  bool complete = true;  // false: some of the members that the sender knows, there are too many
};
struct GossipAck {
  std::vector<GossipDigest> digests;  // of whom the sender wants to know more: what it knows so far
  std::vector<GossipDelta> deltas;
  int64_t wall_ms = 0;  // the sender's wall clock; 0 = it does not say
};
struct GossipAck2 {
  std::vector<GossipDelta> deltas;
};

inline constexpr size_t kGossipBytesMax = 64U << 10;  // one message: some 300 members' digests, or values
inline constexpr size_t kGossipMembersMax = 1000;
inline constexpr size_t kGossipKeyBytesMax = 64;
inline constexpr size_t kGossipValueBytesMax = 16U << 10;  // a ring of a hundred members
inline constexpr size_t kGossipValuesMax = 64;             // of one member

}  // namespace ferro::node::cluster
