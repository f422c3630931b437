#include "operator/controllers/observed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/api/names.h"
#include "operator/k8s/resources.h"
#include "operator/pki/authorities.h"
#include "operator/pki/tokens.h"

namespace ferro::oper::controllers {
namespace {

using objects::Json;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kNow = 1'700'000'000;

runtime::Object object(Json json) {
  return std::make_shared<const Json>(std::move(json));
}

// A cluster whose objects are all there as rendered.
class ObservedTest : public testing::Test {
 protected:
  ObservedTest() {
    observed_.cluster.ns = "shop";
    observed_.cluster.name = "demo";
    observed_.cluster.uid = "uid-1";
    observed_.inputs.default_image = "ferrocached:1";
    render();
    for (const objects::Object& wanted : observed_.desired.objects) {
      observed_.objects[kind_and_name(wanted.resource, wanted.json["metadata"]["name"].get<std::string>())] =
          object(wanted.json);
    }
  }
  void render() { observed_.desired = objects::render(observed_.cluster, observed_.inputs, 3); }
  plan::World world() const { return world_of(observed_); }
  runtime::Object owned_secret(const std::string& name, const pki::SecretContent& content) const {
    Json json = {{"kind", "Secret"}, {"metadata", objects::owned_metadata(observed_.cluster, name)}};
    pki::set_content(content, json);
    return object(std::move(json));
  }
  Observed observed_;
};

TEST_F(ObservedTest, WhatIsAsRenderedIsNotMissing) {
  EXPECT_THAT(world().missing, IsEmpty());
  EXPECT_THAT(world().foreign, IsEmpty());
  ASSERT_TRUE(world().statefulset);
  EXPECT_EQ(world().statefulset->replicas, 3);
  EXPECT_EQ(world().default_image_version, "1");
  EXPECT_EQ(world().desired_template_hash, world().statefulset->template_hash);
}

TEST_F(ObservedTest, WhatIsAbsentOrDiffersIsMissing) {
  observed_.objects["Service/demo"] = nullptr;
  Json map = *observed_.objects["ConfigMap/demo-config"];
  map["data"] = {{"x", "y"}};
  observed_.objects["ConfigMap/demo-config"] = object(map);
  EXPECT_THAT(world().missing, testing::UnorderedElementsAre("Service/demo", "ConfigMap/demo-config"));
}

TEST_F(ObservedTest, AnObjectOfSomebodyElseIsForeignAndNotMissing) {
  Json service = *observed_.objects["Service/demo"];
  service["metadata"].erase("ownerReferences");
  service["spec"] = Json::object();
  observed_.objects["Service/demo"] = object(service);
  EXPECT_THAT(world().foreign, ElementsAre("Service/demo"));
  EXPECT_THAT(world().missing, IsEmpty());
}

TEST_F(ObservedTest, AnObjectOfAFormerClusterIsMissingUntilItIsGone) {
  Json service = *observed_.objects["Service/demo"];
  service["metadata"]["ownerReferences"][0]["uid"] = "uid-0";
  observed_.objects["Service/demo"] = object(service);
  EXPECT_THAT(world().foreign, IsEmpty());
  EXPECT_THAT(world().missing, ElementsAre("Service/demo"));
}

TEST_F(ObservedTest, WhatTheSpecDoesNotMeanAnyMoreIsMissingUntilItIsGone) {
  const runtime::Object policy = observed_.objects["NetworkPolicy/demo"];
  ASSERT_NE(policy, nullptr);
  observed_.cluster.spec.network_policy_enabled = false;
  render();
  observed_.objects["NetworkPolicy/demo"] = policy;
  EXPECT_THAT(world().missing, Contains("NetworkPolicy/demo"));
  Json going = *policy;
  going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  observed_.objects["NetworkPolicy/demo"] = object(going);
  EXPECT_THAT(world().missing, IsEmpty());
}

TEST_F(ObservedTest, AStatefulSetOfSomebodyElseIsNotOurs) {
  Json set = *observed_.objects["StatefulSet/demo"];
  set["metadata"]["ownerReferences"][0]["kind"] = "Other";
  set["metadata"]["ownerReferences"][0]["uid"] = "x";
  observed_.objects["StatefulSet/demo"] = object(set);
  EXPECT_FALSE(world().statefulset);
  EXPECT_THAT(world().foreign, ElementsAre("StatefulSet/demo"));
}

TEST_F(ObservedTest, AnInvalidSpecIsComparedWithNothing) {
  observed_.invalid = "replicas must be at least 1";
  observed_.objects["Service/demo"] = nullptr;
  EXPECT_THAT(world().missing, IsEmpty());
  EXPECT_EQ(world().invalid, observed_.invalid);
}

TEST_F(ObservedTest, PodsAndClaimsByOrdinalWithTheirProbes) {
  for (const char* name : {"demo-10", "demo-2", "demo-x", "other-1"}) {
    observed_.pods.push_back(object({{"metadata", {{"name", name}}}}));
    observed_.claims.push_back(object(
        {{"metadata", {{"name", std::string("data-") + name}}}, {"spec", {{"storageClassName", "fast"}}}}));
  }
  observed_.probes["demo-2"].report = plan::NodeReport{};
  observed_.probes["demo-10"].error = "no answer in time";
  observed_.expandable["fast"] = false;
  const plan::World seen = world();
  ASSERT_EQ(seen.pods.size(), 2U);
  EXPECT_EQ(seen.pods[0].name, "demo-2");
  EXPECT_TRUE(seen.pods[0].report);
  EXPECT_EQ(seen.pods[1].probe_error, "no answer in time");
  ASSERT_EQ(seen.claims.size(), 2U);
  EXPECT_EQ(seen.claims[1].name, "data-demo-10");
  EXPECT_EQ(seen.claims[0].expandable, false);
}

TEST_F(ObservedTest, WhoseAClaimIs) {
  Json claim = {{"metadata", {{"name", "data-demo-0"}}}};
  const auto owned = [&](const Json& owners) {
    claim["metadata"]["ownerReferences"] = owners;
    observed_.claims = {object(claim)};
    const plan::ClaimView view = world().claims.at(0);
    return std::pair(view.owned, view.owned_by_set);
  };
  const Json ours = {{"kind", "FerroCacheCluster"}, {"name", "demo"}, {"uid", "uid-1"}};
  const Json set = {{"apiVersion", "apps/v1"}, {"kind", "StatefulSet"}, {"name", "demo"}, {"uid", "s"}};
  EXPECT_EQ(owned(Json::array()), std::pair(false, false));
  EXPECT_EQ(owned(Json::array({ours})), std::pair(true, false));
  EXPECT_EQ(owned(Json::array({set})), std::pair(false, true));
  EXPECT_EQ(owned(Json::array({set, ours})), std::pair(true, true));
  EXPECT_EQ(owned(Json::array({{{"kind", "FerroCacheCluster"}, {"name", "demo"}, {"uid", "uid-0"}}})),
            std::pair(false, false))
      << "of a former one";
}

TEST_F(ObservedTest, SecretsOfOursAreReadAndThoseOfOthersTold) {
  const auto authorities = pki::first_authority({"shop", "demo", 3600, 0}, 1, "", kNow).value();
  observed_.ca = owned_secret("demo-ca", pki::content_of(authorities));
  observed_.tokens = owned_secret("demo-token", pki::content_of(pki::minted({}, 1, 0, kNow).value()));
  observed_.trust = object({{"kind", "Secret"}, {"metadata", {{"name", "demo-trust"}}}});
  const plan::World seen = world();
  EXPECT_TRUE(seen.pki.current);
  EXPECT_EQ(seen.tokens.current_generation, 1);
  EXPECT_THAT(seen.foreign, ElementsAre("Secret/demo-trust"));
}

TEST_F(ObservedTest, AUsersTokenSecretNeedsNoOwner) {
  observed_.cluster.spec.auth.existing_secret = "mine";
  Json secret = {{"metadata", {{"name", "mine"}}}};
  pki::set_content({{{"token", Secret("abc")}}, {}}, secret);
  observed_.tokens = object(secret);
  EXPECT_TRUE(world().tokens.exists);
  EXPECT_TRUE(world().tokens.external);
  EXPECT_EQ(world().tokens.damaged, "");
  EXPECT_THAT(world().foreign, IsEmpty());
}

}  // namespace
}  // namespace ferro::oper::controllers
