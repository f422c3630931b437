#include "tests/unit/operator/scenarios/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/operator/scenarios/cluster_test.h"
#include "tests/unit/operator/scenarios/role.h"

namespace ferro::oper::scenarios {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string name_of(const testing::TestParamInfo<size_t>& each) {
  std::string name = operations()[each.param].name;
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

class OperationTest : public testing::TestWithParam<size_t> {};

TEST_P(OperationTest, EndsSettledAndHarmsNobody) {
  const Operation& operation = operations()[GetParam()];
  Role role;
  Stage stage;
  role.guard(stage);
  stage.create(kCluster, operation.spec);
  if (operation.begin) {
    ASSERT_TRUE(stage.settles(kCluster)) << operation.name << " before it\n" << stage.story(kCluster);
    operation.begin(stage);
    stage.second();
  }
  EXPECT_TRUE(finishes(stage, operation)) << operation.name << "\n" << stage.story(kCluster);
  EXPECT_THAT(stage.nodes.faults(), IsEmpty()) << operation.name << "\n" << stage.story(kCluster);
  role.look_back(stage);
  EXPECT_THAT(role.refused(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, OperationTest, testing::Range<size_t>(0, operations().size()), name_of);

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

// A pod that somebody deletes in the moment before the operator deletes another one, while the watch of pods
// hangs.
TEST_F(ClusterTest, NobodyIsTakenOutOnAnOldPicture) {
  start();
  stage_.patch(kCluster, {{"spec", {{"image", "ferrocached:2"}}}});
  const auto deletes_next = [this] {
    const Json set = stage_.server.get("statefulsets", Stage::kNamespace, kCluster).value_or(Json());
    return set["spec"]["template"]["spec"]["containers"][0]["image"] == "ferrocached:2" &&
           set["status"]["observedGeneration"] == set["metadata"]["generation"];
  };
  ASSERT_TRUE(stage_.until(deletes_next, 30)) << stage_.story(kCluster);
  stage_.server.set_faults([](const fakes::kube::RequestFacts& facts) {
    fakes::kube::Fault fault;
    if (facts.plural == "pods" && facts.verb == "watch") fault.kind = fakes::kube::Fault::Kind::drop_request;
    return fault;
  });
  stage_.server.remove("pods", Stage::kNamespace, "demo-0");
  stage_.second();
  EXPECT_THAT(stage_.oper->actions(), Contains("DeletePod failed")) << "it wanted to";
  stage_.server.set_faults({});
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_THAT(stage_.nodes.faults(), IsEmpty()) << stage_.story(kCluster);
}

// Cause: where the answer to scaling up was lost and the watch of StatefulSets hung, the next write took it
// back (FERRO_PLAN_STORY=11670 of an earlier planner).
TEST_F(ClusterTest, NobodyIsScaledBackOnAnOldPicture) {
  start();
  stage_.server.set_faults([](const fakes::kube::RequestFacts& facts) {
    fakes::kube::Fault fault;
    if (facts.plural == "statefulsets" && facts.verb == "watch")
      fault.kind = fakes::kube::Fault::Kind::drop_request;
    return fault;
  });
  stage_.server.edit("ferrocache-operator", "statefulsets", Stage::kNamespace, kCluster,
                     [](Json& set) { set["spec"]["replicas"] = 4; });
  stage_.patch(kCluster, {{"spec", {{"image", "ferrocached:2"}}}});
  const auto tries = [this] {
    const auto actions = stage_.oper->actions();
    return std::find(actions.begin(), actions.end(), "ApplyObjects failed") != actions.end();
  };
  ASSERT_TRUE(stage_.until(tries, 30)) << stage_.story(kCluster);
  const Json set = stage_.server.get("statefulsets", Stage::kNamespace, kCluster).value_or(Json());
  EXPECT_EQ(set["spec"]["replicas"], 4);
  stage_.server.set_faults({});
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_THAT(stage_.nodes.faults(), IsEmpty()) << stage_.story(kCluster);
}

TEST_F(ClusterTest, AMemberThatNoNodeHasRoomForIsToldAndWaitedFor) {
  start();
  stage_.kube.set_unschedulable(true);
  stage_.patch(kCluster, {{"spec", {{"replicas", 4}}}});
  const auto told = [this] {
    return stage_.status(kCluster).dump().find("cannot be scheduled") != std::string::npos;
  };
  ASSERT_TRUE(stage_.until(told, 300)) << stage_.story(kCluster);
  EXPECT_EQ(stage_.condition(kCluster, "Available"), "True/AllPartitionsServed");
  stage_.kube.set_unschedulable(false);
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_EQ(stage_.pods(), 4);
  EXPECT_THAT(stage_.nodes.faults(), IsEmpty()) << stage_.story(kCluster);
}

// A container that does not obey, and then a pod whose kubelet does not find it ready.
TEST_F(ClusterTest, ARollWaitsForWhatDoesNotEndAndForWhatIsNotReady) {
  start();
  const auto blocked_by = [this](const char* rule) {
    return [this, rule] {
      const auto rules = stage_.blockers(kCluster);
      return std::find(rules.begin(), rules.end(), rule) != rules.end();
    };
  };
  stage_.kube.hold_terminating(true);
  stage_.patch(kCluster, {{"spec", {{"image", "ferrocached:2"}}}});
  ASSERT_TRUE(stage_.until(blocked_by("PodTerminating"), 60)) << stage_.story(kCluster);
  stage_.kube.hold_unready("demo-2");
  stage_.until([] { return false; }, 120);
  EXPECT_EQ(stage_.oper->actions().back(), "DeletePod") << stage_.story(kCluster);
  stage_.kube.hold_terminating(false);
  ASSERT_TRUE(stage_.until(blocked_by("NewPodNotReady"), 300)) << stage_.story(kCluster);
  EXPECT_EQ(std::count(stage_.oper->actions().begin(), stage_.oper->actions().end(), "DeletePod"), 1);
  stage_.kube.let_ready("demo-2");
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_EQ(std::count(stage_.oper->actions().begin(), stage_.oper->actions().end(), "DeletePod"), 3);
  EXPECT_THAT(stage_.nodes.faults(), IsEmpty()) << stage_.story(kCluster);
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

TEST_F(ClusterTest, WhateverObjectSomebodyDeletesComesBackAndNobodyNotices) {
  start();
  for (const char* plural :
       {"services", "configmaps", "serviceaccounts", "poddisruptionbudgets", "networkpolicies", "secrets"}) {
    const auto objects = stage_.server.list(plural, Stage::kNamespace);
    EXPECT_THAT(objects, Not(IsEmpty())) << plural;
    for (const Json& object : objects) {
      const std::string name = object["metadata"].value("name", "");
      if (name == "demo-token") continue;  // clients have to notice: below
      stage_.server.remove(plural, Stage::kNamespace, name);
      EXPECT_TRUE(stage_.settles(kCluster)) << plural << "/" << name << "\n" << stage_.story(kCluster);
      EXPECT_TRUE(stage_.server.get(plural, Stage::kNamespace, name).has_value()) << plural << "/" << name;
      EXPECT_THAT(stage_.nodes.faults(), IsEmpty()) << plural << "/" << name;
    }
  }
}

TEST_F(ClusterTest, ReplicasOfTheStatefulSetThatSomebodyChangedArePutBackWithADrain) {
  start();
  const auto scale = [this](int replicas) {
    stage_.server.edit("somebody", "statefulsets", Stage::kNamespace, kCluster,
                       [replicas](Json& set) { set["spec"]["replicas"] = replicas; });
    stage_.second();
    EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
    EXPECT_EQ(stage_.pods(), 3);
  };
  scale(5);
  EXPECT_THAT(stage_.nodes.faults(), IsEmpty()) << stage_.story(kCluster);
  scale(2);  // that one goes without a drain: it is not the operator that takes it
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
