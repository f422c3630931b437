// How much changes hands when a member comes or goes: data that has to be copied, so owners as sets.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "rings.h"

namespace ferro::node::cluster {
namespace {

constexpr double kExcessMax = 0.05;

// Share of (partition, copy) slots of `after` whose owner did not own the partition in `before`.
double moved(const Placement& before, const Placement& after) {
  size_t slots = 0;
  size_t changed = 0;
  for (uint16_t partition = 0; partition < model::kPartitions; ++partition) {
    std::set<NodeId> had;
    for (const uint16_t owner : before.owners(partition)) had.insert(before.id(owner));
    for (const uint16_t owner : after.owners(partition)) {
      ++slots;
      changed += had.count(after.id(owner)) == 0 ? 1 : 0;
    }
  }
  return static_cast<double>(changed) / static_cast<double>(slots);
}

TEST(Movement, AnotherMemberTakesItsShareAndLittleElseMoves) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    std::mt19937_64 random(seed);
    const std::vector<RingMember> members = members_of(random, 30);
    for (size_t factor = 1; factor <= 3; ++factor) {
      std::vector<RingMember> some(members.begin(), members.begin() + static_cast<ptrdiff_t>(factor));
      Placement before = Placement::build(some, factor);
      for (size_t n = factor + 1; n <= members.size(); ++n) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ", factor " + std::to_string(factor) + ", member " +
                     std::to_string(n));
        some.push_back(members[n - 1]);
        Placement after = Placement::build(some, factor);
        const double share = 1.0 / static_cast<double>(n);
        EXPECT_LE(moved(before, after), share + kExcessMax);
        EXPECT_LE(moved(after, before), share + kExcessMax);  // the same member leaves
        before = std::move(after);
      }
    }
  }
}

TEST(Movement, OneOfAHundredTakesAHundredth) {
  std::mt19937_64 random(7);
  std::vector<RingMember> members = members_of(random, 100);
  const Placement after = Placement::build(members, 2);
  members.pop_back();
  const Placement before = Placement::build(members, 2);
  EXPECT_LE(moved(before, after), 0.01 + kExcessMax);
  EXPECT_LE(moved(after, before), 0.01 + kExcessMax);
}

TEST(Movement, AChangedWeightMovesTheDifference) {
  std::mt19937_64 random(8);
  std::vector<RingMember> members = members_of(random, 5);
  const Placement before = Placement::build(members, 2);
  members[2].weight = 96;  // from 1/5 to 3/11 of everything
  EXPECT_LE(moved(before, Placement::build(members, 2)), 3.0 / 11 - 1.0 / 5 + kExcessMax);
}

// Placement is a function of the members: leaving and coming back restores every owner.
TEST(Movement, ComingBackRestoresTheTable) {
  std::mt19937_64 random(9);
  std::vector<RingMember> members = members_of(random, 7);
  const Placement before = Placement::build(members, 3);
  const RingMember away = members[3];
  members.erase(members.begin() + 3);
  const Placement without = Placement::build(members, 3);
  EXPECT_FALSE(std::ranges::any_of(without.members(), [&](const RingMember& m) { return m.id == away.id; }));
  members.push_back(away);
  EXPECT_EQ(moved(before, Placement::build(members, 3)), 0.0);
}

}  // namespace
}  // namespace ferro::node::cluster
