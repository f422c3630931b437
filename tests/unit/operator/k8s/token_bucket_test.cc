#include "operator/k8s/token_bucket.h"

#include <gtest/gtest.h>

namespace ferro::oper::k8s {
namespace {

TEST(TokenBucket, ABurstAtOnceThenTheRate) {
  ManualClock clock;
  TokenBucket bucket(clock, 10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take_ms(), 0);
  EXPECT_EQ(bucket.take_ms(), 100);
  EXPECT_EQ(bucket.take_ms(), 200);  // behind the one that waits
  clock.advance_ms(200);
  EXPECT_EQ(bucket.take_ms(), 100);
  clock.advance_ms(60'000);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take_ms(), 0);  // no more than the burst is saved up
  EXPECT_GT(bucket.take_ms(), 0);
}

TEST(TokenBucket, TryTakePromisesNothing) {
  ManualClock clock;
  TokenBucket bucket(clock, 2, 1);
  EXPECT_TRUE(bucket.try_take());
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(bucket.try_take());
  EXPECT_GE(bucket.wait_for_one_ms(), 499);
  clock.advance_ms(500);
  EXPECT_TRUE(bucket.try_take());
}

TEST(TokenBucket, ZeroIsUnbounded) {
  ManualClock clock;
  TokenBucket bucket(clock, 0, 0);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(bucket.take_ms(), 0);
    EXPECT_TRUE(bucket.try_take());
  }
}

}  // namespace
}  // namespace ferro::oper::k8s
