// Whose volumes are: a cluster that is deleted, sleeps or is made again, a StatefulSet that somebody deleted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/unit/operator/scenarios/cluster_test.h"

namespace ferro::oper::scenarios {
namespace {

using testing::Contains;
using testing::IsEmpty;

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

void expect_nothing_of(Stage& stage) {
  stage.remove(kCluster);
  stage.until([&] { return stage.pods() == 0; }, 60);
  stage.until([] { return false; }, 10);
  for (const char* plural : {"statefulsets", "services", "secrets", "configmaps", "serviceaccounts", "pods",
                             "persistentvolumeclaims", "poddisruptionbudgets", "networkpolicies"}) {
    EXPECT_THAT(stage.server.list(plural, Stage::kNamespace), IsEmpty()) << plural;
  }
  for (const auto& family : stage.oper->figures().Collect())
    EXPECT_THAT(family.metric, IsEmpty()) << family.name;
}

TEST_F(ClusterTest, ADeletedClusterLeavesNothingBehind) {
  start();
  expect_nothing_of(stage_);
}

// Whatever of it is there by then, and whoever owns it.
TEST(Clusters, OneThatIsDeletedInItsFirstSecondsLeavesNothingBehind) {
  for (int seconds = 0; seconds < 8; ++seconds) {
    SCOPED_TRACE(seconds);
    Stage stage;
    stage.create(kCluster);
    for (int i = 0; i < seconds; ++i) stage.second();
    expect_nothing_of(stage);
  }
}

TEST_F(ClusterTest, AnotherOneOfTheSameNameStartsAfresh) {
  start();
  const std::string token = stage_.nodes.client_token_of(Stage::kNamespace, kCluster);
  stage_.remove(kCluster);
  stage_.create(kCluster);
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_NE(stage_.nodes.client_token_of(Stage::kNamespace, kCluster), token);
}

TEST_F(ClusterTest, AStatefulSetThatSomebodyDeletedIsMadeAnewWithEveryMember) {
  start();
  for (const char* propagation : {"Orphan", "Background", "Foreground"}) {
    stage_.nodes.away_allowed = propagation == std::string("Orphan") ? 1 : 3;
    const auto before = uids("persistentvolumeclaims");
    EXPECT_TRUE(stage_.server.remove("statefulsets", Stage::kNamespace, kCluster, propagation));
    stage_.second();
    EXPECT_TRUE(stage_.settles(kCluster)) << propagation << "\n" << stage_.story(kCluster);
    EXPECT_TRUE(stage_.server.get("statefulsets", Stage::kNamespace, kCluster).has_value()) << propagation;
    EXPECT_EQ(stage_.pods(), 3) << propagation;
    EXPECT_EQ(uids("persistentvolumeclaims"), before) << "what was on them is still there; " << propagation;
    EXPECT_THAT(stage_.nodes.faults(), IsEmpty()) << propagation;
  }
}

// By a former operator, or by somebody who edited it: the StatefulSet alone owns the claims.
TEST_F(ClusterTest, ClaimsThatTheStatefulSetAloneOwnsGetASecondOwner) {
  start();
  const auto before = uids("persistentvolumeclaims");
  for (const Json& claim : stage_.server.list("persistentvolumeclaims", Stage::kNamespace)) {
    stage_.server.edit("somebody", "persistentvolumeclaims", Stage::kNamespace,
                       claim["metadata"].value("name", ""), [](Json& now) {
                         Json& owners = now["metadata"]["ownerReferences"];
                         ASSERT_EQ(owners.size(), 2U);
                         owners.erase(owners[0]["kind"] == "StatefulSet" ? 1 : 0);
                       });
  }
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  stage_.nodes.away_allowed = 3;
  stage_.server.remove("statefulsets", Stage::kNamespace, kCluster);
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_EQ(uids("persistentvolumeclaims"), before);
}

TEST_F(ClusterTest, ClaimsFollowTheDeletePolicy) {
  start();
  const auto owners = [this] {
    std::multiset<std::string> all;
    for (const Json& claim : stage_.server.list("persistentvolumeclaims", Stage::kNamespace)) {
      for (const Json& owner : claim["metadata"].value("ownerReferences", Json::array()))
        all.insert(owner.value("kind", ""));
    }
    return all;
  };
  const auto change = [this](const char* policy) {
    stage_.patch(kCluster, {{"spec", {{"storage", {{"deletePolicy", policy}}}}}});
    EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  };
  EXPECT_EQ(owners().count("FerroCacheCluster"), 3U);
  EXPECT_EQ(owners().count("StatefulSet"), 3U);
  change("Retain");
  EXPECT_THAT(owners(), IsEmpty());
  change("Delete");
  EXPECT_EQ(owners().count("FerroCacheCluster"), 3U);
  EXPECT_EQ(owners().count("StatefulSet"), 3U);
  change("Retain");
  const auto before = uids("persistentvolumeclaims");
  stage_.remove(kCluster);
  ASSERT_TRUE(stage_.until([&] { return stage_.pods() == 0; }, 60));
  stage_.until([] { return false; }, 10);
  EXPECT_EQ(uids("persistentvolumeclaims"), before);
}

// Cause: the StatefulSet's controller looks after claims of pods alone, and a cluster that sleeps has none.
// What was to be retained from then on went with the resource all the same.
TEST_F(ClusterTest, AClusterThatSleepsKeepsWhatIsToBeRetainedFromNowOn) {
  start();
  const auto before = uids("persistentvolumeclaims");
  const auto sleeps = [&] { return stage_.pods() == 0 && stage_.phase(kCluster) == "Hibernated"; };
  stage_.patch(kCluster, {{"spec", {{"hibernated", true}}}});
  ASSERT_TRUE(stage_.until(sleeps, 120)) << stage_.story(kCluster);
  stage_.patch(kCluster, {{"spec", {{"storage", {{"deletePolicy", "Retain"}}}}}});
  stage_.until([] { return false; }, 60);
  stage_.remove(kCluster);
  stage_.until([] { return false; }, 10);
  EXPECT_THAT(stage_.server.list("statefulsets", Stage::kNamespace), IsEmpty());
  EXPECT_EQ(uids("persistentvolumeclaims"), before);
}

TEST_F(ClusterTest, FewerMembersThanRetainedVolumesAreRefusedUntilSomebodyDecides) {
  const auto retaining = [](int replicas) {
    return Json{{"replicas", replicas}, {"storage", {{"deletePolicy", "Retain"}}}};
  };
  start(retaining(4));
  stage_.remove(kCluster);
  ASSERT_TRUE(stage_.until([&] { return stage_.pods() == 0; }, 60));
  stage_.clock.advance_ms(1000);  // it is another one's life: stamps count seconds
  stage_.create(kCluster, retaining(3));
  ASSERT_TRUE(stage_.until([&] { return !stage_.blockers(kCluster).empty(); }, 60)) << stage_.story(kCluster);
  stage_.until([] { return false; }, 120);
  EXPECT_THAT(stage_.blockers(kCluster), Contains("RetainedVolumesLeftOut")) << stage_.story(kCluster);
  EXPECT_EQ(stage_.condition(kCluster, "StorageReady"), "False/RetainedVolumesLeftOut");
  EXPECT_EQ(stage_.pods(), 0);
  stage_.nodes.away_allowed = 4;  // those of the former cluster
  stage_.patch(kCluster, {{"spec", {{"replicas", 4}}}});
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  stage_.nodes.away_allowed = 1;
  stage_.patch(kCluster, {{"spec", {{"replicas", 3}}}});
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_THAT(stage_.nodes.faults(), IsEmpty()) << stage_.story(kCluster);
}

}  // namespace
}  // namespace ferro::oper::scenarios
