// Keys and tokens that are lost or renewed, held against what the nodes serve and take.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "operator/pki/certificate.h"
#include "tests/unit/operator/scenarios/cluster_test.h"

namespace ferro::oper::scenarios {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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

// Cause: which key of a user's Secret pods load was read of that Secret alone. While it was away, the other
// key was taken, and all pods were replaced by such as could not start.
TEST_F(ClusterTest, AUsersSecretThatIsAwayRollsNothing) {
  const Json secret{{"metadata", {{"name", "mine"}, {"namespace", Stage::kNamespace}}},
                    {"data", {{"token", "c2VjcmV0LXRva2Vu"}}}};
  stage_.server.create("user", "secrets", secret);
  start({{"auth", {{"existingSecret", "mine"}}}});
  const auto pods = uids("pods");
  stage_.server.remove("secrets", Stage::kNamespace, "mine");
  ASSERT_TRUE(stage_.until([&] { return !stage_.blockers(kCluster).empty(); }, 60)) << stage_.story(kCluster);
  stage_.until([] { return false; }, 120);
  EXPECT_EQ(uids("pods"), pods) << stage_.story(kCluster);
  EXPECT_THAT(stage_.blockers(kCluster), ElementsAre("ExternalSecretMissing"));
  stage_.server.create("user", "secrets", secret);
  EXPECT_TRUE(stage_.settles(kCluster)) << stage_.story(kCluster);
  EXPECT_EQ(uids("pods"), pods) << stage_.story(kCluster);
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

}  // namespace
}  // namespace ferro::oper::scenarios
