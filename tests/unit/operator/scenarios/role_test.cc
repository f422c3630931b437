// Every right that the chart gives is one that an operation needs. That no operation needs another one is
// held by operations_test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/scenarios/operations.h"
#include "tests/unit/operator/scenarios/role.h"

namespace ferro::oper::scenarios {
namespace {

void install_monitoring(Stage& stage) {
  stage.server.install_kind({"monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor", true, false,
                             true, false, std::nullopt, Json()});
  stage.server.install_kind({"monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule", true, false,
                             true, false, std::nullopt, Json()});
}

Json monitoring(const char* toggle) {
  return {{"serviceMonitor", toggle}, {"prometheusRule", toggle}, {"dashboards", toggle}};
}

// One cluster's life, with everything in it that needs a right of its own.
TEST(Rights, TheRoleHoldsNothingThatNobodyNeeds) {
  Role role;
  Stage stage;
  install_monitoring(stage);
  role.guard(stage);
  const auto change = [&stage](const Json& spec) {
    stage.patch(kCluster, {{"spec", spec}});
    stage.second();
    ASSERT_TRUE(stage.settles(kCluster)) << spec << "\n" << stage.story(kCluster);
  };
  stage.create(kCluster, {{"replicas", 2},
                          {"replication", {{"factor", 1}}},
                          {"monitoring", monitoring("enabled")},
                          {"networkPolicy", {{"enabled", true}}}});
  ASSERT_TRUE(stage.settles(kCluster)) << stage.story(kCluster);
  change({{"monitoring", monitoring("disabled")}, {"networkPolicy", {{"enabled", false}}}});
  change({{"storage", {{"size", "20Gi"}}}});
  change({{"tls", {{"rotateGeneration", 1}}}});
  // The same event by two lives of the operator is counted, not repeated.
  change({{"image", "ferrocached:2"}});
  stage.restart_operator();
  change({{"image", "ferrocached:3"}});
  change({{"replicas", 1}});
  stage.patch(kCluster, {{"spec",
                          {{"autoscaling",
                            {{"minReplicas", 2},
                             {"maxReplicas", 3},
                             {"targetMemoryPercent", 60},
                             {"stabilizationSeconds", 60}}}}}});
  EXPECT_TRUE(stage.until([&] { return stage.resource(kCluster)["spec"].value("replicas", 0) == 2; }, 300))
      << stage.story(kCluster);
  EXPECT_TRUE(stage.settles(kCluster)) << stage.story(kCluster);
  role.look_back(stage);
  EXPECT_THAT(role.refused(), testing::IsEmpty());
  // Asked by the API server's admission where owner references are enforced, never by a request of ours.
  const std::set<std::string> by_admission = {"ferrocacheclusters/finalizers update"};
  EXPECT_EQ(role.idle(), by_admission);
}

}  // namespace
}  // namespace ferro::oper::scenarios
