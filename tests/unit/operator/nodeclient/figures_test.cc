#include "operator/nodeclient/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace ferro::oper::nodeclient {
namespace {

constexpr std::string_view kScrape = R"(# HELP ferrocache_memory_bytes memory
# TYPE ferrocache_memory_bytes gauge
ferrocache_memory_bytes 1.5e+06
ferrocache_memory_max_bytes 3000000
ferrocache_query_duration_seconds_bucket{le="0.0001"} 3
ferrocache_query_duration_seconds_bucket{le="0.001"} 5
ferrocache_query_duration_seconds_bucket{le="+Inf"} 6
ferrocache_query_duration_seconds_sum 0.01
ferrocache_query_duration_seconds_count 6
ferrocache_insert_duration_seconds_bucket{le="0.001"} 50
ferrocache_namespace_entries{namespace="a\"} 7"} broken
)";

TEST(Figures, MemoryAndTheHistogramOfQueries) {
  const auto read = parse_figures(kScrape);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->memory_bytes, 1'500'000);
  EXPECT_EQ(read->memory_max_bytes, 3'000'000);
  EXPECT_THAT(read->queries_by_seconds,
              testing::ElementsAre(testing::Pair(0.0001, 3), testing::Pair(0.001, 5),
                                   testing::Pair(std::numeric_limits<double>::infinity(), 6)));
}

TEST(Figures, WhatIsMissingOrMalformedIsAnError) {
  EXPECT_FALSE(parse_figures("").ok());
  EXPECT_FALSE(parse_figures("ferrocache_memory_bytes 1\n").ok());
  const std::string good(kScrape);
  for (const char* line :
       {"ferrocache_memory_bytes x\n", "ferrocache_memory_bytes NaN\n", "ferrocache_memory_bytes -1\n",
        "ferrocache_query_duration_seconds_bucket{le=\"0.1\n",
        "ferrocache_query_duration_seconds_bucket{le=\"x\"} 1\n",
        "ferrocache_query_duration_seconds_bucket{le=\"0.1\"} \n"}) {
    EXPECT_FALSE(parse_figures(good + line).ok()) << line;
  }
  std::string many(good);
  for (int i = 1; i < 100; ++i) {
    many += "ferrocache_query_duration_seconds_bucket{le=\"" + std::to_string(i) + "\"} 1\n";
  }
  EXPECT_FALSE(parse_figures(many).ok());
}

}  // namespace
}  // namespace ferro::oper::nodeclient
