#include "node/cluster/core/routes.h"

#include <gtest/gtest.h>

#include <set>

namespace ferro::node::cluster {
namespace {

std::shared_ptr<const Placement> ring(const std::vector<NodeId>& nodes, size_t factor = 2) {
  std::vector<RingMember> members;
  for (const NodeId& node : nodes) members.push_back({node, 64});
  return std::make_shared<const Placement>(Placement::build(std::move(members), factor));
}

std::set<NodeId> set_of(const Routes::Owners& owners) {
  std::set<NodeId> out;
  for (const NodeId* owner : owners) out.insert(*owner);
  return out;
}

const auto kAllReady = [](const NodeId&) { return true; };

TEST(Routes, ReadersAreTheOwnersInForceReadyOnesFirst) {
  const auto current = ring({"a", "b", "c"});
  const Routes routes("a", current, {current}, 1, [](const NodeId& node) { return node != "b"; });
  for (uint16_t p = 0; p < model::kPartitions; ++p) {
    const auto readers = routes.readers(p);
    ASSERT_EQ(readers.size(), 2U);
    if (set_of(readers).contains("b")) {
      EXPECT_EQ(*readers.back(), "b");
    }
    EXPECT_EQ(routes.reads_here(p), current->owns("a", p));
  }
}

TEST(Routes, ANodeThatHasNotCaughtUpReadsNothingHereButDecidesWrites) {
  const auto current = ring({"a", "b", "c"});
  const Routes routes("a", current, {current}, 1, [](const NodeId& node) { return node != "a"; });
  for (uint16_t p = 0; p < model::kPartitions; ++p) {
    EXPECT_FALSE(routes.reads_here(p));
    EXPECT_EQ(routes.owned_here().test(p), current->owns("a", p));
  }
}

TEST(Routes, WritersAreTheOwnersNowAndTheOwnersToBeOnceEach) {
  const auto current = ring({"a", "b", "c"});
  const auto target = ring({"a", "b", "c", "d"});
  const Routes routes("d", current, {current, target}, 1, kAllReady);
  EXPECT_TRUE(routes.is_writer("d"));
  EXPECT_FALSE(routes.is_writer("e"));
  size_t here = 0;
  for (uint16_t p = 0; p < model::kPartitions; ++p) {
    std::set<NodeId> expected;
    for (const uint16_t member : current->owners(p)) expected.insert(current->id(member));
    for (const uint16_t member : target->owners(p)) expected.insert(target->id(member));
    const auto writers = routes.writers(p, model::kAllSlots);
    EXPECT_EQ(set_of(writers), expected);
    EXPECT_EQ(writers.size(), expected.size());
    EXPECT_FALSE(routes.reads_here(p)) << "not before the ring is in force";
    here += routes.owned_here().test(p) ? 1 : 0;
  }
  EXPECT_GT(here, 0U);
}

TEST(Routes, WithoutARingNobodyAnswers) {
  const auto nobody = std::make_shared<const Placement>();
  const Routes routes("a", nobody, {}, 0, kAllReady);
  EXPECT_TRUE(routes.empty());
  EXPECT_TRUE(routes.readers(7).empty());
  EXPECT_TRUE(routes.writers(7, model::kAllSlots).empty());
}

TEST(Routes, ASplitNamespaceHasReadersAndWritersOfEachShard) {
  const model::NamespaceKey ns{"m", "", ""};
  const uint64_t hash = model::namespace_hash(ns);
  const auto current = ring({"a", "b", "c", "d"});
  const auto target = std::make_shared<const Placement>(current->with(model::SplitTable({{hash, 2}})));
  EXPECT_NE(current->fingerprint(), target->fingerprint());
  // While it is being split writes go to the owners of both; by it everybody reads as before.
  const Routes during("a", current, {current, target}, 1, kAllReady);
  for (const auto& shard : target->splits()->shards_of(hash)) {
    std::set<NodeId> expected;
    for (const uint16_t member : current->owners(model::home_of(hash))) expected.insert(current->id(member));
    for (const uint16_t member : target->owners(shard.partition)) expected.insert(target->id(member));
    EXPECT_EQ(set_of(during.writers(hash, shard.slots)), expected);
    EXPECT_TRUE(!target->owns("a", shard.partition) || during.owns_here(hash, shard.slots));
  }
  EXPECT_EQ(during.reads_here(hash), current->owns("a", model::home_of(hash)));
  EXPECT_EQ(during.splits_of(target->splits()->fingerprint()), target->splits());
  EXPECT_EQ(during.splits_of(77), nullptr);

  const Routes after("a", target, {target}, 2, kAllReady);
  bool all = true;
  for (const auto& shard : target->splits()->shards_of(hash)) {
    const bool owned = target->owns("a", shard.partition);
    all = all && owned;
    EXPECT_EQ(after.owns_here(hash, shard.slots), owned);
    EXPECT_EQ(after.reads_here(hash, shard.slots), owned);
  }
  EXPECT_EQ(after.reads_here(hash), all);
  EXPECT_EQ(after.owns_here(hash, model::kAllSlots), all);
  EXPECT_FALSE(after.owns_here(model::PartitionSet().set(), *current->splits()))
      << "nobody goes by the old table any more";
}

// A node that had been stopped answered requests that waited for it, before it noticed that others had gone
// on.
TEST(RouteHolder, AProcessThatSleptIsNotReady) {
  ManualClock clock(0);
  const auto both = ring({"a", "b"});
  const auto routes_with = [&](std::set<NodeId> ready) {
    return std::make_shared<const Routes>("a", both, std::vector<Routes::Ring>{both}, 1,
                                          [ready](const NodeId& node) { return ready.contains(node); });
  };
  RouteHolder holder(routes_with({"a", "b"}));
  EXPECT_TRUE(holder.get()->reads_here(uint16_t{0}));
  holder.set(routes_with({"a", "b"}), routes_with({"b"}));
  holder.watch(clock, 1000);
  clock.advance_ms(999);
  EXPECT_TRUE(holder.get()->reads_here(uint16_t{0}));
  holder.awake(clock.steady_ns());
  clock.advance_ms(1000);
  EXPECT_FALSE(holder.get()->reads_here(uint16_t{0}));
  EXPECT_EQ(*holder.get()->readers(0).front(), "b");
  EXPECT_TRUE(holder.get()->owns_here(model::PartitionSet().set(0), *both->splits()))
      << "it still gets writes";
  holder.awake(clock.steady_ns());
  EXPECT_TRUE(holder.get()->reads_here(uint16_t{0}));
  // Stopped while the loop looked around: what it had found by then is as old.
  const int64_t before_the_stop_ns = clock.steady_ns();
  clock.advance_ms(1000);
  holder.awake(before_the_stop_ns);
  EXPECT_FALSE(holder.get()->reads_here(uint16_t{0}));
}

}  // namespace
}  // namespace ferro::node::cluster
