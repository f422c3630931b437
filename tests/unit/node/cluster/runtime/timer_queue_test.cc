#include "node/cluster/runtime/timer_queue.h"
#include "tests/fakes/seed.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace ferro::node::cluster {
namespace {

TEST(TimerQueue, GivesWhatIsDueByTimeThenByOrderOfAdding) {
  TimerQueue<int> queue;
  queue.add(20, 1);
  queue.add(10, 2);
  queue.add(20, 3);
  EXPECT_EQ(queue.next_due(), 10);
  EXPECT_FALSE(queue.take(9).has_value());
  EXPECT_EQ(queue.take(100)->item, 2);
  EXPECT_EQ(queue.take(100)->item, 1);
  EXPECT_EQ(queue.take(100)->item, 3);
  EXPECT_FALSE(queue.next_due().has_value());
}

TEST(TimerQueue, WhatWasPutBackKeepsItsId) {
  TimerQueue<int> queue;
  const auto id = queue.add(10, 7);
  auto due = queue.take(10);
  EXPECT_EQ(due->id, id);
  queue.put_back(30, due->id, due->item);
  EXPECT_EQ(queue.next_due(), 30);
  EXPECT_EQ(queue.cancel(id), 7);
  EXPECT_FALSE(queue.cancel(id).has_value());
  EXPECT_FALSE(queue.next_due().has_value());
}

// Against an ordered map, with most timers cancelled as timeouts are, so that the heap is rebuilt.
TEST(TimerQueue, RandomUseAgreesWithAnOrderedMap) {
  const auto seed = static_cast<unsigned>(fakes::test_seed());
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  TimerQueue<uint64_t> queue;
  std::map<std::pair<int64_t, uint64_t>, uint64_t> model;
  int64_t now = 0;
  for (uint64_t step = 0; step < 50'000; ++step) {
    const auto choice = random() % 10;
    if (choice < 6) {
      const int64_t due = now + static_cast<int64_t>(random() % 1000);
      model[{due, queue.add(due, step)}] = step;
    } else if (choice < 9 && !model.empty()) {
      auto victim = model.lower_bound({now + static_cast<int64_t>(random() % 1000), 0});
      if (victim == model.end()) continue;
      EXPECT_EQ(queue.cancel(victim->first.second), victim->second);
      model.erase(victim);
    } else {
      now += static_cast<int64_t>(random() % 3);
      while (auto due = queue.take(now)) {
        ASSERT_FALSE(model.empty());
        EXPECT_EQ(due->item, model.begin()->second);
        model.erase(model.begin());
      }
    }
    ASSERT_EQ(queue.size(), model.size());
    if (model.empty()) continue;
    ASSERT_EQ(queue.next_due(), model.begin()->first.first);
  }
}

}  // namespace
}  // namespace ferro::node::cluster
