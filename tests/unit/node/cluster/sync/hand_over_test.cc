#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "node/model/partition.h"
#include "tests/unit/node/cluster/sync/sync_world.h"

namespace ferro::node::cluster {
namespace {

// `a` was an owner; the ring of b and c is in force.
class HandOverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    a = &world.add("a");
    b = &world.add("b");
    c = &world.add("c");
    for (int n = 0; n < 40; ++n) {
      for (int e = 0; e < 5; ++e) a->put(ns(n), "e" + std::to_string(e));
    }
    ring = ring_of({"b", "c"}, 2);
    world.run(10);  // what comes now is later
  }
  static std::string ns(int n) { return "m" + std::to_string(n); }
  void begin() { world.rings(ring, ring, {"b", "c"}); }
  bool gone() const { return a->entries() == 0 && !a->handed_over.empty(); }
  // What is not here any more is with both of the others.
  bool safe() const {
    for (int n = 0; n < 40; ++n) {
      for (int e = 0; e < 5; ++e) {
        const std::string id = "e" + std::to_string(e);
        if (!a->has(ns(n), id) && !(b->has(ns(n), id) && c->has(ns(n), id))) return false;
      }
    }
    return true;
  }

  SyncWorld world;
  SyncNode *a = nullptr, *b = nullptr, *c = nullptr;
  std::shared_ptr<const Placement> ring;
};

TEST_F(HandOverTest, GoesWhenAllOwnersHaveItAndNotBefore) {
  begin();
  // Two halves that had merged were read between the new ring and the first look at what is left: entries
  // were missing.
  EXPECT_TRUE(a->syncer->figures().hand_over.running) << "nobody has looked yet";
  bool always_safe = true;
  int steps = 0;
  ASSERT_TRUE(world.run_until([&] {
    if (++steps % 10 == 0) always_safe = always_safe && safe();
    return gone();
  }));
  EXPECT_TRUE(always_safe);
  EXPECT_TRUE(safe());
  EXPECT_EQ(b->entries(), 200U);
  EXPECT_EQ(b->held(), c->held());
  EXPECT_EQ(a->handed_over, std::vector<uint64_t>{ring->fingerprint()});
  EXPECT_EQ(a->syncer->figures().entries_removed, 200U);
  EXPECT_FALSE(a->syncer->figures().hand_over.running);
  // It left no trace of a delete.
  EXPECT_TRUE(a->held().empty());
}

TEST_F(HandOverTest, WhoHasForgottenThatNothingIsLeftIsToldAgain) {
  begin();
  ASSERT_TRUE(world.run_until([&] { return gone(); }));
  a->syncer->tell_handed_over_again();
  world.run(1000);
  EXPECT_EQ(a->handed_over, (std::vector<uint64_t>{ring->fingerprint(), ring->fingerprint()}));
}

