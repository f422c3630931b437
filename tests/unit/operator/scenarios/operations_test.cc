#include "tests/unit/operator/scenarios/operations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "operator/pki/certificate.h"
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

class ClusterTest : public testing::Test {
 protected:
  void start(Json spec = Json::object()) {
    stage_.create(kCluster, std::move(spec));
    ASSERT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  }
  std::set<std::string> uids(const char* plural) const {
    std::set<std::string> all;
    for (const Json& object : stage_.server.list(plural, Stage::kNamespace))
      all.insert(object["metadata"].value("uid", ""));
    return all;
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

// Cause: what was read of the Secrets was kept as that of their newest versions, also by a pass that ended
// before it had read them.
TEST_F(ClusterTest, CertificatesThatGoWhileNoPassEndsAreSeenToBeGone) {
  start({{"networkPolicy", {{"enabled", false}}}});  // whether there is one is asked on every pass
  stage_.server.set_faults([](const fakes::kube::RequestFacts& facts) {
    fakes::kube::Fault fault;
    if (facts.plural != "networkpolicies" || facts.verb != "get") return fault;
    fault.kind = fakes::kube::Fault::Kind::answer;
    fault.status = 500;
    return fault;
  });
  stage_.server.remove("secrets", Stage::kNamespace, "demo-tls");
  const uint64_t passes = stage_.oper->passes();
  ASSERT_TRUE(stage_.until([&] { return stage_.oper->passes() > passes + 1; }, 60));
  EXPECT_FALSE(stage_.server.get("secrets", Stage::kNamespace, "demo-tls").has_value());
  stage_.server.set_faults({});
  EXPECT_TRUE(stage_.until(
      [&] { return stage_.server.get("secrets", Stage::kNamespace, "demo-tls").has_value(); }, 60))
      << stage_.story(kCluster);
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
}

// Every member shows a certificate of the authority that there is, trusts it and takes the clients' token.
void expect_keys_in_force(Stage& stage) {
  const auto held = [&stage](const char* name, const char* key) {
    return secret_value(stage.server, Stage::kNamespace, name, key);
  };
  const Nodes::Cluster& cluster = *stage.nodes.find(Stage::kNamespace, kCluster);
  EXPECT_EQ(cluster.nodes.size(), 3U);
  for (const auto& [member, node] : cluster.nodes) {
    EXPECT_TRUE(pki::is_signed_by(node.leaf, held("demo-ca", "tls.crt"))) << member;
    EXPECT_EQ(node.bundle, held("demo-trust", "ca.crt")) << member;
    EXPECT_NE(pki::signer_among(node.leaf, node.bundle), "") << member;
    EXPECT_EQ(node.tokens.count(held("demo-token", "token")), 1U) << member;
  }
}

TEST_F(ClusterTest, ALostTokenSecretIsMadeAnew) {
  start();
  const std::string former = stage_.nodes.client_token_of(Stage::kNamespace, kCluster);
  stage_.server.remove("secrets", Stage::kNamespace, "demo-token");
  stage_.second();
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_NE(stage_.nodes.client_token_of(Stage::kNamespace, kCluster), "");
  EXPECT_NE(stage_.nodes.client_token_of(Stage::kNamespace, kCluster), former);
  expect_keys_in_force(stage_);
}

TEST_F(ClusterTest, ALostAuthorityIsReplacedWithTheOldTrustKept) {
  for (const bool with_bundle : {false, true}) {
    SCOPED_TRACE(with_bundle);
    Stage stage;
    stage.create(kCluster);
    ASSERT_TRUE(stage.settles(kCluster)) << stage.story(kCluster);
    const std::string former = secret_value(stage.server, Stage::kNamespace, "demo-ca", "tls.crt");
    stage.server.remove("secrets", Stage::kNamespace, "demo-ca");
    if (with_bundle) stage.server.remove("secrets", Stage::kNamespace, "demo-trust");
    // Both are trusted while certificates of both are shown.
    const auto both = [&] {
      const auto anchors =
          pki::inspect_all(secret_value(stage.server, Stage::kNamespace, "demo-trust", "ca.crt"));
      return anchors.ok() && anchors->size() == 2;
    };
    EXPECT_TRUE(stage.until(both, 10)) << stage.story(kCluster);
    EXPECT_TRUE(stage.settles(kCluster)) << stage.story(kCluster);
    EXPECT_NE(secret_value(stage.server, Stage::kNamespace, "demo-ca", "tls.crt"), former);
    EXPECT_FALSE(both()) << "the former one is dropped";
    expect_keys_in_force(stage);
    EXPECT_THAT(stage.nodes.faults(), IsEmpty()) << stage.story(kCluster);
  }
}

// Nobody is left who knows the old anchors: what helps is that the new certificates do not wait.
TEST_F(ClusterTest, SecretsThatAreLostWhileNoOperatorRunsAreMadeAnewAtOnce) {
  for (const bool all : {false, true}) {
    SCOPED_TRACE(all);
    Stage stage;
    stage.create(kCluster);
    ASSERT_TRUE(stage.settles(kCluster)) << stage.story(kCluster);
    stage.nodes.away_allowed = 3;
    std::vector<std::string> lost = {"demo-ca", "demo-trust"};
    if (all) lost = {"demo-ca", "demo-trust", "demo-tls", "demo-token"};
    for (const std::string& name : lost) stage.server.remove("secrets", Stage::kNamespace, name);
    stage.restart_operator();
    stage.second();
    EXPECT_TRUE(stage.settles(kCluster, 60)) << stage.story(kCluster);
    expect_keys_in_force(stage);
    EXPECT_EQ(stage.condition(kCluster, "CertificatesReady"), "True/Issued");
  }
}

// Cause: nobody looked while nodes loaded their certificates, and it said Renewing half a minute longer.
TEST_F(ClusterTest, ARenewalIsToldToBeOverSoonAfterItIs) {
  start();
  stage_.patch(kCluster, {{"spec", {{"tls", {{"rotateGeneration", 1}}}}}});
  const auto says = [this](const char* what) {
    return [this, what] { return stage_.condition(kCluster, "CertificatesReady") == what; };
  };
  ASSERT_TRUE(stage_.until(says("True/Renewing"), 10)) << stage_.story(kCluster);
  const auto all_serve = [this] {
    const auto& nodes = stage_.nodes.find(Stage::kNamespace, kCluster)->nodes;
    return std::all_of(nodes.begin(), nodes.end(), [this](const auto& node) {
      return node.second.leaf ==
             secret_value(stage_.server, Stage::kNamespace, "demo-tls", node.first + ".crt");
    });
  };
  ASSERT_TRUE(stage_.until(all_serve, 10));
  EXPECT_TRUE(stage_.until(says("True/Issued"), 5)) << stage_.story(kCluster);
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
