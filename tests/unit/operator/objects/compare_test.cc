#include <random>

#include "operator/api/names.h"
#include "operator/objects/parts.h"
#include "tests/unit/operator/objects/fixture.h"

namespace ferro::oper::objects {
namespace {

const Json kEverything = Json::parse(R"({
  "replicas": 5, "image": "ferrocached:1", "imagePullSecrets": [{"name": "pull"}],
  "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"cpu": 2, "memory": "2048Mi"}},
  "storage": {"size": "1024Mi", "storageClassName": "fast"}, "config": {"hnsw.ef_search": "64"},
  "tls": {"clientTLS": true}, "nodeSelector": {"disk": "ssd"},
  "tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}],
  "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
     {"topologyKey": "host", "labelSelector": {"matchLabels": {"a": "1"}}},
     {"topologyKey": "host", "labelSelector": {"matchLabels": {"a": "2"}}}]}},
  "priorityClassName": "high", "podLabels": {"team": "x"}, "podAnnotations": {"a": "b"},
  "serviceAnnotations": {"c": "d"},
  "networkPolicy": {"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}, {"podSelector": {}}]}})");

// As a server keeps quantities: 1024Mi becomes 1Gi.
void normalise_quantities(Json& value, bool inside = false) {
  if (inside && value.is_string()) {
    const std::map<std::string, std::string> kForms{{"1024Mi", "1Gi"}, {"2048Mi", "2Gi"}, {"1000m", "1"}};
    if (const auto found = kForms.find(value.get<std::string>()); found != kForms.end())
      value = found->second;
  } else if (inside && value.is_number()) {
    value = value.dump();
  } else if (value.is_structured()) {
    for (auto& [name, element] : value.items())
      normalise_quantities(element, inside || name == "requests" || name == "limits");
  }
}

void drop_empty(Json& value) {
  if (!value.is_object()) {
    if (value.is_array()) {
      for (Json& element : value) drop_empty(element);
    }
    return;
  }
  for (auto it = value.begin(); it != value.end();) {
    drop_empty(*it);
    const bool kept = it.key() == "podSelector" || !it->is_structured() || !it->empty();
    it = kept ? std::next(it) : value.erase(it);
  }
}

