// make_plan, driven through random worlds until they settle. FERRO_PLAN_SEEDS=N runs N seeds,
// FERRO_PLAN_SEED=S one, with its story.
#include <cstdlib>
#include <iostream>

#include <gtest/gtest.h>

#include "tests/unit/operator/plan/simulated_cluster/story.h"

namespace ferro::oper::plan::sim {
namespace {

constexpr uint64_t kSeedsByDefault = 300;

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

TEST(Property, EveryStorySettlesAndNothingBreaksOnTheWay) {
  const uint64_t one = number_from("FERRO_PLAN_SEED", 0);
  const uint64_t first = one != 0 ? one : number_from("FERRO_PLAN_FIRST", 1);
  const uint64_t count = one != 0 ? 1 : number_from("FERRO_PLAN_SEEDS", kSeedsByDefault);
  int broken = 0;
  int64_t steps = 0;
  for (uint64_t seed = first; seed < first + count && broken < 5; ++seed) {
    Story story(seed, one != 0);
    story.run();
    steps += story.steps();
    if (story.faults().empty()) continue;
    ++broken;
    std::string all;
    for (size_t i = 0; i < std::min<size_t>(story.faults().size(), 5); ++i) all += "\n  " + story.faults()[i];
    ADD_FAILURE() << "seed " << seed << ", FERRO_PLAN_SEED=" << seed << " tells its story:" << all;
  }
  std::cout << count << " stories from seed " << first << ", " << steps << " steps\n";
}

}  // namespace
}  // namespace ferro::oper::plan::sim
