// make_plan, driven through random lives of a cluster until they settle. The same stories every time, unless
// FERRO_TEST_SEED names the first; FERRO_PLAN_STORIES=N runs N of them, FERRO_PLAN_STORY=SEED one, told aloud
// (FERRO_PLAN_VERBOSE=1: step by step).
#include <algorithm>
#include <cstdlib>
#include <iostream>

#include <gtest/gtest.h>

#include "tests/unit/operator/plan/simulated_cluster/story.h"

namespace ferro::oper::plan::sim {
namespace {

constexpr uint64_t kStoriesByDefault = 60;  // some two seconds
constexpr int kBrokenShown = 5;
constexpr size_t kFaultsShown = 5;

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(Property, EveryStorySettlesAndNothingBreaksOnTheWay) {
  const uint64_t one = number_from("FERRO_PLAN_STORY", 0);
  const uint64_t first = one != 0 ? one : number_from("FERRO_TEST_SEED", 1);
  const uint64_t count = one != 0 ? 1 : number_from("FERRO_PLAN_STORIES", kStoriesByDefault);
  int broken = 0;
  int64_t steps = 0;
  for (uint64_t seed = first; seed < first + count && broken < kBrokenShown; ++seed) {
    Story story(seed, one != 0);
    story.run();
    steps += story.steps();
    if (story.faults().empty()) continue;
    ++broken;
    std::string all;
    for (size_t i = 0; i < std::min(story.faults().size(), kFaultsShown); ++i)
      all += "\n  " + story.faults()[i];
    ADD_FAILURE() << "FERRO_PLAN_STORY=" << seed << " tells what happened:" << all;
  }
  std::cout << count << " stories from seed " << first << ", " << steps << " steps\n";
}

}  // namespace
}  // namespace ferro::oper::plan::sim
