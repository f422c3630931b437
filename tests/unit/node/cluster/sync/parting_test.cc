// Before a node stops: what it holds is with the others when it says so.
#include "node/cluster/sync/parting.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/node/cluster/sync/sync_world.h"

namespace ferro::node::cluster {
namespace {

class PartingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    a = &world.add("a");
    b = &world.add("b");
    c = &world.add("c");
    world.sync_options.repair_interval_ms = 3'600'000;
    world.one_ring({"a", "b", "c"});
    world.run(5000);
  }
  static std::string ns(int n) { return "m" + std::to_string(n); }
  bool over() const { return a->syncer->parting().over(); }
  bool part() {
    a->syncer->start_parting();
    EXPECT_FALSE(over());
    return world.run_until([&] { return over(); });
  }

  SyncWorld world;
  SyncNode *a = nullptr, *b = nullptr, *c = nullptr;
};

TEST_F(PartingTest, GivesEveryOwnerWhatItLacks) {
  for (int n = 0; n < 40; ++n) a->put(ns(n), "e");
  ASSERT_FALSE(b->has(ns(0), "e"));
  ASSERT_TRUE(part());
  EXPECT_EQ(b->entries(), 40U);
  EXPECT_EQ(c->entries(), 40U);
  EXPECT_EQ(a->entries(), 40U) << "nothing goes from here";
  EXPECT_EQ(a->syncer->parting().partitions_left(), 0U);
  EXPECT_TRUE(a->syncer->parting().only_here().none());
}

TEST_F(PartingTest, GivesDeletesToo) {
  a->put(ns(0), "e");
  ASSERT_TRUE(part());
  a->remove(ns(0), "e");
  ASSERT_TRUE(part());
  EXPECT_FALSE(b->has(ns(0), "e"));
  EXPECT_FALSE(c->has(ns(0), "e"));
}

TEST_F(PartingTest, WhatWasDeletedElsewhereIsNotGivenBack) {
  a->put(ns(0), "e");
  ASSERT_TRUE(part());
  b->remove(ns(0), "e");
  ASSERT_TRUE(part());
  EXPECT_FALSE(b->has(ns(0), "e"));
}

TEST_F(PartingTest, AnOwnerThatDoesNotAnswerIsWaitedFor) {
  for (int n = 0; n < 10; ++n) a->put(ns(n), "e");
  world.fabric.block_both("a", "b");
  a->syncer->start_parting();
  world.run(3000);
  EXPECT_FALSE(over());
  EXPECT_GT(a->syncer->parting().partitions_left(), 0U);
  world.fabric.block_both("a", "b", false);
  ASSERT_TRUE(world.run_until([&] { return over(); }));
  EXPECT_EQ(b->entries(), 10U);
}

TEST_F(PartingTest, OfWhatNobodyElseOwnsItSaysSo) {
  for (int n = 0; n < 10; ++n) a->put(ns(n), "e");
  a->view.live = {};
  a->syncer->set_view(a->view);
  ASSERT_TRUE(part());
  EXPECT_GT(a->syncer->parting().only_here().count(), 0U);
  EXPECT_EQ(b->entries(), 0U);
  // Somebody comes back: it begins again by itself.
  a->view.live = {"b"};
  a->syncer->set_view(a->view);
  EXPECT_FALSE(over());
  ASSERT_TRUE(world.run_until([&] { return over(); }));
  EXPECT_TRUE(a->syncer->parting().only_here().none());
  EXPECT_EQ(b->entries(), 10U);
}

TEST_F(PartingTest, AnEmptyNodeHasNothingToCompare) {
  world.fabric.block_both("a", "b");
  ASSERT_TRUE(part());
  EXPECT_EQ(a->syncer->parting().partitions_total(), 0U);
  EXPECT_TRUE(a->syncer->parting().only_mine().none());
}

// With one copy a stopped node that held nothing yet left its partitions without anybody who answers.
TEST_F(PartingTest, WhatNobodyElseAnswersForIsTold) {
  a->view.live = {};
  a->syncer->set_view(a->view);
  ASSERT_TRUE(part());
  EXPECT_TRUE(a->syncer->parting().only_here().none());
  EXPECT_TRUE(a->syncer->parting().only_mine().all());
}

}  // namespace
}  // namespace ferro::node::cluster
