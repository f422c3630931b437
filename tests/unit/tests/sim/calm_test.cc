#include "tests/sim/calm.h"

#include <gtest/gtest.h>

namespace ferro::sim {
namespace {

TEST(CalmTest, PlannedChangesEndCalmButNotOrder) {
  Calm calm;
  EXPECT_FALSE(calm.orderly_over(0, 0));
  calm.begin(100);
  calm.change(200);
  EXPECT_FALSE(calm.is_calm());
  EXPECT_TRUE(calm.orderly_over(100, 5000));
  EXPECT_FALSE(calm.orderly_over(99, 101));
  calm.disturb(300);
  EXPECT_FALSE(calm.orderly_over(250, 301));
  EXPECT_TRUE(calm.orderly_over(250, 300));
  calm.begin(400);
  EXPECT_FALSE(calm.orderly_over(250, 450));
  EXPECT_TRUE(calm.orderly_over(400, 450));
}

TEST(CalmTest, FindsCalmInstants) {
  Calm calm;
  EXPECT_EQ(calm.last_calm(1000), -1);
  calm.begin(100);
  EXPECT_EQ(calm.last_calm(150), 150);
  calm.disturb(200);
  EXPECT_EQ(calm.last_calm(150), 150);
  EXPECT_EQ(calm.last_calm(900), 200);
  EXPECT_TRUE(calm.calm_between(50, 100));
  EXPECT_TRUE(calm.calm_between(200, 900));
  EXPECT_FALSE(calm.calm_between(201, 900));
  EXPECT_FALSE(calm.calm_over(150, 250));
}

}  // namespace
}  // namespace ferro::sim
