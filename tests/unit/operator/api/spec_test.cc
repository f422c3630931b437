// The parser's own behaviour; bounds and defaults are held against the CRD in schema_test.cc.
#include "operator/api/spec.h"

#include <gmock/gmock.h>

#include <random>

#include "operator/api/names.h"
#include "operator/api/rules.h"

namespace ferro::oper::api {
namespace {

using ::testing::HasSubstr;

Json object_with(Json spec) {
  return {{"apiVersion", "cache.ferrocache.io/v1alpha1"},
          {"kind", "FerroCacheCluster"},
          {"metadata",
           {{"name", "demo"},
            {"namespace", "shop"},
            {"uid", "u-1"},
            {"resourceVersion", "7"},
            {"generation", 3},
            {"creationTimestamp", "2026-07-01T03:00:00Z"}}},
          {"spec", std::move(spec)}};
}

std::string refusal(const std::string& spec) {
  const Result<Cluster> result = parse_cluster(object_with(Json::parse(spec)));
  return result.ok() ? "accepted" : result.status().message();
}

TEST(Parse, TheShortestCluster) {
  const Result<Cluster> cluster = parse_cluster(object_with(Json::object()));
  ASSERT_TRUE(cluster.ok()) << cluster.status().message();
  EXPECT_EQ(cluster->spec, ClusterSpec());
  EXPECT_EQ(cluster->name, "demo");
  EXPECT_EQ(cluster->ns, "shop");
  EXPECT_EQ(cluster->uid, "u-1");
  EXPECT_EQ(cluster->generation, 3);
  EXPECT_EQ(cluster->created_unix, 1'782'874'800);
  EXPECT_FALSE(cluster->deleting);
  EXPECT_FALSE(cluster->follow_release);
}

TEST(Parse, WhatIsUnknownDoesNoHarm) {
  EXPECT_EQ(refusal(R"({"later": {"field": 1}, "tls": {"curve": "x"}})"), "accepted");
  EXPECT_EQ(refusal(R"({"replicas": null, "tls": null})"), "accepted");
}

TEST(Parse, IdentityOfABrokenObjectIsKnown) {
  Json object = object_with({{"replicas", "many"}});
  object["metadata"]["deletionTimestamp"] = "2026-07-02T03:00:00Z";
  object["status"] = {{"phase", "Ready"}};
  EXPECT_FALSE(parse_cluster(object).ok());
  const Cluster cluster = parse_identity(object);
  EXPECT_EQ(cluster.name, "demo");
  EXPECT_EQ(cluster.uid, "u-1");
  EXPECT_TRUE(cluster.deleting);
  EXPECT_EQ(cluster.status["phase"], "Ready");
  for (const char* odd :
       {"null", "[]", "3", R"({"metadata": 4, "status": []})", R"({"metadata": {"name": {}}})"})
    EXPECT_EQ(parse_identity(Json::parse(odd)).name, "") << odd;
}

TEST(Parse, TheFieldIsNamed) {
  EXPECT_THAT(refusal(R"({"replicas": 0})"), HasSubstr("spec.replicas: 0 is no integer of 1..100"));
  EXPECT_THAT(refusal(R"({"tls": {"caValidity": "1 year"}})"), HasSubstr("spec.tls.caValidity: \"1 year\""));
  EXPECT_THAT(refusal(R"({"snapshots": {"compaction": {"walRatio": "x"}}})"),
              HasSubstr("spec.snapshots.compaction.walRatio"));
  EXPECT_THAT(refusal(R"({"snapshots": {"schedule": "0 25 * * *"}})"), HasSubstr("spec.snapshots.schedule"));
  EXPECT_THAT(refusal(R"({"config": {"hnsw.ef_search": 64}})"), HasSubstr("spec.config"));
  EXPECT_THAT(refusal(R"({"resources": {"limits": {"memory": "1GB"}}})"),
              HasSubstr("spec.resources.limits.memory"));
  EXPECT_THAT(refusal(R"({"replicas": 18446744073709551615})"), HasSubstr("spec.replicas"));
  EXPECT_THAT(refusal(R"([])"), HasSubstr("spec"));
}

// The sentences of the CRD's rules; each names both fields.
TEST(Rules, BothFieldsAreNamed) {
  const std::vector<std::array<std::string, 3>> kCases{
      {R"({"replicas": 2, "replication": {"factor": 3}})", "spec.replication.factor", "spec.replicas"},
      {R"({"tls": {"caRenewBefore": "4380h"}})", "spec.tls.caRenewBefore", "spec.tls.caValidity"},
      {R"({"tls": {"certRenewBefore": "360h"}})", "spec.tls.certRenewBefore", "spec.tls.certValidity"},
      {R"({"tls": {"certValidity": "9000h"}})", "spec.tls.certValidity", "spec.tls.caValidity"},
      {R"({"tls": {"enabled": false, "clientTLS": true}})", "spec.tls.clientTLS", "spec.tls.enabled"},
      {R"({"auth": {"existingSecret": "mine", "rotationInterval": "24h"}})", "spec.auth.existingSecret",
       "spec.auth.rotationInterval"},
      {R"({"auth": {"existingSecret": "mine", "rotateGeneration": 1}})", "spec.auth.existingSecret",
       "spec.auth.rotateGeneration"},
      {R"({"auth": {"existingSecret": "mine", "enabled": false}})", "spec.auth.existingSecret",
       "spec.auth.enabled"},
      {R"({"auth": {"rotationInterval": "1h"}})", "spec.auth.rotationInterval", "spec.auth.overlap"},
      {R"({"autoscaling": {"minReplicas": 4, "maxReplicas": 3, "targetMemoryPercent": 80}})",
       "spec.autoscaling.minReplicas", "spec.autoscaling.maxReplicas"},
      {R"({"autoscaling": {"minReplicas": 3, "maxReplicas": 5}})", "spec.autoscaling.targetMemoryPercent",
       "spec.autoscaling.targetP99Milliseconds"},
      {R"({"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1024Mi"}}})",
       "spec.resources.requests", "spec.resources.limits"},
      {R"({"config": {"cluster.tls.enabled": "false"}})", "spec.config", "cluster.tls.enabled"},
      {R"({"config": {"port": "1"}})", "spec.config", "port"},
      {R"({"podLabels": {"app.kubernetes.io/name": "x"}})", "spec.podLabels", "app.kubernetes.io/name"},
      {R"({"podAnnotations": {"cache.ferrocache.io/template-hash": "x"}})", "spec.podAnnotations",
       "cache.ferrocache.io"},
      {R"({"storage": {"size": "100Mi"}})", "spec.storage.size", "256Mi"},
  };
  for (const auto& [spec, one, other] : kCases) {
    EXPECT_THAT(refusal(spec), HasSubstr(one)) << spec;
    EXPECT_THAT(refusal(spec), HasSubstr(other)) << spec;
  }
}

TEST(Rules, WhatIsAllowed) {
  for (
      const char* spec :
      {R"({"replicas": 1})", R"({"replicas": 1, "replication": {"factor": 5}})",
       R"({"replicas": 2, "replication": {"factor": 2}})",
       R"({"resources": {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": "1000m", "memory": "1024Mi"}}})",
       R"({"autoscaling": {"minReplicas": 3, "maxReplicas": 3, "targetP99Milliseconds": 5}})",
       R"({"tls": {"enabled": false}})", R"({"auth": {"existingSecret": "mine"}})",
       R"({"config": {"http.max_connections": "5"}})", R"({"hibernated": true, "paused": true})"})
    EXPECT_EQ(refusal(spec), "accepted") << spec;
}

