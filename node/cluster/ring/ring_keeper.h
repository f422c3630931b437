// Keeps this node's view of the ring: the one in force, the one the members ought to form, and the way from
// one to the other. Join, leave, death, return and restart are one mechanism: the target changes, everybody
// in it catches up, the target comes into force. docs/cluster.md, "Ring changes".
//
// Pure state: members and time in, placements and own values out; no I/O, no threads. Owned by the cluster
// node, on its loop. Times are milliseconds of a clock that never goes back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "node/cluster/membership/membership.h"
#include "node/cluster/placement/placement.h"
#include "node/cluster/ring/attendance.h"
#include "node/cluster/ring/member_values.h"
#include "node/cluster/ring/ring_record.h"
#include "node/cluster/ring/target_ring.h"

namespace ferro::node::cluster {

struct RingOptions {
  NodeId self;
  uint32_t weight = 64;
  size_t factor = 2;
  int64_t re_replicate_after_ms = 30'000;
  bool dead_removal = true;
  bool seeds = false;                // there is somebody to look for before forming a ring alone
  bool knows_splits = true;          // false: as a node of a version that does not (tests)
  bool holds_entries = false;        // of rings formed alone, that of a node with data goes before others
  int64_t bootstrap_wait_ms = 2000;  // for seeds and for the members of the stored ring
  // Not updated for so long: the process was stopped, so others may have gone on without this node.
  int64_t stall_ms = 5000;
};

// Writers wait so long for an owner and go on without it. Not below a second, because a busy machine stops a
// process for some hundred milliseconds; not above five, because by then it is taken for dead.
constexpr int64_t stall_ms_of(int64_t request_timeout_ms) noexcept {
  return std::clamp<int64_t>(request_timeout_ms, 1000, 5000);
}

// To be gossiped; an empty value is to be erased.
struct OwnValue {
  std::string key, value;
  friend bool operator==(const OwnValue&, const OwnValue&) = default;
};

class RingKeeper {
 public:
  using State = NodeState;

  RingKeeper(RingOptions options, std::optional<RingRecord> stored, int64_t now_ms);

  // Looks at what everybody says; call after every gossip exchange, every tick and every call below that
  // changes something. Answers which own values have changed since the last call.
  std::vector<OwnValue> update(const std::vector<Member>& members, int64_t now_ms);

  // Never null; empty until there is a ring. Reads go to current's owners.
  const std::shared_ptr<const Placement>& current() const noexcept { return current_; }
  const std::shared_ptr<const Placement>& target() const noexcept { return target_; }
  // All rings whose owners a write must reach: the current one, the target, and those that some live member
  // may still read by because it has not heard of the current one. Distinct.
  const std::vector<std::shared_ptr<const Placement>>& write_rings() const noexcept { return write_rings_; }
  // What core keeps on disk when its epoch or members change; epoch 0 while there is none.
  const RingRecord& record() const noexcept { return record_; }
  const std::string& record_text() const noexcept { return record_text_; }  // encoded; empty: there is none
  uint64_t epoch() const noexcept { return record_.epoch; }
  // Another ring is to come, or the current one has not reached every live member.
  bool changing() const noexcept { return moving() || !outdated_.empty(); }

  // Every live member reads by the current ring and writes to the target: catching up may start.
  bool target_agreed() const noexcept { return agreed_; }
  // This node has caught up with the target (and is complete in the current ring if it is in that).
  bool in_sync() const noexcept;
  // The copies that this node ought to have by the current ring are whole ...
  bool whole() const noexcept { return complete_; }
  // ... and nothing else keeps it from answering for them.
  bool complete() const noexcept { return complete_ && unfit_.empty(); }
  // Enough of the ring's members are here to change it.
  bool quorum() const noexcept { return quorum_; }
  // Somebody who wants to join is left out: a ring has no more members than one gossiped value holds.
  bool full() const noexcept { return full_; }
  // The ring is the cluster's as it is now, not only remembered or missing.
  bool settled() const noexcept { return settled_; }
  // Taken part in the cluster's life until now: what the time kept on disk as "last alive" is renewed by.
  bool connected() const noexcept { return settled_ && quorum_ && complete_; }

  // From the syncer: every partition that this node owns in either of these two was compared with its other
  // live owners. Void if either is no longer the one.
  void caught_up(uint64_t current_fingerprint, uint64_t target_fingerprint);
  // Others may have gone on without this node: it is joining until it has compared again. The keeper notices
  // by itself when the process was stopped and when it was cut off together with less than half of the ring.
  void fall_behind();
  // It may not answer for its partitions, whatever copies it has, and why; empty: it may again, once it has
  // compared.
  void set_unfit(std::string why);
  // What this node wants to be split; of what the ring has already nothing is undone.
  void want_splits(model::SplitTable wanted) { wanted_splits_ = std::move(wanted); }
  // From the syncer: this node holds nothing that not all of its owners in this ring have as well.
  void handed_over(uint64_t ring_fingerprint) { handed_over_ = ring_fingerprint; }

  // failed_precondition when no other live member would remain. Reversible at any moment.
  Status set_draining(bool draining);
  // Members of the ring in force that have been away for so long, whoever else has forgotten them: they keep
  // their place.
  std::vector<NodeId> absent(int64_t now_ms, int64_t for_ms) const;
  // Members, by name, that keep namespaces from being split: they do not know how, or have not said.
  std::vector<NodeId> not_splitting() const;

  State state() const;
  std::string reason() const;   // why it is not ready; empty if it is
  std::string pending() const;  // what a ring change waits for; empty if there is none

 private:
  struct Candidate {
    RingRecord ring;
    std::string text;
    bool complete = false;  // told by a live member that answers for its partitions
  };

  void notice_stall(int64_t now_ms);
  std::vector<Candidate> told_rings(const std::vector<Member>& members, bool live_only) const;
  void settle(const std::vector<Member>& members, int64_t now_ms);
  void adopt_highest(const std::vector<Member>& members);
  void adopt(RingRecord ring);
  std::shared_ptr<const Placement> placement_of(const RingRecord& ring) const;
  void follow_members(int64_t now_ms);
  void judge_agreement();
  bool moving() const noexcept { return current_->fingerprint() != target_->fingerprint(); }
  void list_write_rings();
  std::vector<NodeId> not_agreed() const;
  bool publish_due() const;
  Attendee self_attendee() const;
  bool in(const Placement& placement) const;
  std::vector<NodeId> not_synced() const;
  std::map<std::string, std::string> own_values() const;

  const RingOptions options_;
  const int64_t started_ms_;
  std::optional<int64_t> updated_ms_;
  RingRecord record_;
  std::string record_text_;
  std::shared_ptr<const Placement> current_ = std::make_shared<const Placement>();
  std::shared_ptr<const Placement> target_ = std::make_shared<const Placement>();
  std::vector<std::shared_ptr<const Placement>> outdated_;  // rings that somebody may still read by
  std::vector<std::shared_ptr<const Placement>> write_rings_;
  Attendance attendance_;

  bool settled_ = false;  // the ring is the cluster's, not just remembered or missing
  bool complete_ = false;
  bool quorum_ = true, anybody_ = true, full_ = false, agreed_ = false;
  bool cut_ = false;  // members on the other side of a cut have gone on while there was no quorum here
  bool draining_ = false;
  std::string unfit_;
  model::SplitTable wanted_splits_;
  std::optional<uint64_t> synced_;       // the target that this node has caught up with
  std::optional<uint64_t> handed_over_;  // the ring for which nothing is left to hand over
  std::map<std::string, std::string> told_;
};

}  // namespace ferro::node::cluster