// What a real server (1.34) adds to an applied object of this kind.
Json as_kept_by_the_server(Json object) {
  normalise_quantities(object);
  drop_empty(object);
  object.erase("apiVersion");
  object.erase("kind");
  object["metadata"].update(Json::parse(
      R"({"uid": "x", "resourceVersion": "5", "generation": 1, "creationTimestamp": "2026-07-01T03:00:00Z",
                      "managedFields": [{"manager": "ferrocache-operator"}]})"));
  object["metadata"]["annotations"]["somebody.else/annotation"] = "1";
  if (!object.contains("spec")) return object;
  Json& spec = object["spec"];
  if (spec.contains("template")) {
    spec["template"]["metadata"]["creationTimestamp"] = nullptr;
    Json& pod = spec["template"]["spec"];
    pod.update(Json::parse(
        R"({"dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                               "serviceAccount": "demo"})"));
    pod["containers"][0]["terminationMessagePath"] = "/dev/termination-log";
    pod["containers"].push_back({{"name", "injected"}, {"image", "mesh:1"}});
    pod["volumes"].insert(pod["volumes"].begin(), Json{{"name", "injected"}, {"emptyDir", Json::object()}});
    spec["volumeClaimTemplates"][0]["status"] = {{"phase", "Pending"}};
    spec["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = "7Gi";
  }
  if (spec.contains("ports")) {
    spec.update(Json::parse(
        R"({"internalTrafficPolicy": "Cluster", "ipFamilies": ["IPv4"], "sessionAffinity": "None"})"));
    if (!spec.contains("clusterIP")) spec["clusterIP"] = "10.96.0.7";
    spec["ports"][0]["nodePort"] = 30001;
  }
  object["status"] = {{"replicas", 3}};
  return object;
}

TEST(Differs, AnAppliedObjectThatTheServerKeepsDoesNot) {
  for (const Json& spec : {Json(Json::object()), kEverything}) {
    for (const Object& object : render(cluster_of(spec), usual_inputs(), 3).objects)
      EXPECT_EQ(first_difference(object.json, as_kept_by_the_server(object.json)), "") << object.json["kind"];
  }
}

bool is_immutable(const std::string& pointer) {
  for (const char* part : {"/spec/volumeClaimTemplates", "/spec/serviceName", "/spec/podManagementPolicy",
                           "/spec/revisionHistoryLimit", "/apiVersion", "/kind"}) {
    if (pointer.starts_with(part)) return true;
  }
  return false;
}

// Drift of any single value that we render is seen.
TEST(Differs, EveryValueThatWeRenderCounts) {
  int checked = 0;
  for (const Object& object : render(cluster_of(kEverything), usual_inputs(), 3).objects) {
    const bool stateful_set = object.resource.kind == "StatefulSet";
    const Json flat = object.json.flatten();
    for (const auto& [pointer, value] : flat.items()) {
      if (pointer == "/apiVersion" || pointer == "/kind" || (stateful_set && is_immutable(pointer)) ||
          (stateful_set && pointer.starts_with("/spec/selector")) || value.is_null())
        continue;
      Json observed = object.json;
      Json& place = observed[Json::json_pointer(pointer)];
      place = value.is_boolean()  ? Json(!value.get<bool>())
              : value.is_number() ? Json(value.get<int>() + 1)
                                  : Json("drift");
      EXPECT_TRUE(differs(object.json, observed)) << object.resource.kind << " " << pointer;
      ++checked;
    }
  }
  EXPECT_GT(checked, 300);
}

TEST(Differs, AFieldThatIsGoneCounts) {
  const Json desired = stateful_set(cluster_of(kEverything), usual_inputs(), 3);
  Json observed = desired;
  observed["spec"]["template"]["spec"]["containers"][0].erase("readinessProbe");
  EXPECT_EQ(first_difference(desired, observed), "spec.template.spec.containers[ferrocached].readinessProbe");
}

TEST(Differs, WhatIsNotRenderedAnyMoreShowsInTheHash) {
  const auto service = [](const Json& spec) {
    return Json(*find_object(render(cluster_of(spec), usual_inputs(), 3), "Service", "demo"));
  };
  const Json before = service({{"serviceAnnotations", {{"team", "search"}}}});
  const Json after = service(Json::object());
  EXPECT_EQ(first_difference(after, before), "metadata.annotations." + std::string(api::kAppliedHash));
}

TEST(Differs, ImmutableFieldsOfAStatefulSetDoNotCount) {
  const Json desired = stateful_set(cluster_of({{"storage", {{"size", "20Gi"}}}}), usual_inputs(), 3);
  const Json observed = stateful_set(cluster_of(Json::object()), usual_inputs(), 3);
  EXPECT_FALSE(differs(desired, observed));
  const Json applied = with_immutable_fields_of(desired, observed);
  EXPECT_EQ(applied["spec"]["volumeClaimTemplates"], observed["spec"]["volumeClaimTemplates"]);
  EXPECT_EQ(applied["spec"]["template"], desired["spec"]["template"]);
}

TEST(Differs, AnyShapeIsBorne) {
  const Json desired = stateful_set(cluster_of(Json::object()), usual_inputs(), 3);
  for (const char* odd :
       {"null", "[]", "3", "{}", R"({"spec": 3})", R"({"spec": {"template": []}})",
        R"({"metadata": {"annotations": []}, "spec": {"template": {"spec": {"containers": [1]}}}})"}) {
    EXPECT_TRUE(differs(desired, Json::parse(odd))) << odd;
    EXPECT_EQ(with_immutable_fields_of(desired, Json::parse(odd))["kind"], "StatefulSet");
  }
  std::mt19937 random(5);  // NOLINT: a fixed seed replays
  const Json flat = desired.flatten();
  for (int i = 0; i < 2000; ++i) {
    auto victim = flat.begin();
    std::advance(victim, static_cast<std::ptrdiff_t>(random() % flat.size()));
    Json observed = desired;
    std::string pointer = victim.key();
    for (auto up = random() % 4; up > 0 && pointer.rfind('/') > 0; --up) pointer.resize(pointer.rfind('/'));
    if (pointer.empty()) continue;
    observed[Json::json_pointer(pointer)] = random() % 2 == 0 ? Json() : Json::array({1});
    first_difference(desired, observed);
  }
}

TEST(Ownership, OnlyWhatTheClusterControlsIsItsOwn) {
  const api::Cluster cluster = cluster_of(Json::object());
  const auto owned_by = [](const Json& reference) {
    return Json{{"metadata", {{"ownerReferences", Json::array({reference})}}}};
  };
  Json reference = owned_metadata(cluster, "x")["ownerReferences"][0];
  EXPECT_EQ(ownership_of(owned_by(reference), cluster), Ownership::ours);
  reference["controller"] = false;
  EXPECT_EQ(ownership_of(owned_by(reference), cluster), Ownership::unowned);
  reference["controller"] = true;
  reference["uid"] = "another";
  EXPECT_EQ(ownership_of(owned_by(reference), cluster), Ownership::former)
      << "of a deleted cluster of this name";
  reference["name"] = "other";
  EXPECT_EQ(ownership_of(owned_by(reference), cluster), Ownership::foreign);
  for (const char* odd :
       {"null", "{}", R"({"metadata": 1})", R"({"metadata": {"ownerReferences": [3, {}]}})"})
    EXPECT_EQ(ownership_of(Json::parse(odd), cluster), Ownership::unowned) << odd;
}

TEST(Ownership, OfAClaimIsAskedAndChangedBesideThatOfOthers) {
  const api::Cluster cluster = cluster_of(Json::object());
  const Json ours = {{"apiVersion", "cache.ferrocache.io/v1alpha1"},
                     {"kind", "FerroCacheCluster"},
                     {"name", cluster.name},
                     {"uid", cluster.uid}};
  const Json set = {{"apiVersion", "apps/v1"},
                    {"kind", "StatefulSet"},
                    {"name", cluster.name},
                    {"uid", "set"},
                    {"controller", true}};
  Json other_set = set, backup = {{"apiVersion", "v1"}, {"kind", "Backup"}, {"name", "b"}, {"uid", "b"}};
  other_set["name"] = "other";
  const auto claim = [](const Json& owners) { return Json{{"metadata", {{"ownerReferences", owners}}}}; };
  const Json bare = {{"metadata", Json::object()}};
  EXPECT_EQ(claim_owners(cluster, bare, true), Json::array({ours}))
      << "no controller: the StatefulSet's is that";
  EXPECT_EQ(claim_owners(cluster, bare, false), Json::array());
  EXPECT_EQ(claim_owners(cluster, claim({set, backup}), true), Json::array({set, backup, ours}));
  EXPECT_EQ(claim_owners(cluster, claim({set, backup, ours}), true), Json::array({set, backup, ours}));
  EXPECT_EQ(claim_owners(cluster, claim({set, other_set, backup, ours}), false),
            Json::array({other_set, backup}));
  EXPECT_TRUE(owns_claim(cluster, claim({set, ours})));
  EXPECT_TRUE(set_owns_claim(cluster, claim({ours, set})));
  EXPECT_FALSE(owns_claim(cluster, claim({set, backup})));
  EXPECT_FALSE(set_owns_claim(cluster, claim({other_set, ours})));
  for (const char* odd : {"null", "{}", R"({"metadata": 1})", R"({"metadata": {"ownerReferences": 7}})"}) {
    EXPECT_FALSE(owns_claim(cluster, Json::parse(odd))) << odd;
    EXPECT_EQ(claim_owners(cluster, Json::parse(odd), true).size(), 1U) << odd;
  }
}

TEST(Selector, SelectsPodsOfThisClusterOnly) {
  EXPECT_EQ(selector_string(cluster_of(Json::object())),
            "app.kubernetes.io/instance=demo,app.kubernetes.io/managed-by=ferrocache-operator,"
            "app.kubernetes.io/name=ferrocache");
}

}  // namespace
}  // namespace ferro::oper::objects
