// Who goes when room is needed: the least recently used, exactly, and no more of them than needed.
#include <algorithm>
#include <deque>
#include <random>

#include "tests/fakes/seed.h"
#include "tests/unit/node/store/fixture.h"

namespace ferro::node::store {
namespace {

class EvictionTest : public StoreFixture {
 protected:
  void limit_entries(size_t most) {
    StoreOptions options;
    options.max_entries_per_namespace = most;
    make(options);
  }
  void limit_bytes(uint64_t most) {
    StoreOptions options;
    options.memory_max_bytes = most;
    make(options);
  }
  // A hit by words, which touches exactly this entry.
  void touch(const std::string& id) { EXPECT_EQ(hits("text of " + id, elsewhere()), Ids{id}); }
  Ids put_touchable(const std::string& id, size_t response_bytes = 10) {
    model::PutOp op = put_of(id, "text of " + id, {1.0F, 0.0F});
    op.response.assign(response_bytes, 'r');
    return put_with_room(op);
  }
};

TEST_F(EvictionTest, TheCapEvictsTheLeastRecentlyUsed) {
  limit_entries(3);
  EXPECT_EQ(put_touchable("a"), Ids{});
  EXPECT_EQ(put_touchable("b"), Ids{});
  EXPECT_EQ(put_touchable("c"), Ids{});
  touch("a");
  EXPECT_EQ(put_touchable("d"), Ids{"b"});
  EXPECT_EQ(put_touchable("e"), Ids{"c"});
  EXPECT_EQ(put_touchable("f"), Ids{"a"});
  EXPECT_EQ(store_->live_entries(now()), 3U);
}

// An owner evicts for all copies, and another one may answer the queries.
TEST_F(EvictionTest, WhatIsReadElsewhereStays) {
  limit_entries(3);
  for (const char* id : {"a", "b", "c"}) put_touchable(id);
  store_->touch(ns_, {{"a", 2}, {"never was", 1}}, now());
  EXPECT_EQ(put_touchable("d"), Ids{"b"});
  EXPECT_EQ(put_touchable("e"), Ids{"c"});
  EXPECT_EQ(put_touchable("f"), Ids{"a"});
}

TEST_F(EvictionTest, TheCapIsEachNamespacesOwn) {
  limit_entries(1);
  EXPECT_EQ(put_touchable("a"), Ids{});
  ns_.scope = "other";
  EXPECT_EQ(put_touchable("a"), Ids{});
  EXPECT_EQ(put_touchable("b"), Ids{"a"});
}

TEST_F(EvictionTest, ReplacingEvictsNobody) {
  limit_entries(2);
  put_touchable("a");
  put_touchable("b");
  EXPECT_EQ(put_touchable("a"), Ids{});
  EXPECT_EQ(put_touchable("b"), Ids{});
  EXPECT_EQ(put_touchable("c"), Ids{"a"});
}

TEST_F(EvictionTest, ExpiredEntriesTakeNoPlaceUnderTheCap) {
  limit_entries(2);
  put_touchable("a");
  model::PutOp brief = put_of("b", "text of b");
  brief.expires_at_ms = now() + 10;
  EXPECT_EQ(put_with_room(brief), Ids{});
  clock_.advance_ms(10);
  EXPECT_EQ(put_touchable("c"), Ids{});
  EXPECT_EQ(put_touchable("d"), Ids{"a"});
}

TEST_F(EvictionTest, IsExactLeastRecentlyUsedAgainstAList) {
  const uint64_t seed = fakes::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  limit_entries(100);
  std::deque<std::string> order;  // coldest first
  for (int i = 0; i < 5000; ++i) {
    if (order.size() > 1 && random() % 3 != 0) {
      const std::string id = order[random() % order.size()];
      touch(id);
      std::erase(order, id);
      order.push_back(id);
      continue;
    }
    const std::string id = std::to_string(i);
    const Ids victims = put_touchable(id);
    Ids expected;
    if (order.size() == 100) {
      expected = {order.front()};
      order.pop_front();
    }
    order.push_back(id);
    ASSERT_EQ(victims, expected) << "step " << i;
  }
}

TEST_F(EvictionTest, TheBudgetEvictsTheColdestOfAllNamespacesAndNoMoreThanNeeded) {
  const uint64_t seed = fakes::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr uint64_t kBudget = 1U << 20;
  limit_bytes(kBudget);
  std::deque<std::pair<std::string, std::string>> order;  // scope, id; coldest first
  size_t evicted = 0;
  for (int i = 0; i < 8000; ++i) {
    if (order.size() > 1 && random() % 2 == 0) {
      const auto entry = order[random() % order.size()];
      ns_.scope = entry.first;
      touch(entry.second);
      std::erase(order, entry);
      order.push_back(entry);
      continue;
    }
    ns_.scope = std::to_string(random() % 5);
    const std::string id = std::to_string(i);
    for (const std::string& victim : put_touchable(id, random() % 1000)) {
      ASSERT_EQ(victim, order.front().second) << "step " << i;
      order.pop_front();
      ++evicted;
    }
    order.emplace_back(ns_.scope, id);
    ASSERT_EQ(store_->live_entries(now()), order.size());
    // What the index keeps for entries to come is not charged, so what is held may pass the budget a little.
    ASSERT_LE(store_->memory_bytes(), kBudget * 21 / 20) << "step " << i;
    if (evicted > 0) {
      ASSERT_GE(store_->memory_bytes(), kBudget * 18 / 20) << "step " << i;
    }
  }
  EXPECT_GT(evicted, 1000U);
}

TEST_F(EvictionTest, TheBudgetTakesWhatHasExpiredBeforeWhatLives) {
  limit_bytes(1U << 20);
  for (int i = 0; i < 100; ++i) {
    model::PutOp op = put_of("brief" + std::to_string(i), "");
    op.response.assign(4000, 'r');
    op.expires_at_ms = now() + 10;
    ASSERT_EQ(put_with_room(op), Ids{});
  }
  put_touchable("kept", 4000);
  clock_.advance_ms(10);
  for (int i = 0; i < 150; ++i) EXPECT_EQ(put_touchable("new" + std::to_string(i), 4000), Ids{});
  touch("kept");
  EXPECT_EQ(store_->namespace_stats(ns_, now())->counters.evictions, 0U);
  EXPECT_GT(store_->namespace_stats(ns_, now())->counters.expirations, 0U);
}

TEST_F(EvictionTest, AnEntryLargerThanTheBudgetIsRefused) {
  limit_bytes(1U << 20);
  put_touchable("a");
  model::PutOp op = put_of("b", "");
  op.response.assign(2U << 20, 'r');
  const Status status = store_->admit(op, now());
  EXPECT_EQ(status.code(), StatusCode::out_of_memory_budget);
  EXPECT_NE(status.message().find("evictable"), std::string::npos);
  touch("a");
}

TEST_F(EvictionTest, TheReplacedEntryIsNeverAVictim) {
  limit_bytes(1U << 20);
  put_touchable("a", 400'000);
  put_touchable("b", 400'000);
  // `a` is the coldest, but it makes way by being replaced.
  EXPECT_EQ(put_touchable("a", 500'000), Ids{});
  EXPECT_EQ(put_touchable("a", 700'000), Ids{"b"});
}

// --- batches that are decided before any of them is applied ---

TEST_F(EvictionTest, ABatchNamesEachVictimOnce) {
  limit_entries(3);
  for (const char* id : {"a", "b", "c"}) put_touchable(id);
  Ids victims;
  std::vector<model::Operation> batch;
  for (const char* id : {"d", "e"}) {
    model::PutOp op = put_of(id, std::string("text of ") + id);
    ASSERT_TRUE(store_->admit(op, now()).ok());
    for (const EntryRef& ref : store_->victims_for(op, now())) {
      victims.push_back(ref.id);
      batch.emplace_back(model::DeleteOp{ref.ns, ref.id, ref.version, model::DeleteReason::evicted});
    }
    batch.emplace_back(op);
  }
  EXPECT_EQ(victims, (Ids{"a", "b"}));
  for (const model::Operation& op : batch) apply(op);
  store_->end_batch();
  EXPECT_EQ(store_->live_entries(now()), 3U);
  EXPECT_EQ(put_touchable("f"), Ids{"c"});
}

TEST_F(EvictionTest, ABatchLargerThanTheCapEvictsItsOwnFirstPuts) {
  limit_entries(3);
  put_touchable("old");
  std::vector<model::Operation> batch;
  for (int i = 0; i < 10; ++i) {
    model::PutOp op = put_of(std::to_string(i), "text of " + std::to_string(i));
    for (const EntryRef& ref : store_->victims_for(op, now())) {
      batch.emplace_back(model::DeleteOp{ref.ns, ref.id, ref.version, model::DeleteReason::evicted});
    }
    batch.emplace_back(op);
  }
  for (const model::Operation& op : batch) apply(op);
  store_->end_batch();
  EXPECT_EQ(store_->live_entries(now()), 3U);
  for (const char* id : {"7", "8", "9"}) touch(id);
}

TEST_F(EvictionTest, ABatchThatReplacesItsOwnPutsTakesOnePlace) {
  limit_entries(2);
  put_touchable("a");
  std::vector<model::Operation> batch;
  for (int i = 0; i < 5; ++i) {
    model::PutOp op = put_of("b", "text of b");
    EXPECT_TRUE(store_->victims_for(op, now()).empty()) << i;
    batch.emplace_back(op);
  }
  for (const model::Operation& op : batch) apply(op);
  store_->end_batch();
  touch("a");
  touch("b");
}

TEST_F(EvictionTest, ABatchThatCouldNotBeLoggedLeavesNoTrace) {
  limit_entries(2);
  put_touchable("a");
  put_touchable("b");
  EXPECT_EQ(store_->victims_for(put_of("c", ""), now()).size(), 1U);
  EXPECT_EQ(store_->victims_for(put_of("a", ""), now()).size(), 1U);
  store_->end_batch();
  touch("a");
  EXPECT_EQ(put_touchable("d"), Ids{"b"});
  EXPECT_EQ(put_touchable("e"), Ids{"a"});
}

TEST_F(EvictionTest, BatchesStayWithinTheBudget) {
  const uint64_t seed = fakes::test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  constexpr uint64_t kBudget = 1U << 20;
  limit_bytes(kBudget);
  int made = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<model::Operation> batch;
    for (size_t left = 1 + random() % 400; left > 0; --left) {
      model::PutOp op = put_of(std::to_string(made++), "");
      if (random() % 5 == 0) op.id = std::to_string(random() % 100);
      op.response.assign(random() % 8000, 'r');
      ASSERT_TRUE(store_->admit(op, now()).ok());
      for (const EntryRef& ref : store_->victims_for(op, now())) {
        batch.emplace_back(model::DeleteOp{ref.ns, ref.id, ref.version, model::DeleteReason::evicted});
      }
      batch.emplace_back(op);
    }
    for (const model::Operation& op : batch) store_->apply(op, now());
    store_->end_batch();
    while (epochs_.collect() > 0) {
    }
    ASSERT_LE(store_->memory_bytes(), kBudget * 21 / 20) << "round " << round;
  }
  EXPECT_GE(store_->memory_bytes(), kBudget * 18 / 20);
}

}  // namespace
}  // namespace ferro::node::store
