// Kinds that the API server may not know yet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/scenarios/cluster_test.h"

namespace ferro::oper::scenarios {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Cause: what was asked for was applied whether the API server knew its kind or not, before the StatefulSet:
// the answer, 404, ended every pass, and status told nothing of it.
TEST_F(ClusterTest, AMonitorThatIsAskedForAndUnknownKeepsNothingWaitingAndComesWithItsKind) {
  stage_.create(kCluster, {{"monitoring", {{"serviceMonitor", "enabled"}}}});
  ASSERT_TRUE(stage_.until(
      [&] { return stage_.condition(kCluster, "Available") == "True/AllPartitionsServed"; }, 120))
      << stage_.story(kCluster);
  EXPECT_TRUE(stage_.until([&] { return stage_.blockers(kCluster).size() == 1; }, 60))
      << stage_.story(kCluster);
  EXPECT_THAT(stage_.blockers(kCluster), ElementsAre("KindNotServed"));
  stage_.server.install_kind({"monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor", true, false,
                              true, false, std::nullopt, Json()});
  EXPECT_TRUE(stage_.until(
      [&] { return stage_.server.get("servicemonitors", Stage::kNamespace, kCluster).has_value(); }, 600))
      << stage_.story(kCluster);
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_THAT(stage_.blockers(kCluster), IsEmpty());
}

}  // namespace
}  // namespace ferro::oper::scenarios
