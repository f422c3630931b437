#include "node/cluster/ring/target_ring.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "node/cluster/wire/gossip.h"

namespace ferro::node::cluster {
namespace {

constexpr int64_t kGraceMs = 30'000;

struct Said {
  NodeId id;
  std::string state = "ready";
  Liveness liveness = Liveness::alive;
  bool left = false;
  std::string weight = "64", factor = "2";
  bool proven = true;
};

std::vector<Member> members(const std::vector<Said>& said) {
  std::vector<Member> list;
  for (const Said& one : said) {
    Member member;
    member.id = one.id;
    member.generation = 1;
    member.liveness = one.liveness;
    member.left = one.left;
    member.proven = one.proven;
    if (!one.state.empty())
      member.values = {{"state", one.state}, {"weight", one.weight}, {"factor", one.factor}};
    list.push_back(std::move(member));
  }
  return list;
}

RingRecord ring_of(const std::vector<NodeId>& ids, size_t factor = 2) {
  RingRecord ring{1, {}, factor};
  for (const NodeId& id : ids) ring.members.push_back({id, 64});
  return ring;
}

// As node `a`, which is ready, sees it once these have been so for `for_ms`.
TargetRing target(const RingRecord& ring, const std::vector<Said>& said, int64_t for_ms = 0,
                  const TargetRules& rules = {true, kGraceMs}, const std::string& own_state = "ready") {
  Attendance attendance;
  attendance.note(members(said), "a", ring, 1000);
  attendance.note(members(said), "a", ring, 1000 + for_ms);
  Attendee self;
  self.live = true;
  self.state = state_of(members({{"a", own_state}}).front());
  self.weight = 64;
  self.factor = 2;
  attendance.set_self("a", self);
  return choose_target(ring, attendance, rules, 1000 + for_ms);
}

std::vector<NodeId> ids(const TargetRing& target) {
  std::vector<NodeId> list;
  for (const RingMember& member : target.ring.members) list.push_back(member.id);
  return list;
}

using Ids = std::vector<NodeId>;
constexpr auto kDead = Liveness::dead;

TEST(TargetRing, TakesInWhoJoinsAndLetsGoWhoLeaves) {
  EXPECT_EQ(ids(target(ring_of({"a", "b"}), {{"b"}, {"c", "joining"}})), (Ids{"a", "b", "c"}));
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), {{"b", "leaving"}, {"c"}})), (Ids{"a", "c"}));
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), {{"b", "leaving_incomplete"}, {"c"}})), (Ids{"a", "c"}));
  EXPECT_EQ(ids(target(ring_of({"a"}), {{"b", "drained"}})), (Ids{"a"}));
}

TEST(TargetRing, WaitsForWordOfANewcomerButNotOfAMember) {
  EXPECT_EQ(ids(target(ring_of({"a", "b"}), {{"b", ""}, {"c", ""}})), (Ids{"a", "b"}));
}

TEST(TargetRing, AStrangerThatIsOnlyTalkedOfIsNotTakenIn) {
  Said stranger{"c"};
  stranger.proven = false;
  EXPECT_EQ(ids(target(ring_of({"a", "b"}), {{"b"}, stranger})), (Ids{"a", "b"}));
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), {{"b"}, stranger}, 10 * kGraceMs)), (Ids{"a", "b", "c"}));
}

TEST(TargetRing, ADeadMemberKeepsItsPlaceForTheGraceTime) {
  const std::vector<Said> said = {{"b", "ready", kDead}, {"c"}};
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), said, kGraceMs - 1)), (Ids{"a", "b", "c"}));
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), said, kGraceMs)), (Ids{"a", "c"}));
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), said, kGraceMs, {false, kGraceMs})), (Ids{"a", "b", "c"}));
}

TEST(TargetRing, WhoSaidGoodbyeKeepsItsPlaceForTheSameTime) {
  const std::vector<Said> said = {{"b", "ready", Liveness::alive, true}, {"c"}};
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), said, kGraceMs - 1)), (Ids{"a", "b", "c"}));
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), said, kGraceMs)), (Ids{"a", "c"}));
}

TEST(TargetRing, AMemberThatGossipHasForgottenIsDead) {
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), {{"c"}}, kGraceMs - 1)), (Ids{"a", "b", "c"}));
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), {{"c"}}, kGraceMs)), (Ids{"a", "c"}));
}

TEST(TargetRing, ADeadNewcomerOrLeaverIsNotWaitedFor) {
  EXPECT_EQ(ids(target(ring_of({"a", "b"}), {{"b"}, {"c", "joining", kDead}})), (Ids{"a", "b"}));
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), {{"b", "leaving", kDead}, {"c"}})), (Ids{"a", "c"}));
}

TEST(TargetRing, ASuspectedMemberIsThere) {
  EXPECT_EQ(ids(target(ring_of({"a", "b"}), {{"b", "ready", Liveness::suspected}}, 10 * kGraceMs)),
            (Ids{"a", "b"}));
}

