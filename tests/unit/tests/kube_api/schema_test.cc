// Admission by a CRD's schema, by small ones and by the operator's own.
#include "tests/fakes/kube_api/schema.h"

#include <gmock/gmock.h>
#include <yaml-cpp/yaml.h>

#include "tests/fakes/kube_api/api_server.h"
#include "tests/fakes/kube_api/yaml_file.h"

namespace ferro::fakes::kube {
namespace {

using testing::HasSubstr;

std::vector<std::string> fields(const Json& schema, const Json& value, const Json* old = nullptr) {
  std::vector<std::string> out;
  for (const Cause& cause : validate(schema, value, old)) out.push_back(cause.field);
  return out;
}

TEST(Schema, DefaultsFillInWhereTheParentIs) {
  const Json schema = Json::parse(R"({"type":"object","properties":{
    "a":{"type":"integer","default":1},
    "b":{"type":"object","default":{},"properties":{"c":{"type":"string","default":"x"}}},
    "d":{"type":"object","properties":{"e":{"type":"string","default":"y"}}},
    "l":{"type":"array","items":{"type":"object","properties":{"p":{"type":"integer","default":2}}}}}})");
  Json value = Json::parse(R"({"l":[{},{"p":3}]})");
  apply_defaults(schema, value);
  EXPECT_EQ(value, Json::parse(R"({"a":1,"b":{"c":"x"},"l":[{"p":2},{"p":3}]})"));
}

TEST(Schema, WhatTheSchemaDoesNotNameIsPruned) {
  const Json schema = Json::parse(R"({"type":"object","properties":{
    "spec":{"type":"object","properties":{"a":{"type":"string"},
      "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true},
      "map":{"type":"object","additionalProperties":{"type":"string"}}}}}})");
  Json value = Json::parse(R"({"apiVersion":"v","kind":"k","metadata":{"x":1},"more":1,)"
                           R"("spec":{"a":"b","z":1,"free":{"q":1},"map":{"m":"n"}}})");
  prune(schema, value);
  EXPECT_EQ(value, Json::parse(R"({"apiVersion":"v","kind":"k","metadata":{"x":1},
    "spec":{"a":"b","free":{"q":1},"map":{"m":"n"}}})"));
}

TEST(Schema, EveryBoundIsChecked) {
  struct Case {
    const char *schema, *good, *bad;
  };
  for (const Case& c : {
           Case{R"({"type":"integer"})", "1", "1.5"},
           Case{R"({"type":"integer"})", "1", "\"1\""},
           Case{R"({"type":"boolean"})", "true", "1"},
           Case{R"({"type":"integer","minimum":1,"maximum":3})", "3", "4"},
           Case{R"({"type":"integer","minimum":1,"exclusiveMinimum":true})", "2", "1"},
           Case{R"({"type":"string","maxLength":2})", "\"äö\"", "\"abc\""},
           Case{R"({"type":"string","minLength":2})", "\"ab\"", "\"a\""},
           Case{R"({"type":"string","pattern":"^[a-z]+$"})", "\"abc\"", "\"a1\""},
           Case{R"({"type":"string","enum":["a","b"]})", "\"b\"", "\"c\""},
           Case{R"({"type":"array","maxItems":1})", "[1]", "[1,2]"},
           Case{R"({"type":"array","x-kubernetes-list-type":"set","items":{"type":"integer"}})", "[1,2]",
                "[1,1]"},
           Case{R"({"type":"object","required":["a"],"properties":{"a":{}}})", "{\"a\":1}", "{}"},
           Case{R"({"type":"object","maxProperties":1,"additionalProperties":{"type":"integer"}})",
                "{\"a\":1}", "{\"a\":1,\"b\":2}"},
           Case{R"({"type":"object","additionalProperties":{"type":"integer"}})", "{\"a\":1}",
                "{\"a\":\"x\"}"},
           Case{R"({"x-kubernetes-int-or-string":true})", "\"1\"", "true"},
           Case{R"({"type":"string","nullable":true,"maxLength":1})", "null", "\"ab\""},
           Case{R"({"type":"string"})", "\"x\"", "null"},
           Case{R"({"anyOf":[{"type":"string"},{"type":"integer"}]})", "1", "true"},
           Case{R"({"oneOf":[{"type":"integer","maximum":5},{"type":"integer","minimum":3}]})", "1", "4"},
           Case{R"({"not":{"type":"string"}})", "1", "\"x\""},
           Case{R"({"type":"integer","x-kubernetes-validations":[{"rule":"self > 2"}]})", "3", "2"},
       }) {
    EXPECT_TRUE(fields(Json::parse(c.schema), Json::parse(c.good)).empty()) << c.schema << " " << c.good;
    EXPECT_FALSE(fields(Json::parse(c.schema), Json::parse(c.bad)).empty()) << c.schema << " " << c.bad;
  }
}

