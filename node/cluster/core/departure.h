// What a node that was told to stop does before it goes, so that nothing is lost if its disk never comes
// back: it steps aside, compares what it holds with the other owners and gives them what they lack, waits
// until they have confirmed what it decided, and where nobody else who is there owns something, leaves the
// ring so that others take it over. docs/cluster.md, "Leaving and stopping".
//
// Owned by the cluster node, on its loop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "node/cluster/core/context.h"
#include "node/cluster/core/replicator.h"
#include "node/cluster/membership/membership.h"
#include "node/cluster/ring/ring_keeper.h"
#include "node/cluster/sync/syncer.h"

namespace ferro::node::cluster {

// How things stand with a node that wants to go.
struct Standing {
  bool others = false;  // a live member beside it
  bool takers = false;  // one that is not about to go itself
  bool draining = false, drained = false;
  bool in_ring = false, whole = false;  // RingKeeper's
  bool compared = false;                // with every owner that is there
  uint64_t only_mine = 0;               // partitions
  uint64_t unconfirmed = 0;             // operations, by those that are there
};

enum class DepartureStage : uint8_t { catching_up, comparing, confirming, handing_over, over };
// Pure.
DepartureStage next_stage(const Standing& standing) noexcept;

class Departure {
 public:
  // `ring_changed` is called when the ring keeper was told something that everybody must hear of.
  Departure(Context& context, const Membership& membership, RingKeeper& ring, const Replicator& replicator,
            Syncer& syncer, std::function<void()> ring_changed);

  // Compares anew and goes through the stages for at most so long. Times are of the loop's steady clock.
  // `decides_no_more`: what is on its way is waited for too; before that there may always be something, and
  // only what an owner could not take is.
  void begin(int64_t now_ms, int64_t timeout_ms, bool decides_no_more);
  // A step further; true when it is over, or its time.
  bool poll(int64_t now_ms);

  using Progress = ClusterStatus::Departure;
  const Progress& progress() const noexcept { return progress_; }

 private:
  Standing look();
  void enter(DepartureStage stage, const Standing& standing);
  std::string waits_for(DepartureStage stage) const;
  std::string what_is_left(DepartureStage stage, const Standing& standing) const;

  Context& context_;
  const Membership& membership_;
  RingKeeper& ring_;
  const Replicator& replicator_;
  Syncer& syncer_;
  std::function<void()> ring_changed_;
  int64_t deadline_ms_ = 0, said_ms_ = 0;
  uint64_t hints_dropped_ = 0;
  bool decides_no_more_ = false;
  bool drains_ = false;       // because of this
  std::vector<NodeId> slow_;  // those that have not confirmed everything
  Progress progress_;
};

}  // namespace ferro::node::cluster