TEST(Parse, ANameThatServicesCannotHave) {
  for (const std::string& name : {std::string("9lives"), std::string("a.b"), std::string("A"),
                                  std::string("a-"), std::string(41, 'a'), std::string()}) {
    Json object = object_with(Json::object());
    object["metadata"]["name"] = name;
    EXPECT_FALSE(parse_cluster(object).ok()) << name;
  }
}

TEST(Parse, FollowReleaseIsAnAnnotation) {
  Json object = object_with(Json::object());
  object["metadata"]["annotations"] = {{std::string(kFollowRelease), "true"}};
  EXPECT_TRUE(parse_cluster(object)->follow_release);
}

// Random damage to a full object: a Result, never an exception or a crash.
TEST(Parse, NeverDiesOnAnyShape) {
  std::mt19937 random(3);  // NOLINT: a fixed seed replays
  const std::vector<Json> kOdd{nullptr,
                               true,
                               -1,
                               1.5,
                               "x",
                               Json::array(),
                               Json::object(),
                               Json::array({1}),
                               Json{{"a", Json::array()}},
                               18446744073709551615ULL,
                               "10Gi",
                               "\n"};
  const Json full = Json::parse(R"({"replicas": 3, "image": "x", "imagePullSecrets": [{"name": "a"}],
    "replication": {"factor": 2}, "resources": {"requests": {"cpu": 1}, "limits": {"cpu": 2}},
    "storage": {"size": "1Gi"}, "config": {"a": "b"}, "tls": {"caValidity": "10h"}, "auth": {"overlap": "1h"},
    "snapshots": {"compaction": {"walRatio": 1}}, "autoscaling": {"minReplicas": 1, "maxReplicas": 2},
    "update": {"paused": true}, "nodeSelector": {"a": "b"}, "tolerations": [], "affinity": {},
    "networkPolicy": {"from": []}, "monitoring": {"dashboards": "auto"}, "podLabels": {"a": "b"}})");
  for (int i = 0; i < 20'000; ++i) {
    Json object = object_with(full);
    Json flat = object.flatten();
    auto victim = flat.begin();
    std::advance(victim, static_cast<std::ptrdiff_t>(random() % flat.size()));
    object[Json::json_pointer(victim.key())] = kOdd[random() % kOdd.size()];
    const std::string top =
        std::next(full.begin(), static_cast<std::ptrdiff_t>(random() % full.size())).key();
    if (random() % 2 == 0) object["spec"][top] = kOdd[random() % kOdd.size()];
    const Result<Cluster> result = parse_cluster(object);
    EXPECT_TRUE(result.ok() || !result.status().message().empty());
  }
}

TEST(Names, Ordinals) {
  EXPECT_EQ(ordinal_of("demo", "demo-2"), 2);
  EXPECT_EQ(ordinal_of("demo", "demo-10"), 10);
  EXPECT_EQ(ordinal_of("a-1", "a-1-0"), 0);
  for (const char* pod :
       {"demo", "demo-", "demo-x", "demo-01", "demo--1", "other-1", "demo-1-2", "demo-99999999999"})
    EXPECT_FALSE(ordinal_of("demo", pod).has_value()) << pod;
  EXPECT_EQ(ordinal_of_claim("demo", claim("demo", 2)), 2);
  for (const char* name : {"demo-2", "data-", "data-other-2", "wal-demo-2"})
    EXPECT_FALSE(ordinal_of_claim("demo", name).has_value()) << name;
}

}  // namespace
}  // namespace ferro::oper::api
