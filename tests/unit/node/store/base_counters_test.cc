#include "node/store/base_counters.h"
#include "tests/fakes/seed.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>

namespace ferro::node::store {
namespace {

using model::NamespaceKey;

std::map<std::string, BaseTotals> by_name(const BaseCounters& counters,
                                          NamespaceCounters* forgotten = nullptr) {
  NamespaceCounters unused;
  std::map<std::string, BaseTotals> found;
  for (const BaseTotals& totals : counters.all(forgotten != nullptr ? *forgotten : unused)) {
    EXPECT_FALSE(totals.key.is_conversation());
    EXPECT_TRUE(found.emplace(model::printed_name(totals.key), totals).second);
  }
  return found;
}

TEST(BaseCounters, ConversationsCountInTheirBase) {
  MemoryAccount memory;
  BaseCounters counters(memory);
  BaseCell& base = counters.hold({"m", "s", ""});
  BaseCell& conversation = counters.hold({"m", "s", "c"});
  EXPECT_EQ(&base, &conversation);
  EXPECT_NE(&base, &counters.hold({"m", "", "c"}));
  ++base.counters.inserts;
  ++conversation.counters.inserts;
  base.entries = 5;
  base.expired = 2;
  const auto found = by_name(counters);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found.at("m::s").counters.inserts, 2U);
  EXPECT_EQ(found.at("m::s").entries, 3U);
}

// Cause: counters that lived in the namespace went with its last entry, and a miss before the first insert
// had none.
TEST(BaseCounters, OutliveTheirNamespaces) {
  MemoryAccount memory;
  BaseCounters counters(memory);
  counters.count_miss({"m", "", "c"});
  ++counters.hold({"m", "", ""}).counters.inserts;
  counters.give_back({"m", "", ""});
  counters.count_miss({"m", "", ""});
  const auto found = by_name(counters);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.at("m").counters.inserts, 1U);
  EXPECT_EQ(found.at("m").counters.queries_miss, 2U);
  EXPECT_EQ(counters.hold({"m", "", ""}).counters.inserts.load(), 1U);
}

TEST(BaseCounters, NamesAskedForInVainAreBounded) {
  MemoryAccount memory;
  BaseCounters counters(memory);
  ++counters.hold({"kept", "", ""}).counters.inserts;
  constexpr size_t kAsked = 10 * BaseCounters::kIdleMax;
  for (size_t i = 0; i < kAsked; ++i) counters.count_miss({"m" + std::to_string(i), "", ""});
  NamespaceCounters forgotten;
  const auto found = by_name(counters, &forgotten);
  EXPECT_LE(found.size(), BaseCounters::kIdleMax + 1);
  EXPECT_LT(memory.held(), 1000 * BaseCounters::kIdleMax);
  EXPECT_TRUE(found.contains("kept"));
  EXPECT_TRUE(found.contains("m" + std::to_string(kAsked - 1)));
  uint64_t misses = forgotten.queries_miss;
  for (const auto& [name, totals] : found) misses += totals.counters.queries_miss;
  EXPECT_EQ(misses, kAsked);
}

TEST(BaseCounters, TheOneLongestUntouchedIsForgottenFirst) {
  MemoryAccount memory;
  BaseCounters counters(memory);
  for (size_t i = 0; i < 10 * BaseCounters::kIdleMax; ++i) {
    counters.count_miss({"m" + std::to_string(i), "", ""});
    counters.count_miss({"popular", "", ""});
  }
  EXPECT_EQ(by_name(counters).at("popular").counters.queries_miss, 10 * BaseCounters::kIdleMax);
}

TEST(BaseCounters, OneThatComesBackIsAnother) {
  MemoryAccount memory;
  BaseCounters counters(memory);
  counters.count_miss({"m", "", ""});
  const uint64_t first = by_name(counters).at("m").number;
  for (size_t i = 0; i < 10 * BaseCounters::kIdleMax; ++i)
    counters.count_miss({"m" + std::to_string(i), "", ""});
  ASSERT_FALSE(by_name(counters).contains("m"));
  counters.count_miss({"m", "", ""});
  EXPECT_GT(by_name(counters).at("m").number, first);
  EXPECT_EQ(by_name(counters).at("m").counters.queries_miss, 1U);
}

TEST(BaseCounters, ResetStartsAnew) {
  MemoryAccount memory;
  BaseCounters counters(memory);
  BaseCell& cell = counters.hold({"m", "", ""});
  ++cell.counters.inserts;
  cell.entries = 7;
  for (size_t i = 0; i < 2 * BaseCounters::kIdleMax; ++i)
    counters.count_miss({"m" + std::to_string(i), "", ""});
  counters.reset();
  NamespaceCounters forgotten;
  const auto found = by_name(counters, &forgotten);
  EXPECT_EQ(forgotten, NamespaceCounters());
  for (const auto& [name, totals] : found) EXPECT_EQ(totals.counters, NamespaceCounters());
  EXPECT_EQ(found.at("m").entries, 7U);  // what is there is no count
}

// Against a model: holders, misses, counts in random order.
TEST(BaseCounters, AddUpToEverythingCounted) {
  const auto seed = static_cast<unsigned>(fakes::test_seed());
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  MemoryAccount memory;
  BaseCounters counters(memory);
  std::map<std::string, int> holders;
  std::map<std::string, BaseCell*> cells;
  uint64_t inserts = 0, misses = 0;
  for (int step = 0; step < 200'000; ++step) {
    const std::string model = "m" + std::to_string(random() % 20'000);
    switch (random() % 4) {
      case 0:
        cells[model] = &counters.hold({model, "", "c" + std::to_string(random() % 3)});
        ++holders[model];
        break;
      case 1:
        if (holders[model] > 0) {
          counters.give_back({model, "", ""});
          --holders[model];
        }
        break;
      case 2:
        if (holders[model] > 0) {
          ++cells[model]->counters.inserts;
          ++inserts;
        }
        break;
      default:
        counters.count_miss({model, "", ""});
        ++misses;
    }
  }
  NamespaceCounters all;
  const auto found = by_name(counters, &all);
  for (const auto& [name, totals] : found) all += totals.counters;
  EXPECT_EQ(all.inserts, inserts);
  EXPECT_EQ(all.queries_miss, misses);
  for (const auto& [model, count] : holders) {
    if (count > 0) {
      EXPECT_TRUE(found.contains(model)) << model;
    }
  }
}

TEST(BaseCounters, SumsNeverDecreaseWhileOthersCount) {
  MemoryAccount memory;
  BaseCounters counters(memory);
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      for (uint64_t step = 0; !stop.load(); ++step) {
        const NamespaceKey key{"t" + std::to_string(i) + "-" + std::to_string(step % 9000), "", ""};
        ++counters.hold(key).counters.inserts;
        counters.give_back(key);
        counters.count_miss({"x" + std::to_string(step % 9000), "", ""});
      }
    });
  }
  uint64_t before = 0;
  while (before < 50'000) {
    NamespaceCounters all;
    const auto totals = counters.all(all);
    for (const BaseTotals& one : totals) all += one.counters;
    EXPECT_GE(all.inserts + all.queries_miss, before);
    before = all.inserts + all.queries_miss;
  }
  stop = true;
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace ferro::node::store
