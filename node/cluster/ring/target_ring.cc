#include "node/cluster/ring/target_ring.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "node/cluster/wire/gossip.h"
#include "node/model/partition.h"

namespace ferro::node::cluster {
namespace {

const RingMember* find_member(const RingRecord& ring, std::string_view node) {
  const auto found =
      std::lower_bound(ring.members.begin(), ring.members.end(), node,
                       [](const RingMember& member, std::string_view id) { return member.id < id; });
  return found != ring.members.end() && found->id == node ? &*found : nullptr;
}

// At least half of those who have a say: the ring's members, without the ones that said goodbye (they are on
// no other side of a cut), and whoever came to join. With two nodes the survivor goes on alone; the price,
// two rings after an even split, is paid by merging them.
bool has_quorum(const RingRecord& current, const Attendance& attendance) {
  size_t voters = 0;
  size_t live = 0;
  for (const auto& [node, attendee] : attendance.all()) {
    const bool member = find_member(current, node) != nullptr;
    const bool joins = attendee.live && attendee.takes_part();
    if (member ? attendee.left : !joins) continue;
    ++voters;
    if (attendee.live) ++live;
  }
  return live * 2 >= voters;
}

bool keeps_its_place(const Attendee& attendee, const TargetRules& rules, int64_t now_ms) {
  if (attendee.state && !attendee.takes_part()) return false;  // it was leaving when it went
  return !rules.dead_removal || now_ms - attendee.absent_since_ms < rules.grace_ms;
}

// Never fewer copies than anyone asks for; while it is not known what somebody asks for, none fewer than now.
size_t factor_of(const RingRecord& ring, const RingRecord& current, const Attendance& attendance) {
  size_t factor = 1;
  for (const RingMember& member : ring.members) {
    const Attendee* attendee = attendance.find(member.id);
    const bool said = attendee != nullptr && attendee->factor;
    factor = std::max<size_t>(factor, said ? *attendee->factor : current.factor);
  }
  return factor;
}

// What any of them wants, once all of them know what that is: who is away counts too, it may come back as it
// was. What is split stays split.
model::SplitTable splits_of(const RingRecord& current, const Attendance& attendance) {
  model::SplitTable wanted;
  for (const auto& [node, attendee] : attendance.all()) {
    const bool concerned = attendee.live || find_member(current, node) != nullptr;
    if (!concerned) continue;
    if (!attendee.splits) return current.splits;
    if (attendee.live) wanted = model::SplitTable::merged(wanted, *attendee.splits);
  }
  return model::SplitTable::merged(current.splits, wanted);
}

// Takes the last newcomers off until the ring fits into one gossiped value. If it still does not (members of
// `current` ask for weights of more digits), nothing changes.
bool fit(RingRecord& ring, const RingRecord& current) {
  bool left_out = false;
  RingRecord longest = ring;
  longest.epoch = UINT64_MAX;
  longest.factor = kRingFactorMax;
  // Members go before splits.
  if (!fits_into_gossip(longest)) ring.splits = longest.splits = current.splits;
  while (!fits_into_gossip(longest)) {
    const auto newcomer =
        std::find_if(longest.members.rbegin(), longest.members.rend(),
                     [&](const RingMember& member) { return find_member(current, member.id) == nullptr; });
    if (newcomer == longest.members.rend()) {
      ring.members = current.members;
      return true;
    }
    longest.members.erase(std::next(newcomer).base());
    left_out = true;
  }
  ring.members = std::move(longest.members);
  return left_out;
}

}  // namespace

TargetRing choose_target(const RingRecord& current, const Attendance& attendance, const TargetRules& rules,
                         int64_t now_ms) {
  TargetRing target;
  target.quorum = has_quorum(current, attendance);
  target.anybody = false;
  for (const auto& [node, attendee] : attendance.all()) {  // by id
    const RingMember* member = find_member(current, node);
    const uint32_t weight = member != nullptr ? member->weight : RingMember().weight;
    if (!attendee.live) {
      if (member != nullptr && keeps_its_place(attendee, rules, now_ms)) {
        target.ring.members.push_back({node, weight});
      }
    } else if (attendee.takes_part()) {
      target.ring.members.push_back({node, static_cast<uint32_t>(attendee.weight.value_or(weight))});
      target.anybody = true;
    } else if (!attendee.state && member != nullptr) {  // back, and has not said a word yet
      target.ring.members.push_back({node, weight});
    }
  }
  if (!target.quorum || !target.anybody) {
    target.ring.members = current.members;
    target.ring.factor = current.factor;
    target.ring.splits = current.splits;
    return target;
  }
  target.ring.splits = splits_of(current, attendance);
  target.full = fit(target.ring, current);
  target.ring.factor = factor_of(target.ring, current, attendance);
  return target;
}

bool keeps_live_owners(const Placement& from, const Placement& to, const Attendance& attendance) {
  const auto liveness = [&attendance](const Placement& placement) {
    std::vector<bool> live;
    live.reserve(placement.members().size());
    for (const RingMember& member : placement.members()) live.push_back(attendance.live(member.id));
    return live;
  };
  const std::vector<bool> live_from = liveness(from);
  const std::vector<bool> live_to = liveness(to);
  const auto any = [](std::span<const uint16_t> owners, const std::vector<bool>& live) {
    return std::any_of(owners.begin(), owners.end(), [&live](uint16_t owner) { return live[owner]; });
  };
  for (size_t partition = 0; partition < model::kPartitions; ++partition) {
    const auto number = static_cast<uint16_t>(partition);
    if (any(from.owners(number), live_from) && !any(to.owners(number), live_to)) return false;
  }
  for (const model::Split& split : to.splits()->splits()) {
    for (const auto& shard : to.splits()->shards_of(split.ns)) {
      const auto slot = static_cast<unsigned>(std::countr_zero(shard.slots));
      const uint16_t before = from.splits()->partition_of(split.ns, slot);
      if (any(from.owners(before), live_from) && !any(to.owners(shard.partition), live_to)) return false;
    }
  }
  return true;
}

}  // namespace ferro::node::cluster