TEST_F(HandOverTest, AnOwnerThatHangsKeepsEverythingHere) {
  world.fabric.block_both("a", "c");
  begin();
  world.run(15'000);
  EXPECT_EQ(a->entries(), 200U);
  EXPECT_TRUE(a->handed_over.empty());
  EXPECT_NE(a->syncer->figures().hand_over.trouble, "");
  world.fabric.block_both("a", "c", false);
  EXPECT_TRUE(world.run_until([&] { return gone(); }));
  EXPECT_TRUE(safe());
}

TEST_F(HandOverTest, NothingGoesWhileTheRingChanges) {
  world.rings(ring, ring_of({"a", "b", "c"}, 2), {"b", "c"});
  a->view.in_sync = true;  // the others are still at it
  world.push_view(*a);
  world.run(10'000);
  EXPECT_EQ(a->entries(), 200U);
  EXPECT_TRUE(a->handed_over.empty());
}

TEST_F(HandOverTest, WithoutAnOwnerNothingGoes) {
  world.kill("b");
  world.kill("c");
  world.rings(ring, ring, {});
  world.run(5000);
  EXPECT_EQ(a->entries(), 200U);
  EXPECT_TRUE(a->handed_over.empty());
  EXPECT_NE(a->syncer->figures().hand_over.trouble, "");
}

TEST_F(HandOverTest, WhatTheOwnersDeletedIsNotGivenToThem) {
  for (SyncNode* owner : {b, c}) {
    owner->put(ns(1), "e1");
    owner->remove(ns(1), "e1");
    owner->put(ns(2), "e2", "newer");
  }
  c->drop(ns(3));  // not there: no trace of it
  c->put(ns(3), "x");
  c->drop(ns(3));
  begin();
  bool came_back = false;
  ASSERT_TRUE(world.run_until([&] {
    came_back = came_back || c->has(ns(1), "e1") || b->has(ns(1), "e1") || c->has(ns(3), "e0");
    return gone();
  }));
  EXPECT_FALSE(came_back);
  EXPECT_EQ(b->engine->find("e2", false).front().response, "newer");
}

// A delete that only this node knows of, of an entry that only the owners hold.
TEST_F(HandOverTest, DeletesAreHandedOverTooWhenNoEntryIsLeft) {
  SyncWorld other;
  SyncNode& x = other.add("x");
  SyncNode& y = other.add("y");
  y.put("m", "e");
  other.run(10);
  x.put("m", "e");
  x.remove("m", "e");
  ASSERT_EQ(x.entries(), 0U);
  const auto of_y = ring_of({"y"}, 1);
  other.rings(of_y, of_y, {"y"});
  ASSERT_TRUE(other.run_until([&] { return !x.handed_over.empty(); }));
  EXPECT_FALSE(y.has("m", "e"));
}

TEST_F(HandOverTest, WhatComesLaterGoesToo) {
  begin();
  ASSERT_TRUE(world.run_until([&] { return gone(); }));
  a->put("late", "e");  // by somebody who had not heard of the ring
  ASSERT_TRUE(world.run_until([&] { return a->entries() == 0; }));
  EXPECT_TRUE(b->has("late", "e"));
  EXPECT_TRUE(c->has("late", "e"));
  EXPECT_TRUE(world.run_until([&] { return a->handed_over.size() == 2; }));
}

TEST_F(HandOverTest, WhatComesMeanwhileIsNotRemovedBeforeTheOwnersHaveIt) {
  begin();
  bool always_safe = true;
  const auto late = [](int step) { return "late" + std::to_string(step); };
  for (int step = 0; step < 200; ++step) {
    for (int n = 0; n < 40; n += 1) a->put(ns(n), late(step));
    world.run(1);
    for (int i = std::max(0, step - 10); i <= step; ++i) {  // what is older has been seen
      for (int n = 0; n < 40; ++n) {
        always_safe =
            always_safe && (a->has(ns(n), late(i)) || (b->has(ns(n), late(i)) && c->has(ns(n), late(i))));
      }
    }
  }
  EXPECT_TRUE(always_safe);
  EXPECT_TRUE(world.run_until([&] { return gone(); }));
  EXPECT_EQ(b->entries(), 200U + 200 * 40);
  EXPECT_EQ(b->held(), c->held());
}

TEST_F(HandOverTest, OwnPartitionsStay) {
  const auto with_a = ring_of({"a", "b", "c"}, 1);
  world.rings(with_a, with_a, {"a", "b", "c"});
  ASSERT_TRUE(world.run_until([&] { return !a->handed_over.empty(); }));
  for (int n = 0; n < 40; ++n) {
    const uint16_t partition = model::partition_of(key_of(ns(n)));
    const NodeId& owner = with_a->id(with_a->owners(partition)[0]);
    for (const NodeId& id : world.ids()) EXPECT_EQ(world.at(id).has(ns(n), "e0"), id == owner) << ns(n) << id;
  }
}

TEST_F(HandOverTest, BreakingLinksDelayItOnly) {
  begin();
  for (int i = 0; i < 20; ++i) {
    world.run(static_cast<int64_t>(1 + world.timeline.chance().below(100)));
    world.fabric.break_links("a", world.timeline.chance().happens(0.5) ? "b" : "c");
    ASSERT_TRUE(safe());
  }
  ASSERT_TRUE(world.run_until([&] { return gone(); }));
  EXPECT_TRUE(safe());
}

}  // namespace
}  // namespace ferro::node::cluster
