// Every operation again, with the operator killed before and after each of its calls that changes something.
// What it tells a node lies between two such calls: before it and after it are points of theirs.
// FERRO_CRASH_POINTS=all visits every point (`make crash-points`); otherwise an even sample keeps this short.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "tests/unit/operator/scenarios/operations.h"

namespace ferro::oper::scenarios {
namespace {

using fakes::kube::Fault;
using fakes::kube::RequestFacts;

constexpr uint64_t kSampled = 3;  // points of an operation that every run visits

// Kills at the n-th write since it was armed: before the server sees it, or after it was carried out. From
// then on nothing of that process reaches anybody, until the next one begins.
class Killer {
 public:
  Killer(Stage& stage, uint64_t at, bool after) : stage_(stage), at_(at), after_(after) {}

  void arm() {
    stage_.server.set_faults([this](const RequestFacts& facts) { return judge(facts); });
    stage_.replace_when([this] {
      const bool dead = std::exchange(dead_, false);
      stage_.nodes.cut_off(false);
      return dead;
    });
  }
  uint64_t writes() const { return writes_; }

 private:
  Fault judge(const RequestFacts& facts) {
    Fault fault;
    if (dead_) {
      fault.kind = Fault::Kind::drop_request;
    } else if (facts.is_write && ++writes_ == at_) {
      dead_ = true;
      stage_.nodes.cut_off(true);
      fault.kind = after_ ? Fault::Kind::drop_answer : Fault::Kind::drop_request;
    }
    return fault;
  }

  Stage& stage_;
  const uint64_t at_;
  const bool after_;
  uint64_t writes_ = 0;
  bool dead_ = false;
};

struct Ending {
  bool finished = false;
  uint64_t writes = 0;
  std::string story;
  std::vector<std::string> faults;
};

Ending run(const Operation& operation, uint64_t at, bool after) {
  Stage stage;
  Killer killer(stage, at, after);
  stage.create(kCluster, operation.spec);
  if (operation.begin) {
    if (!stage.settles(kCluster)) return {false, 0, "never settled before " + operation.name, {}};
    killer.arm();
    operation.begin(stage);
    stage.second();
  } else {
    killer.arm();
  }
  Ending result;
  result.finished = finishes(stage, operation, 1800);
  result.writes = killer.writes();
  result.story = stage.story(kCluster);
  result.faults = stage.nodes.faults();
  return result;
}

std::string name_of(const testing::TestParamInfo<size_t>& each) {
  std::string name = operations()[each.param].name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

class CrashPointTest : public testing::TestWithParam<size_t> {};

TEST_P(CrashPointTest, TheNextOneGoesOn) {
  const Operation& operation = operations()[GetParam()];
  const Ending whole = run(operation, 0, false);
  ASSERT_TRUE(whole.finished) << operation.name << "\n" << whole.story;
  ASSERT_GT(whole.writes, 0U) << "there is nothing to be killed at";
  const char* const wanted = std::getenv("FERRO_CRASH_POINTS");
  const bool all = wanted != nullptr && std::string_view(wanted) == "all";
  const uint64_t stride = all ? 1 : std::max<uint64_t>(1, whole.writes / kSampled);
  for (uint64_t at = 1; at <= whole.writes; at += stride) {
    for (const bool after : {false, true}) {
      // Of the sample one of the two, in turn.
      if (!all && (at / stride % 2 == 0) != after) continue;
      const Ending killed = run(operation, at, after);
      const std::string where = operation.name + ", killed " + (after ? "after" : "before") + " write " +
                                std::to_string(at) + " of " + std::to_string(whole.writes);
      ASSERT_GE(killed.writes, at) << where;
      ASSERT_TRUE(killed.finished) << where << "\n" << killed.story;
      ASSERT_THAT(killed.faults, testing::IsEmpty()) << where << "\n" << killed.story;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CrashPointTest, testing::Range<size_t>(0, operations().size()), name_of);

}  // namespace
}  // namespace ferro::oper::scenarios