// The CRD as it is shipped.
class ShippedCrd : public testing::Test {
 protected:
  ShippedCrd() { server_.install_crd(yaml_file("crds/ferrocacheclusters.yaml")); }
  Response create(const Json& spec, const std::string& name = "demo") {
    return server_.act("kubectl", "POST",
                       "/apis/cache.ferrocache.io/v1alpha1/namespaces/default/ferrocacheclusters",
                       {{"metadata", {{"name", name}}}, {"spec", spec}});
  }
  Response patch(const Json& patch) {
    return server_.act("kubectl", "PATCH",
                       "/apis/cache.ferrocache.io/v1alpha1/namespaces/default/ferrocacheclusters/demo", patch,
                       "application/merge-patch+json");
  }
  ManualClock clock_;
  ApiServer server_{clock_};
};

TEST_F(ShippedCrd, TheShortestClusterIsFilledInAsTheContractSays) {
  const Response made = create(Json::object());
  ASSERT_EQ(made.status, 201) << made.body.dump();
  const Json& spec = made.body.at("spec");
  EXPECT_EQ(spec.at("replicas"), 3);
  EXPECT_EQ(spec.at("replication").at("factor"), 2);
  EXPECT_EQ(spec.at("storage").at("size"), "10Gi");
  EXPECT_EQ(spec.at("tls").at("certRenewBefore"), "240h");
}

TEST_F(ShippedCrd, EveryRuleCanBeEvaluatedAndWrongCombinationsAreRefused) {
  EXPECT_EQ(create(Json::object()).status, 201);
  for (const auto& [spec, said] : std::vector<std::pair<Json, std::string>>{
           {{{"replicas", 2}, {"replication", {{"factor", 3}}}}, "spec.replication.factor must not be above"},
           {{{"tls", {{"certRenewBefore", "600h"}}}}, "less than half"},
           {{{"autoscaling", {{"minReplicas", 5}, {"maxReplicas", 3}, {"targetMemoryPercent", 70}}}},
            "minReplicas"},
           {{{"config", {{"port", "1"}}}}, "config"},
           {{{"storage", {{"size", "1Mi"}}}}, "256Mi"},
           {{{"auth", {{"existingSecret", "s"}, {"rotateGeneration", 1}}}}, "existingSecret"},
           {{{"resources", {{"requests", {{"memory", "2Gi"}}}, {"limits", {{"memory", "1Gi"}}}}}},
            "resources"},
           {{{"podLabels", {{"app.kubernetes.io/name", "x"}}}}, "podLabels"},
           {{{"replicas", 0}}, "replicas"},
           {{{"replicas", 101}}, "replicas"}}) {
    const Response refused = create(spec, "other");
    EXPECT_EQ(refused.status, 422) << spec;
    EXPECT_THAT(refused.body.dump(), HasSubstr(said)) << spec;
    EXPECT_EQ(refused.body.dump().find("cannot be evaluated"), std::string::npos) << refused.body.dump();
  }
}

TEST_F(ShippedCrd, TransitionsAreChecked) {
  ASSERT_EQ(create(Json::object()).status, 201);
  EXPECT_EQ(patch({{"spec", {{"storage", {{"size", "5Gi"}}}}}}).status, 422);
  EXPECT_EQ(patch({{"spec", {{"storage", {{"size", "20Gi"}}}}}}).status, 200);
  EXPECT_EQ(patch({{"spec", {{"storage", {{"storageClassName", "fast"}}}}}}).status, 422);
}

TEST_F(ShippedCrd, UnknownFieldsAreDroppedAndGenerationsCounted) {
  ASSERT_EQ(create({{"replica", 5}}).status, 201);
  Json now = *server_.get("ferrocacheclusters", "default", "demo");
  EXPECT_FALSE(now.at("spec").contains("replica"));
  EXPECT_EQ(now.at("metadata").at("generation"), 1);
  ASSERT_EQ(server_
                .act("hpa", "PATCH",
                     "/apis/cache.ferrocache.io/v1alpha1/namespaces/default/ferrocacheclusters/demo/scale",
                     {{"spec", {{"replicas", 5}}}}, "application/merge-patch+json")
                .status,
            200);
  now = *server_.get("ferrocacheclusters", "default", "demo");
  EXPECT_EQ(now.at("spec").at("replicas"), 5);
  EXPECT_EQ(now.at("metadata").at("generation"), 2);
}

}  // namespace
}  // namespace ferro::fakes::kube
