// Server-side apply: the rules that the operator relies on, told as the reference documentation tells them.
#include <gmock/gmock.h>

#include "tests/fakes/kube_api/api_server.h"

namespace ferro::fakes::kube {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class ApplyTest : public testing::Test {
 protected:
  Response apply(const std::string& manager, Json object, bool force = false, const std::string& sub = "") {
    object["apiVersion"] = "apps/v1";
    object["kind"] = "StatefulSet";
    object["metadata"]["name"] = "s";
    const std::string target =
        "/apis/apps/v1/namespaces/default/statefulsets/s" + sub + (force ? "?force=true" : "");
    return server_.act(manager, "PATCH", target, object, "application/apply-patch+yaml");
  }
  Json set(const Json& containers = Json::array({{{"name", "c"}, {"image", "i:1"}}}), int replicas = 1) {
    const Json labels = {{"app", "x"}};
    return {{"spec",
             {{"replicas", replicas},
              {"selector", {{"matchLabels", labels}}},
              {"template", {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", containers}}}}}}}};
  }
  Json live() { return *server_.get("statefulsets", "default", "s"); }
  Json containers() { return live().at("spec").at("template").at("spec").at("containers"); }

  ManualClock clock_;
  ApiServer server_{clock_};
};

TEST_F(ApplyTest, CreatesThenChangesWhatItOwns) {
  EXPECT_EQ(apply("op", set()).status, 201);
  EXPECT_EQ(live().at("metadata").at("generation"), 1);
  EXPECT_EQ(apply("op", set(Json::array({{{"name", "c"}, {"image", "i:2"}}}))).status, 200);
  EXPECT_EQ(containers()[0].at("image"), "i:2");
  EXPECT_EQ(live().at("metadata").at("generation"), 2);
}

TEST_F(ApplyTest, TheSameAgainIsNoChangeEvenThoughTimeWentBy) {
  apply("op", set());
  const Json before = live();
  clock_.advance_ms(3'600'000);
  EXPECT_EQ(apply("op", set()).status, 200);
  EXPECT_EQ(live(), before);
}

TEST_F(ApplyTest, AFieldNoLongerSentGoesUnlessAnotherHasIt) {
  Json object = set();
  object["metadata"]["annotations"] = {{"mine", "1"}, {"shared", "1"}};
  apply("op", object);
  Json other = {{"metadata", {{"annotations", {{"shared", "1"}, {"theirs", "1"}}}}}};
  EXPECT_EQ(apply("helm", other).status, 200);
  apply("op", set());
  EXPECT_EQ(live().at("metadata").at("annotations"), (Json{{"shared", "1"}, {"theirs", "1"}}));
  apply("helm", Json::object());
  EXPECT_FALSE(live().at("metadata").contains("annotations"));
}

TEST_F(ApplyTest, AnothersValueIsAConflictUnlessForced) {
  apply("op", set());
  Json theirs = {{"spec", {{"replicas", 5}}}};
  const Response refused = apply("hpa", theirs);
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body.dump(), HasSubstr(".spec.replicas (op)"));
  EXPECT_EQ(live().at("spec").at("replicas"), 1);
  EXPECT_EQ(apply("hpa", theirs, true).status, 200);
  EXPECT_EQ(live().at("spec").at("replicas"), 5);
  EXPECT_EQ(apply("op", set()).status, 409) << "it is theirs now";
  Json without = set();
  without["spec"].erase("replicas");
  EXPECT_EQ(apply("op", without).status, 200);
  EXPECT_EQ(live().at("spec").at("replicas"), 5);
}

TEST_F(ApplyTest, ListsOfMapsMergeByTheirKey) {
  apply("op", set(Json::array({{{"name", "a"}, {"image", "i:1"}}, {{"name", "b"}, {"image", "i:1"}}})));
  server_.edit("sidecar", "statefulsets", "default", "s", [](Json& object) {
    object["spec"]["template"]["spec"]["containers"].push_back({{"name", "injected"}, {"image", "x"}});
  });
  apply("op", set(Json::array({{{"name", "b"}, {"image", "i:2"}}})));
  const Json now = containers();
  ASSERT_EQ(now.size(), 2U);
  EXPECT_EQ(now[0].at("name"), "b");
  EXPECT_EQ(now[0].at("image"), "i:2");
  EXPECT_EQ(now[1].at("name"), "injected");
}

TEST_F(ApplyTest, AnUpdateTakesOwnershipOfWhatItChanged) {
  apply("op", set());
  server_.edit("kubectl-scale", "statefulsets", "default", "s", [](Json& o) { o["spec"]["replicas"] = 3; });
  EXPECT_EQ(apply("op", set()).status, 409);
  EXPECT_EQ(apply("op", set(), true).status, 200);
  EXPECT_EQ(live().at("spec").at("replicas"), 1);
}

TEST_F(ApplyTest, StatusAndSpecDoNotTouchEachOther) {
  apply("op", set());
  EXPECT_EQ(
      apply("ctl", {{"status", {{"replicas", 1}}}, {"spec", {{"replicas", 9}}}}, false, "/status").status,
      200);
  EXPECT_EQ(live().at("spec").at("replicas"), 1);
  EXPECT_EQ(live().at("status").at("replicas"), 1);
  EXPECT_EQ(live().at("metadata").at("generation"), 1);
  Json with_status = set();
  with_status["status"] = {{"replicas", 7}};
  apply("op", with_status);
  EXPECT_EQ(live().at("status").at("replicas"), 1);
  EXPECT_EQ(apply("ctl", {{"status", Json::object()}}, false, "/status").status, 200);
  EXPECT_FALSE(live().value("status", Json::object()).contains("replicas"));
}

TEST_F(ApplyTest, WhatApplyMayNotBe) {
  EXPECT_EQ(apply("", set()).status, 400);
  Json owned = set();
  owned["metadata"]["managedFields"] = Json::array();
  EXPECT_EQ(apply("op", owned).status, 400);
  Json wrong = {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", {{"name", "s"}}}};
  EXPECT_EQ(server_
                .act("op", "PATCH", "/apis/apps/v1/namespaces/default/statefulsets/s", wrong,
                     "application/apply-patch+yaml")
                .status,
            400);
}

TEST_F(ApplyTest, WhatIsDefaultedStaysThoughNobodySendsIt) {
  apply("op", set());
  EXPECT_EQ(live().at("spec").at("podManagementPolicy"), "OrderedReady");
  EXPECT_EQ(containers()[0].at("imagePullPolicy"), "IfNotPresent");
  apply("op", set(Json::array({{{"name", "c"}, {"image", "i:2"}}})));
  EXPECT_EQ(live().at("spec").at("podManagementPolicy"), "OrderedReady");
}

TEST_F(ApplyTest, TheImmutableIsRefused) {
  apply("op", set());
  Json moved = set();
  moved["spec"]["serviceName"] = "other";
  const Response refused = apply("op", moved);
  EXPECT_EQ(refused.status, 422);
  EXPECT_THAT(refused.body.dump(), HasSubstr("updates to statefulset spec for fields other than"));
}

}  // namespace
}  // namespace ferro::fakes::kube
