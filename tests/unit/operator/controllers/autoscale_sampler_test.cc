#include "operator/controllers/autoscale_sampler.h"

#include <gtest/gtest.h>

#include <limits>

namespace ferro::oper::controllers {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int64_t kNow = 1'700'000'000;

api::ClusterSpec spec(std::optional<int64_t> memory, std::optional<int64_t> p99) {
  api::ClusterSpec made;
  made.autoscaling = api::AutoscalingSpec{1, 5, memory, p99, 300};
  return made;
}
nodeclient::NodeFigures figures(int64_t memory, std::map<double, uint64_t> queries = {}) {
  return {memory, 1000, std::move(queries)};
}

TEST(Quantile, InterpolatesAsPrometheusDoes) {
  const std::map<double, uint64_t> histogram{{0.1, 90}, {0.2, 100}, {kInf, 100}};
  EXPECT_NEAR(*quantile(0.95, histogram), 0.15, 1e-9);
  EXPECT_NEAR(*quantile(0.45, histogram), 0.05, 1e-9);
  EXPECT_NEAR(*quantile(0.90, histogram), 0.1, 1e-9);
}

TEST(Quantile, BeyondTheLastBoundCountsAsThatBound) {
  EXPECT_NEAR(*quantile(0.99, {{0.1, 1}, {kInf, 100}}), 0.1, 1e-9);
}

TEST(Quantile, NothingCountedIsNothing) {
  EXPECT_FALSE(quantile(0.99, {}));
  EXPECT_FALSE(quantile(0.99, {{0.1, 0}, {kInf, 0}}));
}

TEST(AutoscaleSampler, WithoutAutoscalingNothingIsScraped) {
  AutoscaleSampler sampler;
  EXPECT_FALSE(sampler.wants_figures({}, kNow));
  EXPECT_TRUE(sampler.wants_figures(spec(80, {}), kNow));
}

TEST(AutoscaleSampler, TheFullestMemberCountsSinceWhenItIsAbove) {
  AutoscaleSampler sampler;
  const auto wanted = spec(80, {});
  sampler.add({{"a", figures(100)}, {"b", figures(850)}}, kNow);
  EXPECT_EQ(sampler.sample(wanted, kNow).above_since_unix, kNow);
  EXPECT_DOUBLE_EQ(sampler.sample(wanted, kNow + 10).memory_percent, 85);
  EXPECT_EQ(sampler.sample(wanted, kNow + 10).above_since_unix, kNow);
  sampler.add({{"a", figures(700)}}, kNow + 30);  // between: neither above nor low
  EXPECT_EQ(sampler.sample(wanted, kNow + 30).above_since_unix, 0);
  EXPECT_EQ(sampler.sample(wanted, kNow + 30).below_since_unix, 0);
  sampler.add({{"a", figures(500)}}, kNow + 60);
  EXPECT_EQ(sampler.sample(wanted, kNow + 61).below_since_unix, kNow + 61);
}

TEST(AutoscaleSampler, TheP99IsThatOfTheWindowOverAllMembers) {
  AutoscaleSampler sampler;
  const auto wanted = spec({}, 50);
  sampler.add({{"a", figures(1, {{0.01, 1000}, {0.1, 1000}, {kInf, 1000}})}}, kNow);
  EXPECT_FALSE(sampler.sample(wanted, kNow).p99_ms);  // one scrape says nothing of now
  EXPECT_FALSE(sampler.wants_figures(wanted, kNow + 29));
  EXPECT_TRUE(sampler.wants_figures(wanted, kNow + 30));
  sampler.add({{"a", figures(1, {{0.01, 1000}, {0.1, 1100}, {kInf, 1100}})}}, kNow + 30);
  const auto sample = sampler.sample(wanted, kNow + 30);
  EXPECT_NEAR(*sample.p99_ms, 99.1, 0.01);
  EXPECT_EQ(sample.above_since_unix, kNow + 30);
}

TEST(AutoscaleSampler, ANodeThatStartedAnewIsLeftOut) {
  AutoscaleSampler sampler;
  sampler.add({{"a", figures(1, {{0.01, 1000}, {kInf, 1000}})}}, kNow);
  sampler.add({{"a", figures(1, {{0.01, 5}, {kInf, 900}})}}, kNow + 30);
  EXPECT_FALSE(sampler.sample(spec({}, 50), kNow + 30).p99_ms);
}

TEST(AutoscaleSampler, NoTrafficIsLowButNeverWithoutATarget) {
  AutoscaleSampler sampler;
  sampler.add({{"a", figures(1)}}, kNow);
  EXPECT_EQ(sampler.sample(spec({}, 50), kNow).below_since_unix, kNow);
  EXPECT_EQ(sampler.sample(spec({}, {}), kNow).below_since_unix, 0);
}

TEST(AutoscaleSampler, BothTargetsMustBeLow) {
  AutoscaleSampler sampler;
  sampler.add({{"a", figures(790)}}, kNow);
  EXPECT_EQ(sampler.sample(spec(80, 50), kNow).below_since_unix, 0);
  EXPECT_EQ(sampler.sample(spec(80, 50), kNow).above_since_unix, 0);
}

TEST(AutoscaleSampler, SilenceOfAllChangesNothing) {
  AutoscaleSampler sampler;
  sampler.add({{"a", figures(900)}}, kNow);
  EXPECT_EQ(sampler.sample(spec(80, {}), kNow).above_since_unix, kNow);
  sampler.add({}, kNow + 30);
  EXPECT_EQ(sampler.sample(spec(80, {}), kNow + 30).above_since_unix, kNow);
}

}  // namespace
}  // namespace ferro::oper::controllers
