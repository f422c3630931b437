#include "bench/loadgen/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace ferro::bench::loadgen {
namespace {

TEST(Histogram, QuantilesAreWithinTwoPercentOfTheSortedValues) {
  constexpr unsigned kSeed = 5;
  SCOPED_TRACE(kSeed);
  std::mt19937_64 random(kSeed);
  std::lognormal_distribution<double> spread(11.0, 2.0);
  Histogram histogram;
  std::vector<int64_t> values;
  for (int i = 0; i < 50'000; ++i) {
    values.push_back(static_cast<int64_t>(spread(random)));
    histogram.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double quantile : {0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto exact =
        static_cast<double>(values[static_cast<size_t>(quantile * static_cast<double>(values.size() - 1))]);
    const auto estimate = static_cast<double>(histogram.quantile_ns(quantile));
    EXPECT_GE(estimate, exact) << quantile;
    EXPECT_LE(estimate, exact * 1.02 + 1) << quantile;
  }
  EXPECT_EQ(histogram.max_ns(), values.back());
}

TEST(Histogram, SmallValuesAreExactAndTheLargestFit) {
  Histogram histogram;
  for (int64_t value = 0; value < 128; ++value) histogram.add(value);
  EXPECT_EQ(histogram.quantile_ns(0.5), 63);
  histogram.add(INT64_MAX);
  EXPECT_EQ(histogram.quantile_ns(1.0), INT64_MAX);
}

TEST(Histogram, EmptyIsZero) {
  EXPECT_EQ(Histogram().quantile_ns(0.99), 0);
}

}  // namespace
}  // namespace ferro::bench::loadgen
