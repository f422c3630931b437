// What the fake API server does beside apply and admission: versions, deletion, garbage, namespaces, watches.
#include <gmock/gmock.h>

#include "tests/fakes/kube_api/api_server.h"
#include "tests/fakes/kube_api/built_in_rules.h"

namespace ferro::fakes::kube {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ServerTest : public testing::Test {
 protected:
  Json make(const std::string& name, const std::string& ns = "default", const Json& more = Json::object()) {
    Json object = {{"metadata", {{"name", name}, {"namespace", ns}}}};
    object.merge_patch(more);
    return server_.create("t", "configmaps", object);
  }
  Json owned_by(const Json& owner) {
    return {{"metadata",
             {{"ownerReferences",
               {{{"apiVersion", "v1"},
                 {"kind", "ConfigMap"},
                 {"name", owner["metadata"]["name"]},
                 {"uid", owner["metadata"]["uid"]}}}}}}};
  }
  std::vector<std::string> names(const std::string& ns = "default") {
    std::vector<std::string> out;
    for (const Json& object : server_.list("configmaps", ns))
      out.push_back(text_at(object, {"metadata", "name"}));
    return out;
  }
  ManualClock clock_;
  ApiServer server_{clock_};
};

TEST_F(ServerTest, VersionsGrowAndNoWriteIsNone) {
  const Json first = make("a");
  const uint64_t version = server_.version();
  const Json same = *server_.get("configmaps", "default", "a");
  EXPECT_TRUE(server_.act("t", "PUT", "/api/v1/namespaces/default/configmaps/a", same).ok());
  EXPECT_EQ(server_.version(), version);
  server_.edit("t", "configmaps", "default", "a", [](Json& o) { o["data"]["x"] = "1"; });
  EXPECT_EQ(server_.version(), version + 1);
}

TEST_F(ServerTest, FinalizersKeepAnObjectUntilTheyAreGone) {
  make("a", "default", {{"metadata", {{"finalizers", {"x/y"}}}}});
  server_.remove("configmaps", "default", "a");
  ASSERT_THAT(names(), ElementsAre("a"));
  EXPECT_NE(at(*server_.get("configmaps", "default", "a"), {"metadata", "deletionTimestamp"}), nullptr);
  server_.edit("t", "configmaps", "default", "a", [](Json& o) { o["metadata"].erase("finalizers"); });
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ServerTest, DependentsFollowTheirOwnersInTheBackground) {
  const Json a = make("a");
  const Json b = make("b", "default", owned_by(a));
  make("c", "default", owned_by(b));
  server_.remove("configmaps", "default", "a");
  EXPECT_THAT(names(), ElementsAre("b", "c")) << "not before the collector comes by";
  server_.collect_garbage();
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(ServerTest, OrphansStayAndForegroundGoesLast) {
  make("b", "default", owned_by(make("a")));
  server_.remove("configmaps", "default", "a", "Orphan");
  server_.collect_garbage();
  EXPECT_THAT(names(), ElementsAre("b"));
  EXPECT_EQ(at(*server_.get("configmaps", "default", "b"), {"metadata", "ownerReferences"}), nullptr);

  make("d", "default", owned_by(make("c")));
  server_.remove("configmaps", "default", "c", "Foreground");
  EXPECT_THAT(names(), ElementsAre("b", "c", "d"));
  server_.collect_garbage();
  EXPECT_THAT(names(), ElementsAre("b"));
}

TEST_F(ServerTest, WhatHasTwoOwnersGoesWithTheLater) {
  for (const char* propagation : {"Background", "Foreground"}) {
    SCOPED_TRACE(propagation);
    const Json first = make("a"), second = make("b");
    Json both = owned_by(first);
    both["metadata"]["ownerReferences"].push_back(owned_by(second)["metadata"]["ownerReferences"][0]);
    make("c", "default", both);
    server_.remove("configmaps", "default", "a", propagation);
    server_.collect_garbage();
    EXPECT_THAT(names(), ElementsAre("b", "c"));
    EXPECT_EQ(server_.get("configmaps", "default", "c")->at("metadata").at("ownerReferences"),
              owned_by(second)["metadata"]["ownerReferences"])
        << "an owner that is gone is no owner any more";
    server_.remove("configmaps", "default", "b", propagation);
    server_.collect_garbage();
    EXPECT_THAT(names(), IsEmpty());
  }
}

TEST_F(ServerTest, ANamespaceGoesWhenItIsEmptyAndTakesNothingNew) {
  server_.make_namespace("ns");
  make("a", "ns");
  make("held", "ns", {{"metadata", {{"finalizers", {"x/y"}}}}});
  server_.remove("namespaces", "", "ns");
  const Response refused =
      server_.act("t", "POST", "/api/v1/namespaces/ns/configmaps", {{"metadata", {{"name", "b"}}}});
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body.dump(), HasSubstr("NamespaceTerminating"));
  server_.collect_garbage();
  EXPECT_THAT(names("ns"), ElementsAre("held"));
  EXPECT_TRUE(server_.get("namespaces", "", "ns").has_value());
  server_.edit("t", "configmaps", "ns", "held", [](Json& o) { o["metadata"].erase("finalizers"); });
  server_.collect_garbage();
  EXPECT_FALSE(server_.get("namespaces", "", "ns").has_value());
}

TEST_F(ServerTest, AWatchBlocksForWhatComesAndEndsWithGone) {
  Response refused;
  const auto watch = server_.open_watch(
      Request::of("GET", "/api/v1/configmaps?watch=1&resourceVersion=" + std::to_string(server_.version()),
                  "", ""),
      refused);
  ASSERT_NE(watch, nullptr);
  EXPECT_FALSE(server_.next_line(*watch).has_value());
  make("a");
  EXPECT_THAT(server_.next_line(*watch, 10'000).value(), HasSubstr("\"ADDED\""));
  make("b");
  server_.compact();
  EXPECT_THAT(server_.next_line(*watch).value(), HasSubstr("410"));
  EXPECT_TRUE(watch->over());
  EXPECT_FALSE(server_.next_line(*watch).has_value());
}

TEST_F(ServerTest, HistoryIsBounded) {
  ApiServer small(clock_, {.history_max = 5});
  Response refused;
  const auto watch = small.open_watch(
      Request::of("GET", "/api/v1/configmaps?watch=1&resourceVersion=" + std::to_string(small.version()), "",
                  ""),
      refused);
  for (int i = 0; i < 10; ++i) {
    small.create("t", "configmaps",
                 {{"metadata", {{"name", "m" + std::to_string(i)}, {"namespace", "default"}}}});
  }
  EXPECT_THAT(small.next_line(*watch).value(), HasSubstr("410"));
}

TEST_F(ServerTest, SecretsAndQuantitiesAreAsTheRealOneKeepsThem) {
  const Json secret = server_.create(
      "t", "secrets",
      {{"metadata", {{"name", "s"}, {"namespace", "default"}}}, {"stringData", {{"a", "foo"}}}});
  EXPECT_EQ(secret.at("data").at("a"), "Zm9v");
  EXPECT_EQ(secret.at("type"), "Opaque");
  EXPECT_EQ(server_
                .act("t", "POST", "/api/v1/namespaces/default/secrets",
                     {{"metadata", {{"name", "bad"}}}, {"data", {{"a", "not base64!"}}}})
                .status,
            422);
  for (const auto& [text, canonical] : std::vector<std::pair<const char*, const char*>>{{"1024Mi", "1Gi"},
                                                                                        {"0.25", "250m"},
                                                                                        {"1000m", "1"},
                                                                                        {"1.5Gi", "1536Mi"},
                                                                                        {"1000", "1k"},
                                                                                        {"10Gi", "10Gi"},
                                                                                        {"512Mi", "512Mi"},
                                                                                        {"100m", "100m"}}) {
    EXPECT_EQ(canonical_quantity(text), canonical) << text;
  }
}

TEST_F(ServerTest, RequestsAreLoggedWithWhatTheyDid) {
  const auto send = [&](const char* method, const std::string& target, const std::string& body) {
    const Request request = Request::of(method, target, "application/merge-patch+json", body);
    server_.next_fault(request);
    return server_.handle(request).status;
  };
  make("a");
  send("GET", "/api/v1/namespaces/default/configmaps/a", "");
  send("PATCH", "/api/v1/namespaces/default/configmaps/a?fieldManager=op", R"({"data":{"x":"1"}})");
  send("PATCH", "/api/v1/namespaces/default/configmaps/a?fieldManager=op", R"({"data":{"x":"1"}})");
  const std::vector<RequestFacts> log = server_.log();
  ASSERT_EQ(log.size(), 3U);
  EXPECT_EQ(log[0].verb, "get");
  EXPECT_EQ(log[1].verb, "patch");
  EXPECT_EQ(log[1].manager, "op");
  EXPECT_TRUE(log[1].changed);
  EXPECT_FALSE(log[2].changed);
  EXPECT_EQ(server_.writes(), 2U);
  EXPECT_EQ(server_.changes(), 1U);
}

}  // namespace
}  // namespace ferro::fakes::kube
