// Who of the ring and of its surroundings is there, since when not, and what each says about the ring: the
// gossip's members in the ring keeper's terms.
//
// Owned by RingKeeper, on the loop. Pure state.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "node/cluster/membership/membership.h"
#include "node/cluster/ring/member_values.h"
#include "node/cluster/ring/ring_record.h"

namespace ferro::node::cluster {

struct Attendee {
  bool live = false;
  bool left = false;  // said goodbye
  uint64_t generation = 0;
  int64_t absent_since_ms = 0;     // while it is not live: since when this node has known
  std::optional<PeerState> state;  // the rest: as it says; nothing if it has not
  std::optional<uint64_t> weight, factor, target, synced;
  size_t ring_hash = 0;                     // hash_of_ring() of the text that it says
  std::optional<model::SplitTable> splits;  // what it wants split; nothing if it does not know of splits

  // It has said something, and nothing of splits: of a version that cannot read a ring that has them.
  bool knows_no_splits() const noexcept { return state && !splits; }
  // Wants to own partitions.
  bool takes_part() const noexcept {
    return state && (state->state == NodeState::joining || state->state == NodeState::ready);
  }
};

inline size_t hash_of_ring(std::string_view text) {
  return std::hash<std::string_view>()(text);
}

class Attendance {
 public:
  using Attendees = std::map<NodeId, Attendee, std::less<>>;

  // Everybody that gossip or the ring knows except `self`, whose entry is set_self()'s. Answers whether a
  // member of the ring came back that had been running all along (the same generation): the way to it was
  // cut.
  bool note(const std::vector<Member>& members, const NodeId& self, const RingRecord& ring, int64_t now_ms);
  void set_self(const NodeId& self, const Attendee& attendee) { attendees_[self] = attendee; }

  const Attendees& all() const noexcept { return attendees_; }
  const Attendee* find(std::string_view node) const;
  bool live(std::string_view node) const;

 private:
  Attendees attendees_;
};

}  // namespace ferro::node::cluster
