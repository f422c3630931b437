#include <gtest/gtest.h>

#include <string>

#include "node/model/partition.h"
#include "tests/unit/node/cluster/sync/sync_world.h"

namespace ferro::node::cluster {
namespace {

void fill(SyncNode& node, size_t namespaces, size_t entries) {
  for (size_t n = 0; n < namespaces; ++n) {
    for (size_t e = 0; e < entries; ++e) node.put("m" + std::to_string(n), "e" + std::to_string(e));
  }
}

TEST(CatchUp, FromNothing) {
  SyncWorld world;
  SyncNode& b = world.add("b");
  fill(b, 50, 10);
  for (int n = 0; n < 10; ++n) b.remove("m" + std::to_string(n), "e3");
  b.drop("m40");
  b.put("m40", "later");
  b.drop("m41");
  SyncNode& a = world.add("a");
  world.one_ring({"b"});
  ASSERT_TRUE(world.run_until([&] { return !a.caught_up.empty(); }));
  EXPECT_EQ(a.held(), b.held()) << "tombstones and floors included";
  EXPECT_TRUE(a.has("m40", "later"));
  EXPECT_EQ(a.entries(), 50 * 10 - 10 - 2 * 10 + 1U);
  EXPECT_EQ(a.syncer->figures().fetched.changed, a.syncer->figures().fetched.operations)
      << "nothing moved twice";
  EXPECT_EQ(a.syncer->figures().pushed.operations, 0U);
}

TEST(CatchUp, WithNobodyElseThereItIsDoneAtOnce) {
  SyncWorld world;
  SyncNode& a = world.add("a");
  fill(a, 2, 2);
  world.one_ring({});
  ASSERT_TRUE(world.run_until([&] { return !a.caught_up.empty(); }, 1000));
  EXPECT_EQ(a.entries(), 4U);
}

TEST(CatchUp, WaitsForAgreement) {
  SyncWorld world;
  SyncNode& a = world.add("a");
  SyncNode& b = world.add("b");
  fill(b, 2, 2);
  world.one_ring({"b"});
  a.view.agreed = false;
  world.push_view(a);
  world.run(5000);
  EXPECT_TRUE(a.caught_up.empty());
  a.view.agreed = true;
  world.push_view(a);
  EXPECT_TRUE(world.run_until([&] { return a.caught_up.size() == 1; }));
}

// What both once had; then one is away.
class Older : public ::testing::Test {
 protected:
  void SetUp() override {
    a = &world.add("a");
    b = &world.add("b");
    fill(*b, 30, 10);
    b->put("lone", "e");
    world.one_ring({"b"});
    ASSERT_TRUE(world.run_until([&] { return !a->caught_up.empty(); }));
    ASSERT_TRUE(world.all_hold_the_same());
  }
  void restart_a(int64_t last_alive_ms = 0) { a = &world.add("a", last_alive_ms, world.kill("a")); }

