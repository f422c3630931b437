// What stands behind a Member: its values by version, and how its heartbeats came. Private to
// node/cluster/membership.
#pragma once

#include <cstdint>

#include "node/cluster/membership/arrival_window.h"
#include "node/cluster/membership/membership.h"
#include "node/cluster/membership/replica.h"

namespace ferro::node::cluster {

// The key under which a node says goodbye. Part of the protocol; not shown among the values.
inline constexpr std::string_view kLeftKey = "left";

struct Membership::Known {
  Known(uint64_t generation, int64_t gossip_interval_ms, int64_t now_ns)
      : replica(generation), arrivals(gossip_interval_ms, now_ns) {}

  Replica replica;
  ArrivalWindow arrivals;
  int64_t gone_since_ns = 0;       // while it is dead or has left
  unsigned beats_since_death = 0;  // one may be old news that took long; two are a life
  uint64_t knows_of_self = 0;      // of this node's values, it is known to have all up to this version
};

}  // namespace ferro::node::cluster
