#include "tests/unit/operator/scenarios/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace ferro::oper::scenarios {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

std::string name_of(const testing::TestParamInfo<size_t>& each) {
  std::string name = operations()[each.param].name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

class OperationTest : public testing::TestWithParam<size_t> {};

TEST_P(OperationTest, EndsSettledAndHarmsNobody) {
  const Operation& operation = operations()[GetParam()];
  Stage stage;
  stage.create(kCluster, operation.spec);
  if (operation.begin) {
    ASSERT_TRUE(stage.settles(kCluster)) << operation.name << " before it\n" << stage.story(kCluster);
    operation.begin(stage);
    stage.second();
  }
  EXPECT_TRUE(finishes(stage, operation)) << operation.name << "\n" << stage.story(kCluster);
  EXPECT_THAT(stage.nodes.faults(), IsEmpty()) << operation.name << "\n" << stage.story(kCluster);
}

INSTANTIATE_TEST_SUITE_P(All, OperationTest, testing::Range<size_t>(0, operations().size()), name_of);

class ClusterTest : public testing::Test {
 protected:
  void start(Json spec = Json::object()) {
    stage_.create(kCluster, std::move(spec));
    ASSERT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  }
  Stage stage_;
};

TEST_F(ClusterTest, AScaleDownThatIsTakenBackLosesNobody) {
  start({{"replicas", 5}});
  stage_.nodes.drain_seconds = 30;
  stage_.patch(kCluster, {{"spec", {{"replicas", 3}}}});
  Nodes::Cluster& cluster = *stage_.nodes.find(Stage::kNamespace, kCluster);
  ASSERT_TRUE(stage_.until([&] { return cluster.nodes["demo-4"].draining; }, 60)) << stage_.story(kCluster);
  stage_.patch(kCluster, {{"spec", {{"replicas", 5}}}});
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_FALSE(cluster.nodes["demo-4"].draining);
  EXPECT_EQ(cluster.ring.size(), 5U);
  EXPECT_THAT(stage_.nodes.faults(), IsEmpty());
}

TEST_F(ClusterTest, ABadImageStopsAfterOneNode) {
  start();
  stage_.kube.break_image("ferrocached:bad");
  stage_.patch(kCluster, {{"spec", {{"image", "ferrocached:bad"}}}});
  ASSERT_TRUE(stage_.until([&] { return !stage_.blockers(kCluster).empty(); }, 120))
      << stage_.story(kCluster);
  stage_.until([] { return false; }, 120);
  EXPECT_THAT(stage_.blockers(kCluster), Contains("NewPodNotReady")) << stage_.story(kCluster);
  EXPECT_THAT(stage_.status(kCluster).dump(), HasSubstr("its image cannot be pulled"));
  EXPECT_THAT(stage_.nodes.faults(), IsEmpty()) << stage_.story(kCluster);
  stage_.patch(kCluster, {{"spec", {{"image", "ferrocached:3"}}}});
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
}

TEST_F(ClusterTest, PausedItIsLeftAlone) {
  start();
  stage_.patch(kCluster, {{"spec", {{"paused", true}}}});
  ASSERT_TRUE(stage_.until([&] { return stage_.phase(kCluster) == "Paused"; }, 30)) << stage_.story(kCluster);
  stage_.patch(kCluster, {{"spec", {{"replicas", 4}, {"image", "ferrocached:2"}}}});
  stage_.until([] { return false; }, 120);
  EXPECT_EQ(stage_.pods(), 3);
  stage_.patch(kCluster, {{"spec", {{"paused", false}}}});
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_EQ(stage_.pods(), 4);
}

TEST_F(ClusterTest, HibernatedItKeepsItsVolumes) {
  start();
  stage_.patch(kCluster, {{"spec", {{"hibernated", true}}}});
  ASSERT_TRUE(stage_.until([&] { return stage_.pods() == 0 && stage_.phase(kCluster) == "Hibernated"; }, 120))
      << stage_.story(kCluster);
  EXPECT_EQ(stage_.server.list("persistentvolumeclaims", Stage::kNamespace).size(), 3U);
  stage_.patch(kCluster, {{"spec", {{"hibernated", false}}}});
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_EQ(stage_.nodes.find(Stage::kNamespace, kCluster)->ring.size(), 3U);
}

TEST_F(ClusterTest, ADeletedClusterLeavesNothingBehind) {
  start();
  stage_.remove(kCluster);
  stage_.until([&] { return stage_.pods() == 0; }, 60);
  stage_.until([] { return false; }, 10);
  for (const char* plural : {"statefulsets", "services", "secrets", "configmaps", "serviceaccounts", "pods",
                             "persistentvolumeclaims", "poddisruptionbudgets", "networkpolicies"}) {
    EXPECT_THAT(stage_.server.list(plural, Stage::kNamespace), IsEmpty()) << plural;
  }
  for (const auto& family : stage_.oper->figures().Collect())
    EXPECT_THAT(family.metric, IsEmpty()) << family.name;
}

TEST_F(ClusterTest, AnotherOneOfTheSameNameStartsAfresh) {
  start();
  const std::string token = stage_.nodes.client_token_of(Stage::kNamespace, kCluster);
  stage_.remove(kCluster);
  stage_.create(kCluster);
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_NE(stage_.nodes.client_token_of(Stage::kNamespace, kCluster), token);
}

TEST_F(ClusterTest, ObjectsOfOthersAreNeitherTouchedNorAdopted) {
  const Json theirs = {{"metadata", {{"name", "demo-config"}, {"namespace", Stage::kNamespace}}},
                       {"data", {{"a", "b"}}}};
  stage_.server.create("somebody", "configmaps", theirs);
  stage_.create(kCluster);
  ASSERT_TRUE(stage_.until(
      [&] { return stage_.status(kCluster).dump().find("demo-config") != std::string::npos; }, 60))
      << stage_.story(kCluster);
  stage_.until([] { return false; }, 30);
  EXPECT_EQ((*stage_.server.get("configmaps", Stage::kNamespace, "demo-config"))["data"], theirs["data"]);
  stage_.server.remove("configmaps", Stage::kNamespace, "demo-config");
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
}

TEST_F(ClusterTest, OneBadResourceStopsNoOther) {
  // As an API server without our rules would let it in.
  stage_.server.install_kind({"cache.ferrocache.io", "v1alpha1", "ferrocacheclusters", "FerroCacheCluster",
                              true, true, true, false, std::nullopt, Json()});
  stage_.create("bad", {{"replicas", "many"}});
  stage_.create("worse", {{"storage", {{"size", "big"}}}});
  stage_.create(kCluster, {{"replicas", 3}});
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_EQ(stage_.phase("bad"), "Failed") << stage_.story("bad");
  EXPECT_EQ(stage_.condition("bad", "Progressing"), "False/InvalidSpec");
  EXPECT_EQ(stage_.phase("worse"), "Failed");
}

TEST_F(ClusterTest, ALostTokenSecretIsMadeAnew) {
  start();
  stage_.server.remove("secrets", Stage::kNamespace, "demo-token");
  stage_.nodes.away_allowed = 3;
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_NE(stage_.nodes.client_token_of(Stage::kNamespace, kCluster), "");
}

TEST_F(ClusterTest, ALostAuthorityIsReplacedWithTheOldTrustKept) {
  start();
  stage_.server.remove("secrets", Stage::kNamespace, "demo-ca");
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_THAT(stage_.nodes.faults(), IsEmpty()) << stage_.story(kCluster);
}

TEST_F(ClusterTest, LabelsThatSomebodyTookAwayComeBack) {
  start();
  stage_.server.edit("somebody", "secrets", Stage::kNamespace, "demo-token",
                     [](Json& secret) { secret["metadata"].erase("labels"); });
  stage_.patch(kCluster, {{"spec", {{"auth", {{"rotateGeneration", 1}, {"overlap", "1m"}}}}}});
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_THAT(stage_.server.get("secrets", Stage::kNamespace, "demo-token")->dump(),
              HasSubstr("app.kubernetes.io/instance"));
}

TEST_F(ClusterTest, MemoryAboveItsTargetMakesOneMore) {
  start({{"autoscaling",
          {{"minReplicas", 3},
           {"maxReplicas", 4},
           {"targetMemoryPercent", 60},
           {"stabilizationSeconds", 60}}}});
  for (auto& [member, node] : stage_.nodes.find(Stage::kNamespace, kCluster)->nodes) node.memory = 900;
  ASSERT_TRUE(stage_.until([&] { return stage_.resource(kCluster)["spec"].value("replicas", 0) == 4; }, 300))
      << stage_.story(kCluster);
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  stage_.until([] { return false; }, 300);
  EXPECT_EQ(stage_.resource(kCluster)["spec"].value("replicas", 0), 4);
}

}  // namespace
}  // namespace ferro::oper::scenarios
