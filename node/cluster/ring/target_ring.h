// Which ring the members ought to form, as one of them sees them: the rules, as pure functions.
// docs/cluster.md, "Ring changes".
#pragma once

#include <cstdint>

#include "node/cluster/placement/placement.h"
#include "node/cluster/ring/attendance.h"
#include "node/cluster/ring/ring_record.h"

namespace ferro::node::cluster {

struct TargetRules {
  bool dead_removal = true;
  int64_t grace_ms = 30'000;  // a member that is away keeps its place for so long
};

struct TargetRing {
  RingRecord ring;      // epoch 0; members, factor and splits only
  bool quorum = true;   // false: too few of `current` are here to change anything; `ring` is as it was
  bool anybody = true;  // false: all who are here want to leave; `ring` is as it was
  bool full = false;    // somebody who wants to join was left out: the ring would not fit into gossip
};

// `current` has members. Members here or hereabouts who take part, and those of `current` who are away for
// less than the grace time, or whom nobody may remove.
TargetRing choose_target(const RingRecord& current, const Attendance& attendance, const TargetRules& rules,
                         int64_t now_ms);

// No partition, and no shard, that has a live owner in `from` is without one in `to`.
bool keeps_live_owners(const Placement& from, const Placement& to, const Attendance& attendance);

}  // namespace ferro::node::cluster
