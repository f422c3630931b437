// Where entries of split namespaces lie.
#include "node/model/split_table.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <set>
#include <string>

namespace ferro::node::model {
namespace {

std::string id_of(uint64_t number) {
  return "entry-" + std::to_string(number);
}

TEST(Slots, AreThoseOfTheProtocol) {
  // XXH3-64 of the id, upper six bits: whoever changes this makes nodes of two builds disagree.
  EXPECT_EQ(slot_of("a"), 0xe6c632b61e964e1fULL >> 58U);
  EXPECT_EQ(slot_of("abc"), 0x78af5f94892f3950ULL >> 58U);
  EXPECT_EQ(slot_bit("a"), SlotSet{1} << slot_of("a"));
}

TEST(Slots, AreFilledEvenly) {
  std::array<size_t, kSlots> counts{};
  for (uint64_t i = 0; i < 64'000; ++i) ++counts[slot_of(id_of(i))];
  for (const size_t count : counts) {
    EXPECT_GT(count, 800U);
    EXPECT_LT(count, 1200U);
  }
}

TEST(SplitTable, WithoutASplitANamespaceLiesWhereItsHashSays) {
  const SplitTable none;
  const NamespaceKey ns{"m", "s", ""};
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.fingerprint(), 0U);
  EXPECT_EQ(none.partition_of(ns, "x"), partition_of(ns));
  EXPECT_EQ(none.slots_in(namespace_hash(ns), partition_of(ns)), kAllSlots);
  EXPECT_EQ(none.slots_in(namespace_hash(ns), partition_of(ns) ^ 1U), 0U);
  ASSERT_EQ(none.shards_of(namespace_hash(ns)).size(), 1U);
}

TEST(SplitTable, ShardsDivideTheSlotsAndLieInPartitionsOfTheirOwn) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    const uint64_t hash = random();
    const auto degree = static_cast<unsigned>(1 + random() % kSplitDegreeMax);
    const SplitTable table({{hash, degree}});
    SlotSet all = 0;
    std::set<uint16_t> partitions;
    for (const auto& shard : table.shards_of(hash)) {
      EXPECT_EQ(all & shard.slots, 0U);
      all |= shard.slots;
      EXPECT_EQ(std::popcount(shard.slots), static_cast<int>(kSlots >> degree));
      EXPECT_EQ(table.slots_in(hash, shard.partition), shard.slots);
      EXPECT_TRUE(partitions.insert(shard.partition).second);
    }
    EXPECT_EQ(all, kAllSlots);
    EXPECT_TRUE(partitions.contains(home_of(hash))) << "the first shard stays";
  }
}

TEST(SplitTable, OneDegreeMoreMovesHalfOfEachShardAndNothingElse) {
  std::mt19937_64 random(8);
  const uint64_t hash = random();
  for (unsigned degree = 0; degree < kSplitDegreeMax; ++degree) {
    const SplitTable before({{hash, degree}});
    const SplitTable after({{hash, degree + 1}});
    unsigned moved = 0;
    for (unsigned slot = 0; slot < kSlots; ++slot) {
      moved += before.partition_of(hash, slot) != after.partition_of(hash, slot) ? 1 : 0;
    }
    EXPECT_EQ(moved, kSlots / 2);
  }
}

TEST(SplitTable, MergingTakesTheHigherDegreeAndNeverLosesTheFirst) {
  const SplitTable a({{5, 2}, {9, 1}});
  const SplitTable b({{5, 1}, {7, 3}, {9, 4}});
  EXPECT_EQ(SplitTable::merged(a, b).splits(), (std::vector<Split>{{5, 2}, {7, 3}, {9, 4}}));
  EXPECT_TRUE(SplitTable::merged(a, b).covers(a));
  EXPECT_TRUE(SplitTable::merged(a, b).covers(b));
  EXPECT_FALSE(a.covers(b));
  std::vector<Split> many, more;
  for (uint64_t i = 0; i < kSplitsMax; ++i) {
    many.push_back({1000 + i, 1});
    more.push_back({i, 1});
  }
  const SplitTable full(many);
  EXPECT_EQ(SplitTable::merged(full, SplitTable(more)), full);
  more.push_back({1000, 3});
  EXPECT_EQ(SplitTable::merged(full, SplitTable({{1000, 3}})).degree_of(1000), 3U);
}

TEST(SplitTable, IsPrintedAndReadBackAndNothingElseIsRead) {
  const SplitTable table({{0x0123456789abcdefULL, 3}, {7, 1}});
  EXPECT_EQ(print_splits(table), "2 0000000000000007:1 0123456789abcdef:3");
  EXPECT_EQ(*parse_splits(print_splits(table)), table);
  EXPECT_EQ(*parse_splits("0"), SplitTable());
  for (const char* bad :
       {"", "1", "x", "0 ", "1 0000000000000007:0", "1 0000000000000007:7", "1 0000000000000007:10",
        "2 0000000000000007:1", "1 000000000000000G:1", "1 000000000000000A:1", "1  000000000000007:1",
        "2 0123456789abcdef:3 0000000000000007:1", "2 0000000000000007:1 0000000000000007:1",
        "1 0000000000000007:1 ", "01 0000000000000007:1"}) {
    EXPECT_FALSE(parse_splits(bad).ok()) << bad;
  }
}

TEST(Territory, HoldsWhatLiesInItsPartitions) {
  const NamespaceKey ns{"m", "", ""};
  const uint64_t hash = namespace_hash(ns);
  const auto table = std::make_shared<const SplitTable>(std::vector<Split>{{hash, 2}});
  Territory some{{}, table};
  EXPECT_EQ(some.slots_of(hash), 0U);
  some.partitions.set(partition_of_shard(hash, 1)).set(partition_of_shard(hash, 3));
  EXPECT_EQ(some.slots_of(hash), slots_of_shard(1, 1)) << "two shards of degree 2 are one of degree 1";
  for (uint64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(some.holds(ns, id_of(i)), some.partitions.test(table->partition_of(ns, id_of(i))));
  }
  some.splits = nullptr;
  EXPECT_EQ(some.slots_of(hash), 0U) << "its home is not among them";
}

}  // namespace
}  // namespace ferro::node::model
