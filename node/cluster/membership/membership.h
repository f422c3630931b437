// Who is in the cluster and what each says of itself: scuttlebutt reconciliation (van Renesse et al. 2008) of
// versioned key-values, with phi-accrual failure detection (Hayashibara et al. 2004).
//
// Pure state: messages and time in, messages and views out; no I/O, no threads. Owned by the cluster node, on
// its loop. Every message is bounded (kGossipBytesMax); what does not fit comes in later rounds, oldest
// versions first. docs/cluster.md, "Membership".
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/time/clock.h"
#include "node/cluster/wire/gossip.h"

namespace ferro::node::cluster {

enum class Liveness : uint8_t { alive, suspected, dead };

struct MembershipOptions {
  NodeId self;
  uint64_t generation = 1;  // grows with every start of this node (kept in the data folder)
  double phi_threshold = 8.0;
  int64_t gossip_interval_ms = 500;
  // A dead or departed member is gone from every view after this long; until then it stands in dead_nodes.
  int64_t forget_after_ms = 3'600'000;
};

struct Member {
  NodeId id;
  uint64_t generation = 0;
  uint64_t heartbeat = 0;
  Liveness liveness = Liveness::alive;
  // Its heartbeat has grown since it was first heard of, or it was in touch itself. Until then it may be long
  // gone and only still talked of.
  bool proven = false;
  double phi = 0.0;
  bool left = false;           // it said goodbye: planned, not a death
  int64_t unreachable_ms = 0;  // how long it has been dead; 0 while it is not
  std::map<std::string, std::string, std::less<>> values;

  std::string_view value(std::string_view key) const;  // empty if it says nothing of the kind
};

class Membership {
 public:
  // `clock` outlives it.
  Membership(MembershipOptions options, const Clock& clock);
  ~Membership();
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  // --- this node's own values; key, value and number of keys within the limits of wire/gossip.h ---
  void set(std::string_view key, std::string value);
  void erase(std::string_view key);  // leaves a tombstone until everybody has seen it
  void beat();                       // once a round: the heartbeat that others detect failures by
  void leave();                      // says goodbye; the last thing to gossip

  // --- one exchange: syn -> ack -> ack2. Malformed content was refused by the codec. ---
  GossipSyn make_syn() const;
  // `from`: who sent it, as its link was introduced.
  GossipAck on_syn(std::string_view from, const GossipSyn& syn);
  GossipAck2 on_ack(const GossipAck& ack);
  void on_ack2(const GossipAck2& ack2);

  // Judges every member by the time that has passed since its last heartbeat; forgets who is due.
  void tick();
  // A frame of this member just came in: evidence beside the gossip. Never revives a member whose heartbeat
  // stands still.
  void note_contact(std::string_view node);

  // Sorted by id, this node included. The reference holds until the next non-const call.
  const std::vector<Member>& members() const;
  const Member* find(std::string_view node) const;
  // Whom to gossip with this round: `count` live ones at random, now and then a dead one beside them (so that
  // a healed partition is noticed); `random` gives 64 bits.
  std::vector<NodeId> choose_targets(const std::function<uint64_t()>& random, size_t count) const;
  // Of this node: the one it was made with, or a higher one if others remembered it with that (its data
  // folder was lost or is older than they know). To be kept for the next start.
  uint64_t generation() const noexcept;
  // Others have again and again heard of a newer life of this node than itself: another process has its id.
  bool contested() const;
  std::string_view rival_value(std::string_view key) const;  // of that one, as last heard; empty if nothing
  // Grows whenever members() changed in more than heartbeats and phi.
  uint64_t change_count() const noexcept { return changes_; }

 private:
  struct Known;  // what stands behind a Member
  struct Forgotten {
    NodeId node;
    uint64_t generation = 0, heartbeat = 0;
  };
  struct Answer {  // owed to a peer: of this member, to who knows that (nothing, if null)
    size_t index = 0;
    const GossipDigest* known = nullptr;
  };
  static constexpr size_t kNone = SIZE_MAX;

  size_t index_of(std::string_view node) const noexcept;
  void add(const GossipDelta& delta);
  void remove(size_t index);
  void begin_generation(size_t index, const GossipDelta& delta);
  void values_changed(size_t index);
  void beat_seen(size_t index, uint64_t heartbeat);
  void set_liveness(size_t index, Liveness liveness);
  bool is_forgotten(std::string_view node, uint64_t generation, uint64_t heartbeat) const;
  void note_claim();
  void claim_self(uint64_t generation, uint64_t version, uint64_t heartbeat);
  void compare(const GossipDigest& theirs, std::vector<GossipDigest>& wanted, std::vector<Answer>& answers);
  void take(const std::vector<GossipDelta>& deltas);
  void take(const GossipDelta& delta);
  std::vector<GossipDelta> compose(std::vector<Answer> answers, size_t budget);
  void forgive_own_pause(int64_t now_ns);
  void judge(size_t index, int64_t now_ns);
  void collect_erased();
  void forget_the_long_gone(int64_t now_ns);

  const MembershipOptions options_;
  const Clock& clock_;
  std::vector<Member> members_;                // by id
  std::vector<std::unique_ptr<Known>> known_;  // of the member at the same index
  size_t self_ = 0;
  std::deque<Forgotten> forgotten_;  // oldest first
  // When this node last had to take a higher generation, and what the one it had it from says.
  std::deque<int64_t> claimed_ns_;
  std::map<std::string, std::string, std::less<>> rival_values_;
  int64_t last_tick_ns_ = 0;
  uint64_t exchanges_ = 0;  // turns who comes first in a message that is too small for all
  uint64_t changes_ = 0;
};

}  // namespace ferro::node::cluster