  SyncWorld world;
  SyncNode* a = nullptr;
  SyncNode* b = nullptr;
};

TEST_F(Older, OnlyDifferencesMoveAndDeletesWin) {
  auto disk = world.kill("a");
  world.run(10);
  for (int n = 0; n < 10; ++n) b->remove("m" + std::to_string(n), "e5");
  for (int n = 0; n < 5; ++n) b->put("m" + std::to_string(n), "e6", "changed");
  b->drop("m20");
  a = &world.add("a", 0, std::move(disk));
  a->put("m7", "only_here");
  world.one_ring({"b"});
  ASSERT_TRUE(world.run_until([&] { return !a->caught_up.empty(); }));
  EXPECT_EQ(a->held(), b->held());
  EXPECT_FALSE(a->has("m3", "e5"));
  EXPECT_TRUE(b->has("m7", "only_here"));
  EXPECT_EQ(a->syncer->figures().fetched.operations, 10 + 5 + 1U);
  EXPECT_EQ(a->syncer->figures().pushed.operations, 1U);
}

// The one that was away must not give a deleted entry to an owner that never heard of it.
TEST_F(Older, NobodyIsEverGivenWhatWasDeletedMeanwhile) {
  auto disk = world.kill("a");
  for (int n = 0; n < 30; ++n) b->remove("m" + std::to_string(n), "e1");
  SyncNode& c = world.add("c");  // an owner without b's tombstones, and it answers already
  a = &world.add("a", 0, std::move(disk));
  for (int n = 0; n < 30; ++n) {
    for (int e = 0; e < 10; ++e) {
      if (e != 1) c.put("m" + std::to_string(n), "e" + std::to_string(e));
    }
  }
  world.one_ring({"b", "c"});
  bool seen = false;
  ASSERT_TRUE(world.run_until([&] {
    for (int n = 0; n < 30; ++n) seen = seen || c.has("m" + std::to_string(n), "e1");
    return !a->caught_up.empty();
  }));
  EXPECT_FALSE(seen);
  EXPECT_FALSE(a->has("m0", "e1"));
}

// The delete itself must reach a new owner, though no live entry differs: the old owners may go.
TEST_F(Older, ANewOwnerLearnsOfDeletesOfWhatItNeverHad) {
  auto disk = world.kill("a");
  b->remove("lone", "e");
  SyncNode& c = world.add("c");
  world.one_ring({"b"});
  ASSERT_TRUE(world.run_until([&] { return !c.caught_up.empty(); }));
  world.kill("b");
  a = &world.add("a", 0, std::move(disk));
  world.one_ring({"c"});
  ASSERT_TRUE(world.run_until([&] { return !a->caught_up.empty(); }));
  EXPECT_FALSE(c.has("lone", "e"));
  EXPECT_FALSE(a->has("lone", "e"));
  EXPECT_TRUE(world.all_hold_the_same());
}

TEST_F(Older, WritesGoOnMeanwhile) {
  auto disk = world.kill("a");
  for (int i = 0; i < 300; ++i) b->put("m" + std::to_string(i % 30), "missed" + std::to_string(i));
  a = &world.add("a", 0, std::move(disk));
  a->replicas = {"b"};
  b->replicas = {"a"};
  world.one_ring({"b"});
  int writes = 0;
  ASSERT_TRUE(world.run_until([&] {
    if (++writes % 20 == 0) {
      const std::string id = "during" + std::to_string(writes % 400);
      SyncNode& where = writes % 40 == 0 ? *a : *b;
      writes % 100 == 0 ? where.remove("m1", id) : where.put("m" + std::to_string(writes % 30), id);
    }
    return !a->caught_up.empty();
  }));
  EXPECT_GT(writes, 200);
  world.run(100);
  EXPECT_EQ(a->held(), b->held());
}

TEST_F(Older, LinksThatBreakDelayItOnly) {
  auto disk = world.kill("a");
  for (int n = 0; n < 30; ++n) b->remove("m" + std::to_string(n), "e1");
  for (int i = 0; i < 3000; ++i) b->put("m" + std::to_string(i % 30), "missed" + std::to_string(i));
  a = &world.add("a", 0, std::move(disk));
  world.one_ring({"b"});
  for (int i = 0; i < 15; ++i) {
    world.run(static_cast<int64_t>(5 + world.timeline.chance().below(300)));
    world.fabric.break_links("a", "b");
  }
  ASSERT_TRUE(world.run_until([&] { return !a->caught_up.empty(); }));
  EXPECT_TRUE(world.all_hold_the_same());
}

TEST(CatchUp, APeerThatHangsHoldsNobodyElseUp) {
  SyncWorld world;
  SyncNode& b = world.add("b");
  fill(b, 50, 4);
  SyncNode& a = world.add("a");
  world.add("c");
  world.fabric.block_both("a", "c");
  world.one_ring({"b", "c"});
  EXPECT_TRUE(world.run_until([&] { return a.entries() == 200; }, 20'000)) << "all of b";
  EXPECT_TRUE(a.caught_up.empty());
  EXPECT_NE(a.syncer->figures().catch_up.trouble, "");
  world.fabric.block_both("a", "c", false);
  EXPECT_TRUE(world.run_until([&] { return !a.caught_up.empty(); }, 30'000));
}

TEST(CatchUp, APeerWithAFullDiskKeepsNobodyFromBeingReady) {
  SyncWorld world;
  SyncNode& b = world.add("b");
  fill(b, 20, 4);
  SyncNode& a = world.add("a");
  a.put("m", "own", std::string(3'000'000, 'x'));  // more than the log has made room for
  world.run(10);
  b.fs->set_capacity(0);
  world.one_ring({"b"});
  EXPECT_TRUE(world.run_until([&] { return !a.caught_up.empty(); }, 30'000));
  EXPECT_EQ(a.entries(), 81U);
  EXPECT_FALSE(b.has("m", "own"));
  b.fs->set_capacity(UINT64_MAX);
  EXPECT_TRUE(world.run_until([&] { return b.has("m", "own"); }, 60'000)) << "later, by comparing";
}

// But what it cannot take itself, it does not have.
TEST(CatchUp, ANodeWithAFullDiskIsNotReady) {
  SyncWorld world;
  SyncNode& b = world.add("b");
  for (int i = 0; i < 80; ++i)
    b.put("m" + std::to_string(i % 20), "e" + std::to_string(i), std::string(50'000, 'x'));
  SyncNode& a = world.add("a");
  a.fs->set_capacity(0);
  world.one_ring({"b"});
  world.run(30'000);
  EXPECT_TRUE(a.caught_up.empty());
  EXPECT_NE(a.syncer->figures().catch_up.trouble, "");
  a.fs->set_capacity(UINT64_MAX);
  EXPECT_TRUE(world.run_until([&] { return !a.caught_up.empty(); }, 60'000));
  EXPECT_EQ(a.entries(), 80U);
}

TEST(CatchUp, APeerThatGoesIsNotWaitedFor) {
  SyncWorld world;
  fill(world.add("b"), 50, 4);
  SyncNode& a = world.add("a");
  world.add("c");
  world.fabric.block_both("a", "c");
  world.one_ring({"b", "c"});
  world.run(3000);
  EXPECT_TRUE(a.caught_up.empty());
  world.kill("c");
  world.push_view(a);
  EXPECT_TRUE(world.run_until([&] { return !a.caught_up.empty(); }, 10'000));
  EXPECT_EQ(a.entries(), 200U);
}

TEST(CatchUp, AnotherRingBeginsAnew) {
  SyncWorld world;
  SyncNode& b = world.add("b");
  fill(b, 50, 4);
  SyncNode& a = world.add("a");
  world.add("c");
  const auto before = ring_of({"b"}, 1);
  const auto with_a = ring_of({"a", "b"}, 1);
  const auto with_both = ring_of({"a", "b", "c"}, 1);
  world.rings(before, with_a, {"b"});
  world.run(20);
  world.rings(before, with_both, {"b"});
  ASSERT_TRUE(world.run_until([&] { return !a.caught_up.empty(); }));
  EXPECT_EQ(a.caught_up.front(), std::make_pair(before->fingerprint(), with_both->fingerprint()));
  for (int n = 0; n < 50; ++n) {
    const std::string ns = "m" + std::to_string(n);
    if (with_both->owns("a", model::partition_of(key_of(ns)))) {
      EXPECT_TRUE(a.has(ns, "e0")) << ns;
    }
  }
}

TEST(CatchUp, ACompleteNodeTakesOnlyWhatItGains) {
  SyncWorld world;
  SyncNode& a = world.add("a");
  SyncNode& b = world.add("b");
  fill(a, 100, 2);
  fill(b, 100, 2);
  const auto before = ring_of({"a", "b"}, 1);
  const auto after = ring_of({"a"}, 1);
  world.rings(before, after, {"a", "b"});
  ASSERT_TRUE(world.run_until([&] { return a.caught_up.size() == 1 && b.caught_up.size() == 1; }));
  const size_t gained = (after->partitions_of("a") & ~before->partitions_of("a")).count();
  EXPECT_EQ(gained, before->partitions_of("b").count());
  EXPECT_EQ(b.syncer->figures().fetched.operations, 0U);
  // Written twice, the later stamp is b's: exactly what b owned was fetched.
  uint64_t owned_by_b = 0;
  for (int n = 0; n < 100; ++n)
    owned_by_b += before->owns("b", model::partition_of(key_of("m" + std::to_string(n))));
  EXPECT_EQ(a.syncer->figures().fetched.operations, 2 * owned_by_b);
}

TEST(CatchUp, EverybodyStartsTogetherAndNobodyIsComplete) {
  SyncWorld world;
  fill(world.add("a"), 20, 5);
  world.at("a").remove("m3", "e1");
  SyncNode& b = world.add("b");
  for (int n = 0; n < 40; ++n) b.put("n" + std::to_string(n), "e");
  world.add("c").put("m3", "only_c");
  world.one_ring({});
  ASSERT_TRUE(world.run_until([&] {
    for (const NodeId& id : world.ids()) {
      if (world.at(id).caught_up.empty()) return false;
    }
    return true;
  }));
  EXPECT_TRUE(world.all_hold_the_same());
  EXPECT_TRUE(world.at("a").has("m3", "only_c"));
}

TEST(CatchUp, ALargeNamespaceGoesInBuckets) {
  SyncWorld world;
  SyncNode& b = world.add("b");
  for (int i = 0; i < 20'000; ++i) b.put("large", "entry-" + std::to_string(i));
  SyncNode& a = world.add("a");
  world.one_ring({"b"});
  ASSERT_TRUE(world.run_until([&] { return !a.caught_up.empty(); }, 300'000));
  EXPECT_EQ(a.entries(), 20'000U);
  EXPECT_TRUE(world.all_hold_the_same());
  // Then ten of them change: ten move.
  auto disk = world.kill("a");
  for (int i = 0; i < 10; ++i) b.put("large", "entry-" + std::to_string(1999 * i), "changed");
  SyncNode& again = world.add("a", 0, std::move(disk));
  world.one_ring({"b"});
  ASSERT_TRUE(world.run_until([&] { return !again.caught_up.empty(); }, 300'000));
  EXPECT_EQ(again.syncer->figures().fetched.operations, 10U);
  EXPECT_TRUE(world.all_hold_the_same());
}

TEST(CatchUp, LargeEntriesTravelInPieces) {
  SyncWorld world;
  SyncNode& b = world.add("b");
  for (int i = 0; i < 30; ++i) b.put("m", "e" + std::to_string(i), std::string(700'000, 'x'));
  SyncNode& a = world.add("a");
  world.one_ring({"b"});
  ASSERT_TRUE(world.run_until([&] { return !a.caught_up.empty(); }));
  EXPECT_TRUE(world.all_hold_the_same());
}

// --- a disk from before the others gave up tombstones ---

class StaleDisk : public ::testing::Test {
 protected:
  static constexpr int64_t kRetentionMs = 60'000;

  void SetUp() override {
    world.tombstone_retention_ms = kRetentionMs;
    SyncNode& a = world.add("a");
    SyncNode& b = world.add("b");
    b.put("m", "deleted");
    b.put("m", "kept");
    world.one_ring({"b"});
    ASSERT_TRUE(world.run_until([&] { return !a.caught_up.empty(); }));
    ASSERT_TRUE(a.has("m", "deleted"));
    last_alive_ms = a.loop.clock().wall_ms();
    EXPECT_LE(a.syncer->last_alive_ms(), last_alive_ms);
    disk = world.kill("a");
    world.run(1000);
    b.remove("m", "deleted");
    world.run(3 * kRetentionMs);
    ASSERT_EQ(b.engine->store().tombstones().count, 0U) << "b has forgotten the delete";
  }

  SyncWorld world;
  int64_t last_alive_ms = 0;
  std::unique_ptr<tests::fakes::FaultyFileSystem> disk;
};

TEST_F(StaleDisk, BringsNothingBack) {
  SyncNode& a = world.add("a", last_alive_ms, std::move(disk));
  a.put("m", "new");
  world.one_ring({"b"});
  ASSERT_TRUE(world.run_until([&] { return !a.caught_up.empty(); }));
  EXPECT_FALSE(a.has("m", "deleted"));
  EXPECT_FALSE(world.at("b").has("m", "deleted"));
  EXPECT_TRUE(a.has("m", "kept"));
  EXPECT_TRUE(world.at("b").has("m", "new")) << "nobody can have deleted it";
}

TEST_F(StaleDisk, IsNoSourceForAThird) {
  world.add("a", last_alive_ms, std::move(disk));
  SyncNode& c = world.add("c");
  world.fabric.block_both("a", "b");
  world.one_ring({"b"});
  world.run(20'000);
  EXPECT_TRUE(world.at("a").has("m", "deleted")) << "it has not compared yet";
  EXPECT_FALSE(c.has("m", "deleted"));
  EXPECT_TRUE(c.has("m", "kept"));
}

TEST_F(StaleDisk, AnEmptyNewcomerSaysNothingAboutDeletes) {
  world.kill("b");
  SyncNode& c = world.add("c");
  c.put("other", "e");
  c.remove("other", "e");
  world.run(3 * kRetentionMs);
  ASSERT_GT(c.engine->store().tombstones().collected_upto_ms, last_alive_ms);
  SyncNode& a = world.add("a", last_alive_ms, std::move(disk));
  world.one_ring({});
  ASSERT_TRUE(world.run_until([&] { return !a.caught_up.empty() && !c.caught_up.empty(); }));
  EXPECT_TRUE(a.has("m", "kept")) << "the last copy";
  EXPECT_TRUE(c.has("m", "kept"));
}

TEST_F(StaleDisk, AShortAbsenceRaisesNoDoubt) {
  SyncNode& a = world.add("a", world.at("b").loop.clock().wall_ms() - 5000, std::move(disk));
  a.put("m", "own");
  world.run(1000);
  world.one_ring({"b"});
  ASSERT_TRUE(world.run_until([&] { return !a.caught_up.empty(); }));
  EXPECT_TRUE(world.at("b").has("m", "own"));
}

}  // namespace
}  // namespace ferro::node::cluster
