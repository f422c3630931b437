#include "node/cluster/placement/score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace ferro::node::cluster {
namespace {

constexpr double kOne = 4294967296.0;  // 2^32

TEST(NegativeLog2, EndsAndPowersOfTwoAreExact) {
  EXPECT_EQ(negative_log2(UINT64_MAX), 0U);
  EXPECT_EQ(negative_log2(0), uint64_t{64} << 32);
  for (unsigned bit = 0; bit < 64; ++bit) {
    EXPECT_EQ(negative_log2((uint64_t{1} << bit) - 1), uint64_t{64 - bit} << 32) << bit;
  }
}

TEST(NegativeLog2, AgreesWithTheMathLibrary) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t x = random() >> (random() % 64);
    const long double expected = 64.0L - std::log2(static_cast<long double>(x) + 1.0L);
    EXPECT_NEAR(static_cast<double>(negative_log2(x)) / kOne, static_cast<double>(expected), 1e-9) << x;
  }
}

TEST(NegativeLog2, NeverRises) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t x = random() >> (random() % 63);
    EXPECT_GE(negative_log2(x), negative_log2(x + 1)) << x;
  }
}

TEST(Distance, IsExponentialWithTheWeightAsItsRate) {
  for (const uint32_t weight : {1U, 64U, 1000U}) {
    double sum = 0.0;
    size_t count = 0;
    for (int member = 0; member < 200; ++member) {
      const uint64_t hash = hash_of_member("member " + std::to_string(member));
      for (uint16_t partition = 0; partition < 1024; ++partition, ++count) {
        sum += static_cast<double>(distance(hash, partition, weight));
      }
    }
    // The mean of -log2 of a uniform number is 1 / ln 2; distances have 25 more bits behind the point.
    const double mean = sum / static_cast<double>(count) / kOne / 33554432.0 * weight;
    EXPECT_NEAR(mean, 1.0 / std::log(2.0), 0.02);
  }
}

TEST(Distance, TheLargestFitsAndWeightsDivideIt) {
  const uint64_t hash = hash_of_member("x");
  for (uint16_t partition = 0; partition < 1024; ++partition) {
    EXPECT_EQ(distance(hash, partition, 64), distance(hash, partition, 1) / 64);
  }
  EXPECT_GT(uint64_t{64} << 32 << 25, uint64_t{64} << 32);  // no bit of -log2(0) is lost by the scale
}

// Numbers worked out apart from this code, with 60-digit decimals.
TEST(Distance, KnownValuesNeverChange) {
  EXPECT_EQ(hash_of_member("alpha"), 13'720'501'819'814'554'458U);
  EXPECT_EQ(distance(hash_of_member("alpha"), 0, 64), 49'921'753'350'144U);
  EXPECT_EQ(distance(hash_of_member("alpha"), 1023, 1), 25'960'329'733'210'112U);
}

}  // namespace
}  // namespace ferro::node::cluster
