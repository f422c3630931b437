#include "node/cluster/ring/attendance.h"

#include <utility>

namespace ferro::node::cluster {
namespace {

Attendee as_it_says(const Member& member) {
  Attendee said;
  said.live = is_live(member);
  said.left = member.left;
  said.generation = member.generation;
  said.state = state_of(member);
  said.weight = number_of(member, kWeightKey, kRingWeightMax);
  said.factor = number_of(member, kFactorKey, kRingFactorMax);
  said.target = fingerprint_of(member, kTargetKey);
  said.synced = fingerprint_of(member, kSyncedKey);
  if (const auto splits = member.values.find(kSplitsKey); splits != member.values.end()) {
    if (auto table = model::parse_splits(splits->second); table.ok()) said.splits = *std::move(table);
  }
  const auto ring = member.values.find(kRingKey);
  if (ring != member.values.end()) said.ring_hash = hash_of_ring(ring->second);
  return said;
}

bool in_ring(const RingRecord& ring, const NodeId& node) {
  for (const RingMember& member : ring.members) {
    if (member.id == node) return true;
  }
  return false;
}

}  // namespace

bool Attendance::note(const std::vector<Member>& members, const NodeId& self, const RingRecord& ring,
                      int64_t now_ms) {
  bool reconnected = false;
  Attendees next;
  for (const Member& member : members) {
    if (member.id == self) continue;
    Attendee& attendee = next.emplace(member.id, as_it_says(member)).first->second;
    // Of a stranger that is only talked of it is not known whether it is still there. Of a member of the ring
    // it is believed until it is known better: it may be writing.
    attendee.live = attendee.live && (member.proven || in_ring(ring, member.id));
    // It can neither follow such a ring nor be waited for.
    if (!ring.splits.empty() && attendee.knows_no_splits()) attendee.live = false;
  }
  for (const RingMember& member : ring.members) {
    if (member.id != self) next.try_emplace(member.id);  // forgotten by gossip, or not heard of yet
  }
  for (auto& [node, attendee] : next) {
    const Attendee* before = find(node);
    if (!attendee.live) {
      attendee.absent_since_ms = before != nullptr && !before->live ? before->absent_since_ms : now_ms;
      if (attendee.generation == 0 && before != nullptr) attendee.generation = before->generation;
    } else if (before != nullptr && !before->live && before->generation == attendee.generation) {
      reconnected = reconnected || in_ring(ring, node);
    }
  }
  if (const Attendee* own = find(self); own != nullptr) next.emplace(self, *own);
  attendees_ = std::move(next);
  return reconnected;
}

const Attendee* Attendance::find(std::string_view node) const {
  const auto found = attendees_.find(node);
  return found == attendees_.end() ? nullptr : &found->second;
}

bool Attendance::live(std::string_view node) const {
  const Attendee* attendee = find(node);
  return attendee != nullptr && attendee->live;
}

}  // namespace ferro::node::cluster
