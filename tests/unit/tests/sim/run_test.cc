// That the simulator itself can be trusted: it replays, it notices what it is there for, and what it once
// found stays found.
#include "tests/sim/run.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "common/obs/log.h"

namespace ferro::sim {
namespace {

class RunTest : public testing::Test {
 protected:
  RunTest() { obs::set_level(obs::Level::off); }
};

TEST_F(RunTest, ASeedReplaysExactly) {
  for (const uint64_t seed : {3, 4, 5}) {
    SCOPED_TRACE(seed);
    RunOptions options;
    options.seed = seed;
    const RunReport first = run_seed(options), second = run_seed(options);
    EXPECT_EQ(first.failure, "");
    EXPECT_EQ(first.trace, second.trace);
    EXPECT_EQ(first.requests, second.requests);
    EXPECT_GT(first.judged, 50U);
  }
}

TEST_F(RunTest, NoticesWhatItLooksFor) {
  const std::pair<Sabotage, const char*> kinds[] = {
      {Sabotage::lose_write, "an acknowledged entry is missing"},
      {Sabotage::revive_delete, "something newer was acknowledged"},
      {Sabotage::swallow_answer, "no answer within"},
  };
  for (const auto& [sabotage, expected] : kinds) {
    RunOptions options;
    options.seed = 7;
    options.sabotage = sabotage;
    SCOPED_TRACE(expected);
    const RunReport report = run_seed(options);
    EXPECT_NE(report.failure.find(expected), std::string::npos) << report.failure;
    EXPECT_NE(report.failure.find("make sim ONLY=7"), std::string::npos) << report.failure;
  }
}

TEST_F(RunTest, WhatItFoundStaysFixed) {
  std::ifstream file(FERRO_SIM_REGRESSIONS);
  ASSERT_TRUE(file);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    RunOptions options;
    ASSERT_TRUE(words >> options.seed >> options.nodes) << line;
    SCOPED_TRACE(line);
    EXPECT_EQ(run_seed(options).failure, "");
  }
}

}  // namespace
}  // namespace ferro::sim
