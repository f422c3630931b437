#include "node/cluster/sync/byte_budget.h"

#include <gtest/gtest.h>

namespace ferro::node::cluster {
namespace {

TEST(ByteBudget, WithoutALimitNobodyWaits) {
  ByteBudget budget(0);
  budget.spend(UINT64_MAX, 0);
  EXPECT_EQ(budget.wait_ms(0), 0);
}

TEST(ByteBudget, ASecondsWorthIsThereAtOnceAndTheRestComesIn) {
  ByteBudget budget(1000);
  budget.spend(1000, 5000);
  EXPECT_EQ(budget.wait_ms(5000), 0);
  budget.spend(500, 5000);
  EXPECT_EQ(budget.wait_ms(5000), 501);
  EXPECT_EQ(budget.wait_ms(5400), 101);
  EXPECT_EQ(budget.wait_ms(5501), 0);
}

TEST(ByteBudget, OverALongTimeTheRateIsKept) {
  ByteBudget budget(10'000);
  int64_t now_ms = 0;
  uint64_t spent = 0;
  while (now_ms < 60'000) {
    if (const int64_t wait_ms = budget.wait_ms(now_ms); wait_ms != 0) {
      now_ms += wait_ms;
    } else {
      budget.spend(777, now_ms);
      spent += 777;
    }
  }
  EXPECT_NEAR(static_cast<double>(spent), 10'000.0 * 61, 2000);
}

TEST(ByteBudget, FrequentQuestionsLoseNoTime) {
  ByteBudget budget(3);
  budget.spend(6, 0);
  int64_t now_ms = 0;
  while (budget.wait_ms(now_ms) != 0) ++now_ms;
  EXPECT_NEAR(static_cast<double>(now_ms), 1000.0, 10);
}

}  // namespace
}  // namespace ferro::node::cluster
