#include "node/metrics/duration_histogram.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace ferro::node::metrics {
namespace {

TEST(DurationHistogram, BucketsOfTheContract) {
  EXPECT_EQ(DurationHistogram::kBoundsSeconds.front(), 0.0001);
  EXPECT_EQ(DurationHistogram::kBoundsSeconds.back(), 10.0);
  const auto empty = DurationHistogram().read();
  EXPECT_EQ(empty.count, 0U);
  EXPECT_EQ(empty.cumulative.back(), 0U);
  EXPECT_EQ(empty.sum_seconds, 0.0);
}

// A bound belongs to its bucket, one nanosecond more to the next.
TEST(DurationHistogram, BoundsAreInclusive) {
  for (size_t i = 0; i < DurationHistogram::kBoundsSeconds.size(); ++i) {
    const auto bound_ns = static_cast<uint64_t>(DurationHistogram::kBoundsSeconds[i] * 1e9 + 0.5);
    DurationHistogram histogram;
    histogram.observe_ns(bound_ns);
    EXPECT_EQ(histogram.read().cumulative[i], 1U);
    if (i > 0) {
      EXPECT_EQ(histogram.read().cumulative[i - 1], 0U);
    }
    histogram.observe_ns(bound_ns + 1);
    EXPECT_EQ(histogram.read().cumulative[i], 1U);
    EXPECT_EQ(histogram.read().count, 2U);
  }
}

TEST(DurationHistogram, SumAndCountAreExactOverThreads) {
  DurationHistogram histogram;
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < 40; ++i) {  // more than there are cells
    threads.emplace_back([&histogram, i] {
      for (int round = 0; round < 100; ++round) histogram.observe_ns(i * 1'000'000);
    });
  }
  for (auto& thread : threads) thread.join();
  histogram.observe_ns(11'000'000'000);  // beyond the last bound
  const auto figures = histogram.read();
  EXPECT_EQ(figures.count, 4001U);
  EXPECT_EQ(figures.cumulative.back(), 4000U);
  EXPECT_EQ(figures.cumulative[3], 200U);  // 0 ms and 1 ms
  EXPECT_NEAR(figures.sum_seconds, 100 * 780 * 1e-3 + 11, 1e-9);
  for (size_t i = 1; i < figures.cumulative.size(); ++i)
    EXPECT_GE(figures.cumulative[i], figures.cumulative[i - 1]);
}

}  // namespace
}  // namespace ferro::node::metrics
