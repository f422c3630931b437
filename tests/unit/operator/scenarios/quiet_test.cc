// What a cluster that is as it should be costs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/scenarios/operations.h"

namespace ferro::oper::scenarios {
namespace {

// Not across 03:00 UTC, when snapshots are due; the clock starts at 22:13.
TEST(Quiet, ASettledHourCostsNoWriteAndTellsNodesNothing) {
  Stage stage;
  stage.create(kCluster);
  ASSERT_TRUE(stage.settles(kCluster)) << stage.story(kCluster);
  const uint64_t writes = stage.server.writes(), commands = stage.nodes.commands();
  stage.server.clear_log();
  const uint64_t passes = stage.oper->passes();
  stage.until([] { return false; }, 3600);
  std::string what;
  for (const auto& facts : stage.server.log()) {
    if (facts.is_write)
      what += facts.verb + " " + facts.plural + "/" + facts.name + "/" + facts.subresource + "\n";
  }
  EXPECT_EQ(stage.server.writes(), writes) << what << stage.story(kCluster);
  EXPECT_EQ(stage.nodes.commands(), commands);
  EXPECT_GT(stage.oper->passes(), passes + 60) << "it did not look";
}

TEST(Quiet, ARestartedOperatorWritesNothing) {
  Stage stage;
  stage.create(kCluster);
  ASSERT_TRUE(stage.settles(kCluster));
  const uint64_t writes = stage.server.writes();
  stage.restart_operator();
  stage.until([] { return false; }, 120);
  EXPECT_EQ(stage.server.writes(), writes) << stage.story(kCluster);
}

// Objects of others cost neither a pass nor a request, and are not even brought.
TEST(Quiet, TenThousandSecretsOfOthersAreNotEvenRead) {
  Stage stage;
  stage.create(kCluster);
  ASSERT_TRUE(stage.settles(kCluster));
  const uint64_t passes = stage.oper->passes(), heard = stage.oper->heard();
  stage.server.clear_log();
  for (int i = 0; i < 10'000; ++i) {
    stage.server.create(
        "others", "secrets",
        {{"metadata", {{"name", "s" + std::to_string(i)}, {"namespace", Stage::kNamespace}}}});
  }
  stage.second();
  EXPECT_LE(stage.oper->passes(), passes + 1);
  EXPECT_EQ(stage.oper->heard(), heard);
  const auto log = stage.server.log();
  EXPECT_THAT(log, testing::Not(testing::IsEmpty())) << "it watches";
  for (const auto& facts : log) EXPECT_EQ(facts.verb, "watch") << facts.plural << " " << facts.name;
  // One that starts now lists all that there is of its own.
  stage.restart_operator();
  stage.second();
  EXPECT_GT(stage.oper->heard(), 10U);
  EXPECT_LT(stage.oper->heard(), 100U);
}

}  // namespace
}  // namespace ferro::oper::scenarios
