#include "node/cluster/core/splitter.h"

#include <gtest/gtest.h>

#include <string>

#include "common/sync/epoch.h"
#include "common/time/clock.h"

namespace ferro::node::cluster {
namespace {

Placement ring_of(size_t members, size_t factor = 2) {
  std::vector<RingMember> all;
  for (size_t i = 0; i < members; ++i) all.push_back({"n" + std::to_string(i), 64});
  return Placement::build(std::move(all), factor);
}

class SplitterTest : public ::testing::Test {
 protected:
  void fill(const model::NamespaceKey& ns, int entries) {
    for (int i = 0; i < entries; ++i) {
      model::PutOp op;
      op.ns = ns;
      op.id = "e" + std::to_string(i);
      op.version = {++ticks_, 1};
      op.vector = {1.0F, 0.0F};
      store_->apply(op, 0);
    }
  }
  // A whole round of that node.
  model::SplitTable wanted(const Placement& ring, const NodeId& self, uint64_t entries, uint64_t bytes = 0) {
    Splitter splitter({self, entries, bytes, 10}, *store_);
    for (int step = 0; step < 10; ++step) splitter.step(ring);
    return splitter.wanted();
  }
  NodeId owner_of(const Placement& ring, uint16_t partition) {
    return ring.id(ring.owners(partition).front());
  }

  ManualClock clock_;
  sync::EpochDomain epochs_;
  uint64_t ticks_ = 0;
  const model::NamespaceKey large_{"large", "", ""};
  const uint64_t hash_ = model::namespace_hash(large_);
  std::unique_ptr<store::Store> store_ =
      store::Store::create({}, clock_, epochs_, store::make_recency_policy());
};

TEST_F(SplitterTest, WhatIsBeyondTheSizeIsWantedAndNothingElse) {
  fill(large_, 100);
  fill({"small", "", ""}, 99);
  const Placement ring = ring_of(5);
  const NodeId owner = owner_of(ring, model::home_of(hash_));
  EXPECT_EQ(wanted(ring, owner, 99), model::SplitTable({{hash_, 1}}));
  EXPECT_TRUE(wanted(ring, owner, 100).empty());
  EXPECT_GT(wanted(ring, owner, 0, 50).degree_of(hash_), 1U) << "by its bytes";
  EXPECT_TRUE(wanted(ring, owner, 0, 0).empty());
}

TEST_F(SplitterTest, GoesAsFarAsNeededAtOnceAndAsFarAsTheRingAllows) {
  fill(large_, 1000);
  const Placement ring = ring_of(5);
  const NodeId owner = owner_of(ring, model::home_of(hash_));
  EXPECT_EQ(wanted(ring, owner, 300).degree_of(hash_), 2U);
  EXPECT_EQ(wanted(ring, owner, 1).degree_of(hash_), split_degree_max(ring));
  EXPECT_EQ(split_degree_max(ring), 4U);
  EXPECT_EQ(split_degree_max(ring_of(3)), 3U);
  EXPECT_EQ(split_degree_max(ring_of(3, 3)), 0U) << "everybody has everything anyway";
  EXPECT_EQ(split_degree_max(ring_of(100)), model::kSplitDegreeMax);
}

TEST_F(SplitterTest, OnlyOwnersSayAndOnlyOfTheirShards) {
  fill(large_, 100);
  const Placement whole = ring_of(5);
  size_t say = 0;
  for (const RingMember& member : whole.members()) say += wanted(whole, member.id, 50).empty() ? 0 : 1;
  EXPECT_EQ(say, 2U);
  const Placement split = whole.with(model::SplitTable({{hash_, 1}}));
  for (const RingMember& member : split.members()) {
    EXPECT_TRUE(wanted(split, member.id, 70).empty()) << "a half of it is not too large";
  }
}

}  // namespace
}  // namespace ferro::node::cluster
