#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>

#include "node/model/partition.h"
#include "tests/unit/node/cluster/sync/sync_world.h"

namespace ferro::node::cluster {
namespace {

uint16_t partition_of(const std::string& ns) {
  return model::partition_of(key_of(ns));
}

class RepairTest : public ::testing::Test {
 protected:
  void start(uint64_t bytes_per_second = 32U << 20) {
    world.sync_options.repair_interval_ms = 10'000;
    world.sync_options.repair_bytes_per_second = bytes_per_second;
    for (const char* id : {"a", "b", "c"}) world.add(id);
    world.one_ring({"a", "b", "c"});
    world.run(2000);
  }

  // The node takes these for alive, and nobody else.
  void see(const NodeId& id, std::set<NodeId> live) {
    SyncNode& node = world.at(id);
    node.view.live = std::move(live);
    node.syncer->set_view(node.view);
  }

  SyncWorld world;
};

TEST_F(RepairTest, DifferencesGoWithinAnInterval) {
  start();
  world.at("a").put("m", "a's");
  world.at("b").put("m", "b's");
  world.at("c").put("m", "c's");
  world.at("c").put("n", "deleted");
  world.run(11'000);
  world.at("b").remove("n", "deleted");
  world.run(2 * 11'000);
  EXPECT_TRUE(world.all_hold_the_same());
  EXPECT_TRUE(world.at("a").has("m", "c's"));
  EXPECT_FALSE(world.at("a").has("n", "deleted"));
}

TEST_F(RepairTest, InStepNothingMovesButDigests) {
  start();
  world.at("a").put("m", "e", std::string(100'000, 'x'));
  world.run(25'000);
  ASSERT_TRUE(world.all_hold_the_same());
  const uint64_t before = world.fabric.bytes_delivered();
  const uint64_t rounds = world.at("a").syncer->figures().repair_rounds;
  world.run(100'000);
  EXPECT_GE(world.at("a").syncer->figures().repair_rounds, rounds + 16);
  EXPECT_LT(world.fabric.bytes_delivered() - before, 1'500'000U);
  for (const NodeId& id : world.ids()) EXPECT_TRUE(world.at(id).syncer->in_step(partition_of("m")));
}

TEST_F(RepairTest, HurryDoesNotWait) {
  start();
  world.run(2000);
  world.at("c").put("m", "e");
  world.at("a").syncer->hurry();
  world.run(500);
  EXPECT_TRUE(world.at("a").has("m", "e"));
  // Nor for the side whose part it is.
  world.at("b").put("m", "other");
  world.at("b").syncer->hurry();
  world.run(500);
  EXPECT_TRUE(world.at("a").has("m", "other"));
}

TEST_F(RepairTest, MovesNoMoreThanItsShareOfBytes) {
  start(100'000);
  for (int i = 0; i < 50; ++i) world.at("b").put("m", "e" + std::to_string(i), std::string(40'000, 'x'));
  world.at("a").syncer->hurry();
  const int64_t began_ms = world.timeline.now_ms();
  ASSERT_TRUE(world.run_until([&] { return world.at("a").entries() == 50; }, 120'000));
  EXPECT_GT(world.timeline.now_ms() - began_ms, 8000) << "two megabytes, a hundred kilobytes a second";
}

TEST_F(RepairTest, WhatCannotBeMendedIsSeen) {
  start();
  world.at("b").put("m", "e");
  world.fabric.block_both("a", "b");
  world.run(60'000);
  EXPECT_FALSE(world.at("a").syncer->in_step(partition_of("m")));
  world.fabric.block_both("a", "b", false);
  world.run(30'000);
  EXPECT_TRUE(world.at("a").syncer->in_step(partition_of("m")));
  EXPECT_TRUE(world.at("b").syncer->in_step(partition_of("m")));
}

// What was written while two halves could not hear each other counted as in step the moment they could.
TEST_F(RepairTest, WhatWasNotComparedYetIsSeen) {
  start();
  const uint16_t partition = partition_of("m");
  const auto uncompared = [&](const char* id) { return world.at(id).syncer->uncompared(); };
  for (const NodeId& id : world.ids()) EXPECT_TRUE(uncompared(id.c_str()).none()) << id;

  world.at("b").put("m", "e");
  see("a", {"c"});
  see("b", {"c"});
  world.run(1000);
  EXPECT_TRUE(uncompared("a").none()) << "whoever is not there is not waited for";
  see("a", {"b", "c"});
  see("b", {"a", "c"});
  for (const char* id : {"a", "b"}) {
    EXPECT_TRUE(uncompared(id).test(partition)) << id;
    EXPECT_TRUE(world.at(id).syncer->in_step(partition)) << id;
  }
  EXPECT_TRUE(uncompared("c").none());
  ASSERT_TRUE(world.run_until([&] { return uncompared("a").none() && uncompared("b").none(); }, 5000));
  EXPECT_TRUE(world.at("a").has("m", "e"));

  world.at("a").syncer->hurry();
  EXPECT_TRUE(uncompared("a").test(partition)) << "something may have been missed";
  ASSERT_TRUE(world.run_until([&] { return uncompared("a").none(); }, 5000));
}

TEST_F(RepairTest, AnotherRingIsComparedAnew) {
  start();
  const auto ring = ring_of({"a", "b"}, 2);
  world.rings(ring, ring, {"a", "b", "c"});
  EXPECT_TRUE(world.at("a").syncer->uncompared().any());
  EXPECT_TRUE(world.at("c").syncer->uncompared().none()) << "it owns nothing";
  ASSERT_TRUE(world.run_until([&] { return world.at("a").syncer->uncompared().none(); }, 5000));
}

// It stayed uncompared for an interval: a had asked by the new ring before b went by it.
TEST_F(RepairTest, WhoLearnsOfTheRingLaterIsComparedSoonToo) {
  start();
  const auto ring = ring_of({"a", "b", "c"}, 2);
  SyncNode& a = world.at("a");
  a.view.current = a.view.target = ring;
  a.syncer->set_view(a.view);
  ASSERT_TRUE(world.run_until([&] { return a.syncer->uncompared().none(); }, 5000));
  world.rings(ring, ring, {"a", "b", "c"});
  EXPECT_TRUE(a.syncer->uncompared().none());
  EXPECT_TRUE(world.at("b").syncer->uncompared().any());
  ASSERT_TRUE(world.run_until([&] { return world.at("b").syncer->uncompared().none(); }, 5000));
}

TEST_F(RepairTest, AHangingPeerHoldsNobodyElseUp) {
  start();
  world.fabric.block_both("a", "b");
  world.run(3000);
  for (int i = 0; i < 3; ++i) {
    const std::string id = "e" + std::to_string(i);
    world.at("c").put("m", id);
    world.run(11'000);
    EXPECT_TRUE(world.at("a").has("m", id));
  }
}

}  // namespace
}  // namespace ferro::node::cluster
