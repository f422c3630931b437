// Keeps this node's copies level with those of the other owners: catches up with a ring to come, compares for
// as long as it runs, hands over what it no longer owns, and answers others that do the same.
// docs/cluster.md, "Repair".
//
// Owned by the cluster node, on its loop; engine, loop and peers outlive it. It decides nothing about rings:
// it is told (set_view) and tells back (SyncEvents).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "node/cluster/peers/peers.h"
#include "node/cluster/runtime/loop.h"
#include "node/cluster/sync/sync_view.h"
#include "node/cluster/sync/transfer.h"
#include "node/engine/engine.h"

namespace ferro::node::cluster {

class CatchUp;
class HandOver;
class Parting;
class Repair;
class SyncServer;

struct SyncOptions {
  NodeId self;
  int64_t repair_interval_ms = 30'000;
  uint64_t repair_bytes_per_second = 32U << 20;
  // Wall time at which this node was last alive in the cluster, as it was kept on disk; 0 = never.
  int64_t last_alive_ms = 0;
  int64_t call_timeout_ms = 5000;
};

// Called on the loop, never from within a call to the syncer.
struct SyncEvents {
  std::function<void(uint64_t current, uint64_t target)> caught_up;  // for RingKeeper::caught_up
  std::function<void(uint64_t ring)> handed_over;                    // for RingKeeper::handed_over
};

struct SyncFigures {
  struct Job {
    bool running = false;
    uint64_t partitions_done = 0, partitions_total = 0;
    std::string trouble;  // why it is held up; empty if it is not
  };
  Job catch_up, hand_over;
  Moved fetched, pushed;         // since the start, by all of the jobs
  uint64_t entries_removed = 0;  // handed over and removed here
  uint64_t repair_rounds = 0;    // with one peer each
};

class Syncer {
 public:
  Syncer(SyncOptions options, engine::Engine& engine, Loop& loop, Peers& peers, SyncEvents events);
  ~Syncer();
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;

  // After every RingKeeper::update.
  void set_view(SyncView view);
  // A peer has asked; false if the type is none of digests, versions, fetch and apply.
  bool on_request(const NodeId& from, MessageType type, std::string_view body, uint16_t version,
                  const RespondFn& respond);
  // Compare soon, not when it is due: a member has come back, hints were dropped.
  void hurry();
  // Whether nothing is left to hand over is told once more, at the next tick: a drain has begun or ended.
  void tell_handed_over_again();
  // A stop is near: what is here is compared with every live owner, and given to those that lack it. Each
  // call begins anew; the end shows in parting().
  void start_parting();
  void stop();  // nothing is called back any more

  // As last compared with every other live owner of the current ring.
  bool in_step(uint16_t partition) const;
  // Not compared yet with all of them since the ring is as it is and somebody last came back.
  model::PartitionSet uncompared() const;
  // What to keep on disk now and then, and give to the next life as SyncOptions::last_alive_ms.
  int64_t last_alive_ms() const noexcept { return last_alive_ms_; }
  SyncFigures figures() const;
  const Parting& parting() const noexcept { return *parting_; }

 private:
  void tick();
  void follow();
  int64_t away_since_ms() const;
  int64_t doubtful_upto_ms() const;

  const SyncOptions options_;
  engine::Engine& engine_;
  Loop& loop_;
  SyncEvents events_;
  Transfer transfer_;
  SyncView view_;
  int64_t last_alive_ms_;
  Loop::TimerId timer_ = 0;
  std::unique_ptr<SyncServer> server_;
  std::unique_ptr<CatchUp> catch_up_;  // null while there is nothing to catch up with
  std::unique_ptr<Repair> repair_;
  std::unique_ptr<HandOver> hand_over_;
  std::unique_ptr<Parting> parting_;
};

}  // namespace ferro::node::cluster
