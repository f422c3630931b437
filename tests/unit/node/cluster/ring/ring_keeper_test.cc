// The ring keeper, told what the others say word by word or by a world of others.
#include "node/cluster/ring/ring_keeper.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/node/cluster/ring/ring_world.h"

namespace ferro::node::cluster {
namespace {

using Names = std::vector<NodeId>;
using State = RingKeeper::State;

RingOptions options_of(const NodeId& self, bool seeds) {
  RingOptions options;
  options.self = self;
  options.seeds = seeds;
  return options;
}

Member other(const NodeId& id, std::map<std::string, std::string, std::less<>> values,
             uint64_t generation = 1) {
  Member member;
  member.id = id;
  member.generation = generation;
  member.proven = true;
  member.values = std::move(values);
  return member;
}

std::string value(const std::vector<OwnValue>& values, std::string_view key) {
  for (const OwnValue& one : values) {
    if (one.key == key) return one.value;
  }
  return "(unchanged)";
}

void compare_all(RingKeeper& keeper) {
  keeper.caught_up(keeper.current()->fingerprint(), keeper.target()->fingerprint());
}

TEST(RingKeeper, ANodeAloneIsReadyAtOnce) {
  RingKeeper keeper(options_of("a", false), std::nullopt, 0);
  EXPECT_EQ(keeper.state(), State::joining);
  const auto values = keeper.update({}, 0);
  EXPECT_EQ(keeper.state(), State::ready);
  EXPECT_EQ(keeper.reason(), "");
  EXPECT_EQ(value(values, "state"), "ready");
  EXPECT_EQ(value(values, "ring"), "1 1 2 1 64 1:a");
  EXPECT_EQ(value(values, "target"), value(values, "synced"));
  EXPECT_TRUE(keeper.update({}, 100).empty()) << "told once";
}

// Gossip forgets the dead after a time: with cluster.dead_node_removal_enabled off one that still had its
// place in the ring was nowhere to be seen.
TEST(RingKeeper, AMemberThatGossipHasForgottenIsAbsent) {
  RingOptions options = options_of("a", true);
  options.dead_removal = false;
  RingKeeper keeper(options, RingRecord{3, {{"a", 64}, {"b", 64}}, 2}, 0);
  const Member b = other("b", {{"state", "ready"}, {"ring", keeper.record_text()}});
  keeper.update({b}, 100);
  EXPECT_EQ(keeper.absent(100, 0), Names());
  Member dead = b;
  dead.liveness = Liveness::dead;
  keeper.update({dead}, 1000);
  EXPECT_EQ(keeper.absent(10'999, 10'000), Names());
  EXPECT_EQ(keeper.absent(11'000, 10'000), Names{"b"});
  keeper.update({}, 3'700'000);
  EXPECT_EQ(keeper.absent(3'700'000, 10'000), Names{"b"});
  keeper.update({b}, 3'700'100);
  EXPECT_EQ(keeper.absent(3'720'000, 10'000), Names());
}

TEST(RingKeeper, SeedsAreWaitedFor) {
  RingKeeper keeper(options_of("a", true), std::nullopt, 0);
  const auto values = keeper.update({}, 1999);
  EXPECT_EQ(value(values, "state"), "joining");
  EXPECT_EQ(value(values, "ring"), "(unchanged)");
  EXPECT_EQ(keeper.epoch(), 0U);
  EXPECT_TRUE(keeper.current()->empty());
  keeper.update({}, 2000);
  EXPECT_EQ(keeper.state(), State::ready);
}

TEST(RingKeeper, OfSeveralThatStartTogetherTheFirstByNameFormsTheRing) {
  RingKeeper a(options_of("a", true), std::nullopt, 0);
  RingKeeper b(options_of("b", true), std::nullopt, 0);
  a.update({other("b", {{"state", "joining"}})}, 2000);
  b.update({other("a", {{"state", "joining"}})}, 2000);
  EXPECT_EQ(a.epoch(), 1U);
  EXPECT_EQ(b.epoch(), 0U);
  b.update({other("a", {{"state", "ready"}, {"ring", encode_ring(a.record())}})}, 2100);
  EXPECT_EQ(b.record(), a.record());
  EXPECT_EQ(b.state(), State::joining);
}

TEST(RingKeeper, WhoIsUnfitAnswersForNothingUntilItHasComparedAgain) {
  RingKeeper keeper(options_of("a", false), std::nullopt, 0);
  keeper.update({}, 0);
  ASSERT_TRUE(keeper.complete());
  keeper.set_unfit("the clock is wrong");
  EXPECT_EQ(value(keeper.update({}, 100), "state"), "joining");
  EXPECT_EQ(keeper.state(), State::joining);
  EXPECT_EQ(keeper.reason(), "the clock is wrong");
  compare_all(keeper);
  EXPECT_TRUE(keeper.whole());
  EXPECT_FALSE(keeper.complete());
  keeper.set_unfit("the clock is still wrong");
  EXPECT_EQ(keeper.reason(), "the clock is still wrong");
  keeper.set_unfit("");
  EXPECT_FALSE(keeper.whole()) << "what others decided meanwhile it may lack";
  compare_all(keeper);
  EXPECT_EQ(value(keeper.update({}, 200), "state"), "ready");
  EXPECT_TRUE(keeper.complete());
}

TEST(RingKeeper, ARememberedRingYieldsToThatOfWhoeverAnswers) {
  // A disk of another life of the cluster has the later epoch.
  RingKeeper keeper(options_of("a", true), RingRecord{40, {{"a", 64}, {"x", 64}}, 2}, 0);
  EXPECT_EQ(keeper.epoch(), 40U);
  EXPECT_EQ(value(keeper.update({}, 100), "ring"), "(unchanged)") << "remembered, not said";
  keeper.update({other("b", {{"state", "ready"}, {"ring", "1 3 2 1 64 1:b"}})}, 200);
  EXPECT_EQ(keeper.epoch(), 3U);
  EXPECT_EQ(keeper.state(), State::joining);
}

TEST(RingKeeper, ARememberedRingYieldsOnlyToLaterOnesOfThoseWhoHaveStartedToo) {
  RingKeeper keeper(options_of("a", true), RingRecord{40, {{"a", 64}, {"b", 64}}, 2}, 0);
  keeper.update({other("b", {{"state", "joining"}, {"ring", "1 39 2 1 64 1:b"}})}, 2000);
  EXPECT_EQ(keeper.epoch(), 40U);
  keeper.update({other("b", {{"state", "joining"}, {"ring", "1 41 2 2 64 1:a 64 1:b"}})}, 2100);
  EXPECT_EQ(keeper.epoch(), 41U);
}

TEST(RingKeeper, ARestartedNodeIsJoiningUntilItHasCompared) {
  RingKeeper keeper(options_of("a", true), RingRecord{5, {{"a", 64}, {"b", 64}}, 2}, 0);
  const auto b = [&](const std::string& target) {
    return std::vector<Member>{other("b", {{"state", "ready"},
                                           {"ring", "1 5 2 2 64 1:a 64 1:b"},
                                           {"weight", "64"},
                                           {"factor", "2"},
                                           {"target", target}})};
  };
  keeper.update(b(""), 0);
  EXPECT_EQ(keeper.state(), State::joining);
  EXPECT_FALSE(keeper.target_agreed());
  keeper.update(b(print_fingerprint(keeper.target()->fingerprint())), 100);
  EXPECT_TRUE(keeper.target_agreed());
  EXPECT_FALSE(keeper.in_sync());
  EXPECT_NE(keeper.reason(), "");
  keeper.caught_up(1, 2);
  EXPECT_FALSE(keeper.in_sync()) << "with rings that are not these";
  compare_all(keeper);
  keeper.update(b(print_fingerprint(keeper.target()->fingerprint())), 200);
  EXPECT_EQ(keeper.state(), State::ready);
  EXPECT_EQ(keeper.epoch(), 5U) << "nothing had to change";
}

TEST(RingKeeper, CaughtUpWithATargetThatMovedOnIsVoid) {
  RingKeeper keeper(options_of("a", false), std::nullopt, 0);
  keeper.update({}, 0);
  const auto joiner = [](const NodeId& id) {
    return other(id, {{"state", "joining"}, {"weight", "64"}, {"factor", "2"}});
  };
  keeper.update({joiner("b")}, 100);
  const uint64_t with_b = keeper.target()->fingerprint();
  keeper.update({joiner("b"), joiner("c")}, 200);
  keeper.caught_up(keeper.current()->fingerprint(), with_b);
  EXPECT_FALSE(keeper.in_sync());
  keeper.update({joiner("b")}, 300);
  EXPECT_FALSE(keeper.in_sync()) << "meanwhile writes went elsewhere";
  EXPECT_EQ(keeper.state(), State::ready) << "of the ring in force it has everything";
}

TEST(RingKeeper, AStoppedProcessIsJoiningAgain) {
  RingKeeper keeper(options_of("a", false), std::nullopt, 0);
  keeper.update({}, 0);
  keeper.update({}, 4000);
  EXPECT_EQ(keeper.state(), State::ready);
  keeper.update({}, 9000);
  EXPECT_EQ(keeper.state(), State::joining);
  compare_all(keeper);
  EXPECT_EQ(keeper.state(), State::ready);
}

// Stopped for two seconds it answered for 0.1 s with what had been deleted meanwhile.
TEST(RingKeeper, WhoWasStoppedForAsLongAsWritersWaitIsJoiningAgain) {
  RingOptions options = options_of("a", false);
  options.stall_ms = stall_ms_of(1000);
  RingKeeper keeper(options, std::nullopt, 0);
  keeper.update({}, 0);
  keeper.update({}, 999);
  EXPECT_EQ(keeper.state(), State::ready);
  keeper.update({}, 1999);
  EXPECT_EQ(keeper.state(), State::joining);
  EXPECT_EQ(stall_ms_of(100), 1000);
  EXPECT_EQ(stall_ms_of(60'000), 5000);
}

TEST(RingKeeper, DrainingNeedsSomebodyElse) {
  RingKeeper keeper(options_of("a", false), std::nullopt, 0);
  keeper.update({}, 0);
  EXPECT_EQ(keeper.set_draining(true).code(), StatusCode::failed_precondition);
  keeper.update({other("b", {{"state", "leaving"}})}, 100);
  EXPECT_EQ(keeper.set_draining(true).code(), StatusCode::failed_precondition);
  EXPECT_EQ(keeper.state(), State::ready);
  keeper.update({other("b", {{"state", "joining"}})}, 200);
  EXPECT_TRUE(keeper.set_draining(true).ok());
  EXPECT_EQ(keeper.state(), State::leaving);
}

TEST(RingKeeper, WhoLeavesBeforeItHasCaughtUpDoesNotPassForComplete) {
  RingKeeper keeper(options_of("a", true), RingRecord{5, {{"a", 64}, {"b", 64}}, 2}, 0);
  const std::vector<Member> members = {other("b", {{"state", "ready"}, {"ring", "1 5 2 2 64 1:a 64 1:b"}})};
  keeper.update(members, 0);
  ASSERT_TRUE(keeper.set_draining(true).ok());
  const auto values = keeper.update(members, 100);
  EXPECT_EQ(value(values, "state"), "leaving_incomplete");
  EXPECT_EQ(state_of(other("a", {{"state", "leaving_incomplete"}})), (PeerState{State::leaving, false}));
  EXPECT_EQ(state_of(other("a", {{"state", "leaving"}})), (PeerState{State::leaving, true}));
}

TEST(RingKeeper, NonsenseFromOthersIsPassedOver) {
  RingKeeper keeper(options_of("a", false), std::nullopt, 0);
  keeper.update({}, 0);
  keeper.update(
      {other("b", {{"state", "dancing"}, {"ring", "1 99999 2 1 64"}, {"target", "xyz"}, {"weight", "-1"}})},
      100);
  EXPECT_EQ(keeper.epoch(), 1U);
  EXPECT_EQ(keeper.target()->members().size(), 1U);
}

// --- worlds ---

class RingWorldTest : public ::testing::Test {
 protected:
  void grow(RingWorld& world, const Names& names) {
    for (const NodeId& name : names) {
      world.start(name);
      world.run(1000);
    }
    ASSERT_TRUE(world.run_until([&] { return world.settled(names); }, 60'000)) << world.describe();
  }
};

TEST_F(RingWorldTest, NodesJoinOneAfterAnotherAndTogether) {
  RingWorld world(1, {});
  grow(world, {"a", "b", "c"});
  world.start("d");
  world.start("e");
  EXPECT_TRUE(world.run_until(
      [&] {
        return world.settled({"a", "b", "c", "d", "e"});
      },
      60'000))
      << world.describe();
}

TEST_F(RingWorldTest, ARollingRestartChangesNoRing) {
  RingWorld world(2, {});
  grow(world, {"a", "b", "c"});
  const uint64_t epoch = world.at("a").epoch();
  for (const NodeId& name : Names{"a", "b", "c"}) {
    world.stop_planned(name);
    world.run(8000);
    world.start(name);
    ASSERT_TRUE(world.run_until([&] { return world.settled({"a", "b", "c"}); }, 30'000)) << world.describe();
  }
  EXPECT_EQ(world.at("a").epoch(), epoch);
}

TEST_F(RingWorldTest, ADeadNodeGoesAfterTheGraceTimeAndComesBack) {
  RingWorld world(3, {});
  grow(world, {"a", "b", "c"});
  world.crash("b");
  world.run(20'000);
  EXPECT_EQ(world.at("a").record().members.size(), 3U);
  EXPECT_TRUE(world.run_until([&] { return world.settled({"a", "c"}); }, 60'000)) << world.describe();
  world.start("b");
  EXPECT_TRUE(world.run_until([&] { return world.settled({"a", "b", "c"}); }, 60'000)) << world.describe();
}

TEST_F(RingWorldTest, ADrainCanBeTakenBackBeforeAndAfterTheRingHasChanged) {
  RingWorld world(4, {});
  grow(world, {"a", "b", "c"});
  world.set_draining("b", true);
  world.run(600);
  world.set_draining("b", false);
  EXPECT_TRUE(world.run_until([&] { return world.settled({"a", "b", "c"}); }, 60'000)) << world.describe();
  world.set_draining("b", true);
  EXPECT_TRUE(world.run_until([&] { return world.at("b").state() == State::drained; }, 60'000))
      << world.describe();
  EXPECT_TRUE(world.settled({"a", "c"})) << world.describe();
  world.set_draining("b", false);
  EXPECT_TRUE(world.run_until([&] { return world.settled({"a", "b", "c"}); }, 60'000)) << world.describe();
}

TEST_F(RingWorldTest, ADrainThatIsAskedForAgainKeepsWhatWasHandedOver) {
  RingWorld world(4, {});
  grow(world, {"a", "b", "c"});
  world.set_draining("b", true);
  ASSERT_TRUE(world.run_until([&] { return world.at("b").state() == State::drained; }, 60'000))
      << world.describe();
  world.set_draining("b", true);  // a caller that polls, or did not hear the answer
  EXPECT_EQ(world.at("b").state(), State::drained);
}

TEST_F(RingWorldTest, ASideWithLessThanHalfKeepsTheRingAndComparesBeforeItIsReadyAgain) {
  RingWorld world(5, {});
  grow(world, {"a", "b", "c", "d", "e"});
  const RingRecord before = world.at("a").record();
  world.cut({"a", "b"});
  ASSERT_TRUE(world.run_until([&] { return world.at("c").record().members.size() == 3; }, 120'000));
  EXPECT_EQ(world.at("a").record(), before);
  EXPECT_EQ(world.at("b").record(), before);
  EXPECT_EQ(world.at("a").state(), State::ready) << "it goes on with what it owns";
  EXPECT_FALSE(world.at("a").quorum());
  EXPECT_FALSE(world.at("a").connected());
  world.heal();
  EXPECT_TRUE(world.run_until([&] { return world.at("a").state() == State::joining; }, 10'000));
  EXPECT_TRUE(world.run_until(
      [&] {
        return world.settled({"a", "b", "c", "d", "e"});
      },
      60'000))
      << world.describe();
}

TEST_F(RingWorldTest, AShortCutOfAMinorityIsComparedToo) {
  RingWorld world(6, {});
  grow(world, {"a", "b", "c"});
  world.cut({"a"});
  world.run(15'000);
  EXPECT_FALSE(world.at("a").quorum());
  world.heal();
  EXPECT_TRUE(world.run_until([&] { return world.at("a").state() == State::joining; }, 10'000));
  EXPECT_EQ(world.at("b").state(), State::ready);
  EXPECT_TRUE(world.run_until([&] { return world.settled({"a", "b", "c"}); }, 60'000)) << world.describe();
}

TEST_F(RingWorldTest, TheSurvivorOfAMajorityThatDiedIsNotMadeToWait) {
  RingWorld world(7, {});
  grow(world, {"a", "b", "c"});
  world.crash("b");
  world.crash("c");
  world.run(60'000);
  EXPECT_EQ(world.at("a").record().members.size(), 3U);
  world.start("b");
  world.start("c");
  for (int i = 0; i < 400; ++i) {
    world.run(50);
    ASSERT_EQ(world.at("a").state(), State::ready) << world.describe();
  }
  EXPECT_TRUE(world.settled({"a", "b", "c"})) << world.describe();
}

TEST_F(RingWorldTest, RingsFormedApartMerge) {
  RingWorld world(8, {});
  world.cut({"a", "b"});
  for (const NodeId& name : Names{"a", "b", "c", "d", "e"}) world.start(name);
  ASSERT_TRUE(world.run_until(
      [&] {
        return world.at("a").record().members.size() == 2 && world.at("c").record().members.size() == 3;
      },
      60'000));
  world.heal();
  EXPECT_TRUE(world.run_until(
      [&] {
        return world.settled({"a", "b", "c", "d", "e"});
      },
      60'000))
      << world.describe();
}

TEST_F(RingWorldTest, AnEvenSplitMakesTwoRingsThatMerge) {
  RingWorld world(9, {});
  grow(world, {"a", "b", "c", "d"});
  world.cut({"a", "b"});
  ASSERT_TRUE(world.run_until(
      [&] {
        return world.at("a").record().members.size() == 2 && world.at("c").record().members.size() == 2;
      },
      120'000));
  world.heal();
  EXPECT_TRUE(world.run_until(
      [&] {
        return world.settled({"a", "b", "c", "d"});
      },
      60'000))
      << world.describe();
}

TEST_F(RingWorldTest, EverybodyRestartsAtOnce) {
  RingWorld world(10, {});
  grow(world, {"a", "b", "c"});
  for (const NodeId& name : Names{"a", "b", "c"}) world.crash(name);
  for (const NodeId& name : Names{"a", "b", "c"}) world.start(name);
  EXPECT_TRUE(world.run_until([&] { return world.settled({"a", "b", "c"}); }, 60'000)) << world.describe();
}

model::SplitTable splits_of(RingWorld& world, const NodeId& node) {
  return *world.at(node).current()->splits();
}

TEST(RingKeeper, WhatOneMemberWantsSplitTheRingSplitsAndNeverJoinsAgain) {
  RingWorld world(5, {});
  for (const char* node : {"a", "b", "c"}) world.start(node);
  ASSERT_TRUE(world.run_until([&] { return world.settled({"a", "b", "c"}); }, 120'000)) << world.describe();
  const uint64_t epoch = world.at("a").epoch();
  const model::SplitTable first({{77, 1}}), second({{77, 3}, {78, 1}});
  world.at("b").want_splits(first);
  const auto all_have = [&](const model::SplitTable& wanted) {
    return world.settled({"a", "b", "c"}) && splits_of(world, "a") == wanted &&
           splits_of(world, "b") == wanted && splits_of(world, "c") == wanted;
  };
  ASSERT_TRUE(world.run_until([&] { return all_have(first); }, 60'000)) << world.describe();
  EXPECT_EQ(world.at("a").epoch(), epoch + 1);
  EXPECT_EQ(world.disk("c").splits, first);
  world.at("b").want_splits({});
  world.run(20'000);
  EXPECT_TRUE(all_have(first));
  world.at("a").want_splits(model::SplitTable({{77, 3}}));
  world.at("c").want_splits(model::SplitTable({{78, 1}}));
  ASSERT_TRUE(world.run_until([&] { return all_have(second); }, 60'000)) << world.describe();
  world.start("d");
  ASSERT_TRUE(world.run_until([&] { return world.settled({"a", "b", "c", "d"}); }, 120'000));
  EXPECT_EQ(splits_of(world, "d"), second);
}

TEST(RingKeeper, AMemberThatDoesNotKnowSplitsKeepsTheRingFromThem) {
  WorldOptions options;
  options.without_splits = {"c"};
  RingWorld world(6, options);
  for (const char* node : {"a", "b", "c"}) world.start(node);
  ASSERT_TRUE(world.run_until([&] { return world.settled({"a", "b", "c"}); }, 120'000));
  world.at("a").want_splits(model::SplitTable({{77, 1}}));
  world.run(20'000);
  EXPECT_TRUE(world.settled({"a", "b", "c"}));
  EXPECT_TRUE(splits_of(world, "a").empty());
  EXPECT_EQ(world.at("a").not_splitting(), Names{"c"});
  // Away it may come back as it was.
  world.crash("c");
  world.run(15'000);
  EXPECT_TRUE(splits_of(world, "a").empty());
  // Once it has gone for good the others go on.
  ASSERT_TRUE(world.run_until(
      [&] {
        return !splits_of(world, "a").empty() && world.settled({"a", "b"});
      },
      120'000))
      << world.describe();
  // And it cannot come back, nor is it waited for.
  const uint64_t epoch = world.at("a").epoch();
  world.wipe("c");
  world.start("c");
  world.run(30'000);
  EXPECT_EQ(world.at("a").state(), State::ready);
  EXPECT_EQ(world.at("a").current()->members().size(), 2U);
  EXPECT_EQ(world.at("a").epoch(), epoch);
  EXPECT_FALSE(world.at("a").changing());
}

}  // namespace
}  // namespace ferro::node::cluster