TEST(TargetRing, LessThanHalfOfTheRingChangesNothing) {
  const std::vector<Said> said = {{"b", "ready", kDead}, {"c", "ready", kDead}};
  const TargetRing alone = target(ring_of({"a", "b", "c"}), said, 10 * kGraceMs);
  EXPECT_EQ(ids(alone), (Ids{"a", "b", "c"}));
  EXPECT_FALSE(alone.quorum);
  const TargetRing one_of_two = target(ring_of({"a", "b"}), {said[0]}, 10 * kGraceMs);
  EXPECT_EQ(ids(one_of_two), (Ids{"a"}));
  EXPECT_TRUE(one_of_two.quorum);
  // Replacements have a say: the ring can be mended after most of it is lost for good.
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), {said[0], said[1], {"d", "joining"}}, 10 * kGraceMs)),
            (Ids{"a", "d"}));
  // Who said goodbye is on no other side.
  const std::vector<Said> stopped = {{"b", "ready", Liveness::alive, true},
                                     {"c", "ready", Liveness::alive, true}};
  EXPECT_EQ(ids(target(ring_of({"a", "b", "c"}), stopped, 10 * kGraceMs)), (Ids{"a"}));
}

TEST(TargetRing, NobodyLeftMeansNobodyGoes) {
  const TargetRing nobody = target(ring_of({"a", "b"}), {{"b", "leaving"}}, 0, {true, kGraceMs}, "leaving");
  EXPECT_EQ(ids(nobody), (Ids{"a", "b"}));
  EXPECT_FALSE(nobody.anybody);
}

TEST(TargetRing, WeightsAreThoseGossipedAndOfTheAwayThoseOfTheRing) {
  RingRecord ring = ring_of({"a", "b", "c"});
  const TargetRing now =
      target(ring, {{"b", "ready", Liveness::alive, false, "128"}, {"c", "ready", kDead, false, "256"}});
  EXPECT_EQ(now.ring.members, (std::vector<RingMember>{{"a", 64}, {"b", 128}, {"c", 64}}));
  const TargetRing nonsense = target(ring, {{"b", "ready", Liveness::alive, false, "0"}, {"c"}});
  EXPECT_EQ(nonsense.ring.members[1].weight, 64U);
}

TEST(TargetRing, TheLargestFactorWins) {
  EXPECT_EQ(target(ring_of({"a", "b"}), {{"b", "ready", Liveness::alive, false, "64", "3"}}).ring.factor, 3U);
  EXPECT_EQ(target(ring_of({"a", "b"}, 3), {{"b"}}).ring.factor, 2U);
  EXPECT_EQ(target(ring_of({"a", "b"}, 3), {{"b", ""}}).ring.factor, 3U) << "b may still want three";
}

TEST(TargetRing, StaysWithinWhatGossipCarries) {
  std::vector<Said> said;
  for (int i = 0; i < 400; ++i)
    said.push_back({"node-with-a-long-name-of-forty-bytes-" + std::to_string(100 + i), "joining"});
  const RingRecord ring = ring_of({"a", said.back().id});
  const TargetRing many = target(ring, said);
  EXPECT_TRUE(many.full);
  RingRecord record = many.ring;
  record.epoch = kRingEpochMax;
  EXPECT_LE(encode_ring(record).size(), kGossipValueBytesMax);
  EXPECT_GT(record.members.size(), 100U);
  EXPECT_EQ(record.members.back().id, said.back().id) << "a member makes no room for newcomers";
}

// Members that are in already ask for weights of more digits.
TEST(TargetRing, AFullRingStaysAsItIsRatherThanOutgrowGossip) {
  std::vector<Said> said;
  RingRecord ring{7, {{"a", 64}}, 2};
  for (int i = 0; i < 340; ++i) {
    ring.members.push_back({"node-with-a-long-name-of-forty-bytes-" + std::to_string(100 + i), 64});
    said.push_back({ring.members.back().id, "ready", Liveness::alive, false, "65536"});
  }
  ASSERT_TRUE(fits_into_gossip(ring));
  const TargetRing heavier = target(ring, said);
  EXPECT_TRUE(heavier.full);
  EXPECT_EQ(heavier.ring.members, ring.members);
}

TEST(TargetRing, LiveOwnersAreKept) {
  const Placement from = Placement::build({{"a", 64}, {"b", 64}}, 1);
  const Placement to = Placement::build({{"a", 64}, {"b", 64}, {"c", 64}}, 1);
  Attendance attendance;
  attendance.note(members({{"b"}, {"c"}}), "a", {}, 0);
  Attendee self;
  self.live = true;
  attendance.set_self("a", self);
  EXPECT_TRUE(keeps_live_owners(from, to, attendance));
  attendance.note(members({{"b"}, {"c", "ready", kDead}}), "a", {}, 1);
  EXPECT_FALSE(keeps_live_owners(from, to, attendance)) << "c takes partitions over and is not there";
  EXPECT_TRUE(keeps_live_owners(to, from, attendance));
}

}  // namespace
}  // namespace ferro::node::cluster
