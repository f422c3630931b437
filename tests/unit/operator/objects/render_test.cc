#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "operator/api/names.h"
#include "operator/k8s/resources.h"
#include "operator/objects/node_config.h"
#include "operator/objects/parts.h"
#include "tests/unit/operator/api/crd_fields.h"
#include "tests/unit/operator/objects/fixture.h"

namespace ferro::oper::objects {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Desired rendered(const Json& spec) {
  return render(cluster_of(spec), usual_inputs(), 3);
}

std::set<std::string> names_of(const Desired& desired) {
  std::set<std::string> names;
  for (const Object& object : desired.objects)
    names.insert(std::string(object.resource.kind) + "/" +
                 object.json["metadata"]["name"].get<std::string>());
  return names;
}

std::set<std::string> absent_of(const Desired& desired) {
  std::set<std::string> names;
  for (const ObjectName& object : desired.absent)
    names.insert(std::string(object.resource.kind) + "/" + object.name);
  return names;
}

const std::set<std::string> kAll{
    "ServiceAccount/demo",       "ConfigMap/demo-config", "Service/demo-nodes",  "Service/demo",
    "PodDisruptionBudget/demo",  "NetworkPolicy/demo",    "ServiceMonitor/demo", "PrometheusRule/demo",
    "ConfigMap/demo-dashboards", "StatefulSet/demo"};

TEST(Render, TheObjectsOfTheContract) {
  const Desired desired = rendered(Json::object());
  EXPECT_EQ(names_of(desired), kAll);
  EXPECT_TRUE(desired.absent.empty());
  EXPECT_EQ(desired.objects.back().resource.kind, "StatefulSet") << "written last";
}

TEST(Render, EveryObjectIsOwnedAndLabelled) {
  for (const Object& object : rendered(Json::object()).objects) {
    const Json& metadata = object.json["metadata"];
    EXPECT_EQ(metadata["labels"]["app.kubernetes.io/name"], "ferrocache");
    EXPECT_EQ(metadata["labels"]["app.kubernetes.io/instance"], "demo");
    EXPECT_EQ(metadata["labels"]["app.kubernetes.io/managed-by"], "ferrocache-operator");
    EXPECT_EQ(metadata["namespace"], "shop");
    ASSERT_EQ(metadata["ownerReferences"].size(), 1U);
    EXPECT_EQ(metadata["ownerReferences"][0]["uid"], kUid);
    EXPECT_EQ(metadata["ownerReferences"][0]["controller"], true);
    EXPECT_EQ(metadata["annotations"][std::string(api::kAppliedHash)].get<std::string>().size(), 16U);
    EXPECT_EQ(ownership_of(object.json, cluster_of(Json::object())), Ownership::ours);
    EXPECT_EQ(object.json["kind"], object.resource.kind);
  }
}

TEST(Render, TogglesTakeObjectsAway) {
  const auto gone = [](const Json& spec) { return absent_of(rendered(spec)); };
  EXPECT_EQ(gone({{"replicas", 1}}), (std::set<std::string>{"PodDisruptionBudget/demo"}));
  EXPECT_EQ(gone({{"networkPolicy", {{"enabled", false}}}}), (std::set<std::string>{"NetworkPolicy/demo"}));
  EXPECT_EQ(gone({{"monitoring", {{"serviceMonitor", "disabled"}}}}),
            (std::set<std::string>{"ServiceMonitor/demo"}));
  EXPECT_EQ(gone({{"monitoring", {{"prometheusRule", "disabled"}}}}),
            (std::set<std::string>{"PrometheusRule/demo"}));
  EXPECT_EQ(gone({{"monitoring", {{"dashboards", "disabled"}}}}),
            (std::set<std::string>{"ConfigMap/demo-dashboards"}));
}

TEST(Render, KindsThatTheServerDoesNotKnowAreLeftAlone) {
  RenderInputs inputs = usual_inputs();
  inputs.serves_service_monitors = inputs.serves_prometheus_rules = false;
  const Desired desired = render(cluster_of(Json::object()), inputs, 3);
  EXPECT_EQ(find_object(desired, "ServiceMonitor", "demo"), nullptr);
  EXPECT_EQ(find_object(desired, "PrometheusRule", "demo"), nullptr);
  EXPECT_EQ(find_object(desired, "ConfigMap", "demo-dashboards"), nullptr);
  EXPECT_EQ(absent_of(desired), (std::set<std::string>{"ConfigMap/demo-dashboards"}))
      << "asking for an unknown kind would be an error on every pass";
}

// It was asked for all the same: the 404 ended every pass before anything else was made, and nothing told
// why.
TEST(Render, AKindThatIsAskedForAndNotServedKeepsNothingElseWaiting) {
  RenderInputs inputs = usual_inputs();
  inputs.serves_service_monitors = inputs.serves_prometheus_rules = false;
  const Json asked{{"monitoring", {{"serviceMonitor", "enabled"}, {"prometheusRule", "enabled"}}}};
  const Desired desired = render(cluster_of(asked), inputs, 3);
  EXPECT_EQ(find_object(desired, "ServiceMonitor", "demo"), nullptr);
  EXPECT_EQ(find_object(desired, "PrometheusRule", "demo"), nullptr);
  EXPECT_NE(find_object(desired, "StatefulSet", "demo"), nullptr);
  inputs.serves_service_monitors = inputs.serves_prometheus_rules = true;
  EXPECT_NE(find_object(render(cluster_of(asked), inputs, 3), "ServiceMonitor", "demo"), nullptr);
}

TEST(Render, StatefulSet) {
  const Desired desired = rendered(Json::object());
  const Json& spec = (*find_object(desired, "StatefulSet", "demo"))["spec"];
  EXPECT_EQ(spec["replicas"], 3);
  EXPECT_EQ(spec["serviceName"], "demo-nodes");
  EXPECT_EQ(spec["podManagementPolicy"], "Parallel");
  EXPECT_EQ(spec["updateStrategy"]["type"], "OnDelete");
  EXPECT_EQ(spec["volumeClaimTemplates"][0]["metadata"]["name"], "data") << "claims are data-demo-0";
  EXPECT_EQ(spec["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"], "10Gi");
  EXPECT_FALSE(spec["volumeClaimTemplates"][0]["spec"].contains("storageClassName"))
      << "the cluster's default";
  EXPECT_EQ(spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"], "Delete");
  EXPECT_EQ(spec["persistentVolumeClaimRetentionPolicy"]["whenScaled"], "Retain")
      << "hibernation keeps the data";
  EXPECT_EQ(desired.template_hash, template_hash_of(spec["template"]));
  EXPECT_EQ(desired.template_hash, template_hash_of(*find_object(desired, "StatefulSet", "demo")));

  const Desired kept = rendered({{"storage", {{"deletePolicy", "Retain"}}}});
  EXPECT_EQ((*find_object(kept, "StatefulSet",
                          "demo"))["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"],
            "Retain");
}

// https://kubernetes.io/docs/concepts/security/pod-security-standards/, profile "restricted".
TEST(Render, PodsAreRestricted) {
  const Json pod = pod_template(cluster_of(Json::object()), usual_inputs())["spec"];
  EXPECT_EQ(pod["securityContext"]["runAsNonRoot"], true);
  EXPECT_EQ(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
  EXPECT_EQ(pod["automountServiceAccountToken"], false);
  EXPECT_EQ(pod["enableServiceLinks"], false);
  ASSERT_EQ(pod["containers"].size(), 1U);
  const Json& security = pod["containers"][0]["securityContext"];
  EXPECT_EQ(security["allowPrivilegeEscalation"], false);
  EXPECT_EQ(security["readOnlyRootFilesystem"], true);
  EXPECT_EQ(security["capabilities"]["drop"], Json::array({"ALL"}));
  EXPECT_FALSE(pod.contains("initContainers"));
  for (const Json& mount : pod["containers"][0]["volumeMounts"]) {
    EXPECT_FALSE(mount.contains("subPath")) << "would not follow a change of its Secret";
    EXPECT_EQ(mount.value("readOnly", false), mount["name"] != "data");
  }
}

TEST(Render, ThePodIsTakenOutOfServicesBeforeTheNodeStops) {
  for (const int64_t grace : {1, 3, 10, 30, 60, 3600}) {
    const StopTimes times = stop_times(grace);
    EXPECT_GE(times.shutdown_s, 1);
    EXPECT_LE(times.sleep_s + times.shutdown_s, grace) << grace;
    const api::Cluster cluster = cluster_of({{"terminationGracePeriodSeconds", grace}});
    const Json pod = pod_template(cluster, usual_inputs())["spec"];
    EXPECT_EQ(pod["terminationGracePeriodSeconds"], grace);
    EXPECT_EQ(pod["containers"][0].contains("lifecycle"), times.sleep_s > 0) << "a sleep of 0 s is refused";
    EXPECT_EQ(node_settings(cluster)["http.shutdown_timeout_seconds"], std::to_string(times.shutdown_s));
  }
  EXPECT_EQ(stop_times(60).sleep_s, 5);
  EXPECT_EQ(stop_times(60).shutdown_s, 50);
}

TEST(Render, ProbesFollowClientTls) {
  for (const bool https : {false, true}) {
    const Json container =
        pod_template(cluster_of({{"tls", {{"clientTLS", https}}}}), usual_inputs())["spec"]["containers"][0];
    for (const char* probe : {"startupProbe", "livenessProbe", "readinessProbe"})
      EXPECT_EQ(container[probe]["httpGet"]["scheme"], https ? "HTTPS" : "HTTP");
    EXPECT_EQ(container["livenessProbe"]["httpGet"]["path"], "/livez") << "never depends on other nodes";
    EXPECT_EQ(container["readinessProbe"]["httpGet"]["path"], "/readyz");
  }
}

TEST(Render, WithoutTlsAndTokensNothingOfThemIsMounted) {
  const Json spec{{"tls", {{"enabled", false}}}, {"auth", {{"enabled", false}}}};
  const Desired desired = rendered(spec);
  const std::string text = (*find_object(desired, "StatefulSet", "demo")).dump() +
                           (*find_object(desired, "ConfigMap", "demo-config")).dump();
  for (const char* gone :
       {"demo-tls", "demo-trust", "demo-token", "auth_token_file", "NODE_CERT_PATH", "ca_cert_path"})
    EXPECT_THAT(text, Not(HasSubstr(gone)));
  EXPECT_THAT(text, HasSubstr("cluster.tls.enabled: \\\"false\\\""));
}

TEST(Render, AnExistingSecretIsMountedByTheKeyThatItHas) {
  const api::Cluster cluster = cluster_of({{"auth", {{"existingSecret", "mine"}}}});
  for (const char* key : {"token", "tokens"}) {
    RenderInputs inputs = usual_inputs();
    inputs.external_token_key = key;
    const Json volumes = pod_template(cluster, inputs)["spec"]["volumes"];
    EXPECT_EQ(volumes[1]["secret"]["secretName"], "mine");
    EXPECT_EQ(volumes[1]["secret"]["items"],
              Json::parse(R"([{"key": ")" + std::string(key) + R"(", "path": "tokens"}])"));
  }
}

TEST(Render, SettingsOfTheUserGiveWayToTheOperators) {
  const auto settings = node_settings(cluster_of({{"config",
                                                   {{"hnsw.ef_search", "64"},
                                                    {"compact_interval_inserts", "7"},
                                                    {"http.threads", "3"},
                                                    {"log.level", "debug"}}},
                                                  {"resources", {{"limits", {{"cpu", "1500m"}}}}}}));
  EXPECT_EQ(settings.at("hnsw.ef_search"), "64");
  EXPECT_EQ(settings.at("compact_interval_inserts"), "7");
  EXPECT_EQ(settings.at("http.threads"), "3");
  EXPECT_EQ(settings.at("cluster.id"), kUid) << "a volume of another cluster is known by it";
  EXPECT_EQ(settings.at("cluster.seed_nodes"), "demo-nodes.shop.svc:5000");
  EXPECT_EQ(node_settings(cluster_of({{"resources", {{"limits", {{"cpu", "1500m"}}}}}})).at("http.threads"),
            "2");
  EXPECT_FALSE(node_settings(cluster_of(Json::object())).contains("http.threads")) << "no CPU limit";
}

TEST(Render, VolumesCarryTheIdThatNodesKnowTheClusterBy) {
  constexpr const char* kAnnotation = "cache.ferrocache.io/cluster-id";
  api::Cluster cluster = cluster_of(Json::object());
  for (const char* id : {kUid, "that-of-retained-volumes"}) {
    if (std::string(id) != kUid) cluster.volumes_id = id;
    const Desired desired = render(cluster, usual_inputs(), 3);
    EXPECT_EQ(node_settings(cluster).at("cluster.id"), id);
    const Json& map = *find_object(desired, "ConfigMap", "demo-config");
    EXPECT_EQ(map["metadata"]["annotations"][kAnnotation], id);
    const Json& set = *find_object(desired, "StatefulSet", "demo");
    EXPECT_EQ(set["spec"]["volumeClaimTemplates"][0]["metadata"]["annotations"][kAnnotation], id);
    EXPECT_EQ(set["metadata"]["ownerReferences"][0]["uid"], kUid) << "objects are owned by the resource";
  }
}

TEST(Render, TheFileIsYamlWhateverTheValues) {
  const std::string odd = "a\"b\\c: #\n\t'é";
  const YAML::Node file = YAML::Load(config_file(cluster_of({{"config", {{"log.level", odd}}}})));
  EXPECT_EQ(file["log.level"].as<std::string>(), odd);
  EXPECT_EQ(file["port"].as<std::string>(), "3000");
}

TEST(Render, Services) {
  const Desired desired =
      rendered({{"serviceAnnotations", {{"team", "search"}}}, {"tls", {{"clientTLS", true}}}});
  const Json& client = *find_object(desired, "Service", "demo");
  EXPECT_EQ(client["spec"]["ports"].size(), 1U);
  EXPECT_EQ(client["spec"]["ports"][0]["port"], 3000);
  EXPECT_EQ(client["spec"]["ports"][0]["appProtocol"], "https");
  EXPECT_EQ(client["metadata"]["annotations"]["team"], "search");
  const Json& nodes = *find_object(desired, "Service", "demo-nodes");
  EXPECT_EQ(nodes["spec"]["clusterIP"], "None");
  EXPECT_EQ(nodes["spec"]["publishNotReadyAddresses"], true);
  EXPECT_EQ(nodes["spec"]["ports"].size(), 3U);
}

TEST(Render, NetworkPolicy) {
  const auto ingress = [](const Json& spec) {
    return Json((*find_object(rendered(spec), "NetworkPolicy", "demo"))["spec"]["ingress"]);
  };
  const Json usual = ingress(Json::object());
  ASSERT_EQ(usual.size(), 3U);
  EXPECT_EQ(usual[0],
            Json::parse(R"({"ports": [{"protocol": "TCP", "port": 3000}], "from": [{"podSelector": {}}]})"));
  EXPECT_EQ(usual[1]["from"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/instance"], "demo");
  EXPECT_EQ(usual[1]["ports"].size(), 2U);
  EXPECT_EQ(usual[2]["from"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
            "ferrocache-system");
  EXPECT_EQ(usual[2]["ports"][0]["port"], 4000);

  const Json from = Json::parse(R"([{"namespaceSelector": {"matchLabels": {"team": "a"}}}])");
  EXPECT_EQ(ingress({{"networkPolicy", {{"from", from}}}})[0]["from"], from);
  EXPECT_EQ(ingress({{"tls", {{"enabled", false}}}})[2]["ports"][0]["port"], 3000)
      << "without certificates the operator asks at the client port";

  RenderInputs outside = usual_inputs();
  outside.operator_namespace.clear();
  EXPECT_EQ(network_policy(cluster_of(Json::object()), outside)["spec"]["ingress"].size(), 2U);
}

TEST(Render, AServiceMonitorKnowsTlsAndTokens) {
  const Json plain = service_monitor(cluster_of(Json::object()))["spec"]["endpoints"][0];
  EXPECT_EQ(plain["scheme"], "http");
  EXPECT_FALSE(plain.contains("authorization"));
  const Json secured = service_monitor(cluster_of(
      {{"tls", {{"clientTLS", true}}}, {"config", {{"http.metrics_auth", "true"}}}}))["spec"]["endpoints"][0];
  EXPECT_EQ(secured["scheme"], "https");
  EXPECT_EQ(secured["tlsConfig"]["serverName"], "demo.shop.svc");
  EXPECT_EQ(secured["authorization"]["credentials"]["name"], "demo-token");
}

// Dashboards and alerts go by these labels; a label `namespace` of a series is the cache's, not Kubernetes'.
TEST(Render, AServiceMonitorNamesNamespaceClusterAndNode) {
  const Json endpoint = service_monitor(cluster_of(Json::object()))["spec"]["endpoints"][0];
  EXPECT_EQ(endpoint["honorLabels"], true);
  std::map<std::string, Json> made;
  for (const Json& relabeling : endpoint["relabelings"])
    made[relabeling["targetLabel"].get<std::string>()] = relabeling;
  ASSERT_EQ(made.size(), 3U);
  EXPECT_EQ(made["kube_namespace"]["sourceLabels"], Json::array({"__meta_kubernetes_namespace"}));
  EXPECT_EQ(made["cluster"]["replacement"], "demo");
  EXPECT_EQ(made["node"]["sourceLabels"], Json::array({"__meta_kubernetes_pod_name"}));
  const std::string text = prometheus_rule(cluster_of(Json::object())).dump() +
                           dashboards(cluster_of(Json::object()))["data"].dump();
  EXPECT_THAT(text, HasSubstr("kube_namespace=\\\"shop\\\",cluster=\\\"demo\\\""));
  EXPECT_THAT(text, Not(HasSubstr("service=\\\"")));
}

TEST(Render, AlertsAndDashboardsAreAboutThisClusterAlone) {
  const Json rule = prometheus_rule(cluster_of(Json::object()));
  const std::string text = rule.dump() + dashboards(cluster_of(Json::object()))["data"].dump();
  EXPECT_THAT(text, Not(HasSubstr("$SELECTOR")));
  EXPECT_THAT(text, Not(HasSubstr("$NAMESPACE")));
  EXPECT_THAT(text, Not(HasSubstr("$CLUSTER")));
  EXPECT_THAT(text, Not(HasSubstr("_SECONDS")));
  for (const Json& group : rule["spec"]["groups"]) {
    for (const Json& alert : group["rules"]) {
      EXPECT_THAT(alert["expr"].get<std::string>(), HasSubstr("namespace=\"shop\"")) << alert.dump();
      EXPECT_EQ(alert["labels"]["kube_namespace"], "shop") << alert.dump();
      EXPECT_EQ(alert["labels"]["cluster"], "demo") << alert.dump();
      if (alert.contains("record")) continue;
      for (const char* said : {"summary", "impact", "action", "runbook"})
        EXPECT_TRUE(alert["annotations"].contains(said)) << alert.dump();
    }
  }
  EXPECT_EQ(find_object(rendered({{"hibernated", true}}), "PrometheusRule", "demo"), nullptr)
      << "that no node is ready is no alert then";
  const std::string working_hours =
      prometheus_rule(cluster_of({{"snapshots", {{"schedule", "*/5 9-17 * * MON-FRI"}}}})).dump();
  EXPECT_THAT(working_hours, HasSubstr("> " + std::to_string(2 * (3 * 86'400 - 8 * 3600 - 55 * 60))))
      << "from Friday 17:55 to Monday 09:00, twice";
  const std::string hourly = prometheus_rule(cluster_of({{"snapshots", {{"schedule", "0 * * * *"}}}})).dump();
  EXPECT_THAT(hourly, HasSubstr("> 7200")) << "twice the time between two snapshots";
}

// --- what rolls pods ---

std::string hash_with(const Json& spec) {
  return rendered(spec).template_hash;
}

// Every field of the schema, and whether a change of it restarts nodes. A new field has to be put here, and
// what restarts nodes on the page as well.
const std::map<std::string, Json> kRestarts{
    {"image", "other:1"},
    {"imagePullPolicy", "Always"},
    {"imagePullSecrets", Json::parse(R"([{"name": "pull"}])")},
    {"replication.factor", 3},
    {"replication.writeConsistency", "one"},
    {"resources", Json::parse(R"({"limits": {"memory": "2Gi"}})")},
    {"config", Json::parse(R"({"hnsw.ef_search": "64"})")},
    {"tls.enabled", false},
    {"tls.clientTLS", true},
    {"auth.enabled", false},
    {"auth.existingSecret", "mine"},
    {"snapshots.retention", 3},
    {"topologySpread", "DoNotSchedule"},
    {"nodeSelector", Json::parse(R"({"disk": "ssd"})")},
    {"tolerations", Json::parse(R"([{"operator": "Exists"}])")},
    {"affinity", Json::parse(R"({"nodeAffinity": {"x": 1}})")},
    {"priorityClassName", "high"},
    {"podLabels", Json::parse(R"({"team": "search"})")},
    {"podAnnotations", Json::parse(R"({"team": "search"})")},
    {"terminationGracePeriodSeconds", 30},
};
const std::map<std::string, Json> kDoesNotRestart{
    {"replicas", 5},
    {"storage.size", "20Gi"},
    {"storage.storageClassName", "fast"},
    {"storage.deletePolicy", "Retain"},
    {"tls.caValidity", "9000h"},
    {"tls.caRenewBefore", "100h"},
    {"tls.certValidity", "700h"},
    {"tls.certRenewBefore", "100h"},
    {"tls.rotateGeneration", 1},
    {"tls.replaceCAGeneration", 1},
    {"auth.rotationInterval", "24h"},
    {"auth.overlap", "2h"},
    {"auth.rotateGeneration", 1},
    {"snapshots.schedule", "0 4 * * *"},
    {"snapshots.compaction.walRatio", 2},
    {"snapshots.compaction.deadRatio", 1},
    {"snapshots.compactGeneration", 1},
    {"autoscaling.minReplicas", 1},
    {"autoscaling.maxReplicas", 8},
    {"autoscaling.targetMemoryPercent", 70},
    {"autoscaling.targetP99Milliseconds", 7},
    {"autoscaling.stabilizationSeconds", 70},
    {"update.maxUnavailable", 2},
    {"update.paused", true},
    {"serviceAnnotations", Json::parse(R"({"team": "search"})")},
    {"networkPolicy.enabled", false},
    {"networkPolicy.from", Json::parse(R"([{"podSelector": {}}])")},
    {"monitoring.serviceMonitor", "disabled"},
    {"monitoring.prometheusRule", "disabled"},
    {"monitoring.dashboards", "disabled"},
    {"paused", true},
    {"hibernated", true},
};

TEST(TemplateHash, EachFieldRestartsNodesOrDoesNot) {
  const Json autoscaling = Json::parse(R"({"minReplicas": 2, "maxReplicas": 5, "targetMemoryPercent": 50})");
  const std::string usual = hash_with(Json::object());
  for (const tests::CrdField& field : tests::spec_fields()) {
    const auto restarts = kRestarts.find(field.path);
    const auto does_not = kDoesNotRestart.find(field.path);
    ASSERT_NE(restarts == kRestarts.end(), does_not == kDoesNotRestart.end())
        << field.path << " has to be in exactly one of the lists";
    Json spec = field.path.starts_with("autoscaling.") ? Json{{"autoscaling", autoscaling}} : Json::object();
    spec[field.pointer()] = restarts != kRestarts.end() ? restarts->second : does_not->second;
    EXPECT_EQ(hash_with(spec) != usual, restarts != kRestarts.end()) << field.path;
  }
}

// Nodes take the log level over from the file by themselves. One that they would refuse rolls, so that it is
// found out at the first pod and not when all start anew some day.
TEST(TemplateHash, AnotherLogLevelRestartsNobody) {
  const std::string usual = hash_with(Json::object());
  const Json debug{{"config", {{"log.level", "debug"}}}};
  EXPECT_EQ(hash_with(debug), usual);
  EXPECT_THAT((*find_object(rendered(debug), "ConfigMap", "demo-config"))["data"].dump(),
              HasSubstr("log.level: \\\"debug\\\""));
  EXPECT_NE(hash_with({{"config", {{"log.level", "loud"}}}}), usual);
  EXPECT_NE(hash_with({{"config", {{"log.level", "debug"}, {"log.format", "text"}}}}), usual);
}

TEST(TemplateHash, ThePageNamesWhatRestartsNodes) {
  std::ifstream in("docs/operator/custom_resource.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  const size_t from = page.find("## What restarts nodes");
  const size_t to = page.find("\n## ", from + 1);
  ASSERT_NE(from, std::string::npos);
  const std::string section = page.substr(from, to - from);
  std::set<std::string> named, expected;
  const std::regex word("`([^`]+)`");
  for (auto it = std::sregex_iterator(section.begin(), section.end(), word); it != std::sregex_iterator();
       ++it)
    named.insert((*it)[1]);
  for (const auto& [path, value] : kRestarts) expected.insert(path);
  EXPECT_EQ(named, expected);
}

TEST(TemplateHash, NeitherTheWorldAroundNorTheNumberOfNodesMatters) {
  const api::Cluster cluster = cluster_of(Json::object());
  const std::string usual = render(cluster, usual_inputs(), 3).template_hash;
  EXPECT_EQ(render(cluster, usual_inputs(), 0).template_hash, usual);
  RenderInputs inputs = usual_inputs();
  inputs.operator_namespace = "elsewhere";
  inputs.serves_prometheus_rules = inputs.serves_service_monitors = false;
  EXPECT_EQ(render(cluster, inputs, 3).template_hash, usual);
}

TEST(TemplateHash, ANewOperatorDoesNotRollAClusterThatNamesNoImage) {
  RenderInputs upgraded = usual_inputs();
  upgraded.running_image = usual_inputs().default_image;
  upgraded.default_image = "registry.example/ferrocached:0.3.0";
  api::Cluster cluster = cluster_of(Json::object());
  EXPECT_EQ(render(cluster, upgraded, 3).template_hash, render(cluster, usual_inputs(), 3).template_hash);
  cluster.follow_release = true;
  EXPECT_EQ(node_image(cluster, upgraded), "registry.example/ferrocached:0.3.0");
  cluster.spec.image.image = "mine:1";
  EXPECT_EQ(node_image(cluster, upgraded), "mine:1");
}

TEST(Image, Versions) {
  EXPECT_EQ(image_version("registry.example:5000/ferrocached:0.3.1"), "0.3.1");
  EXPECT_EQ(image_version("ferrocached:0.3.1@sha256:0123456789abcdef"), "0.3.1");
  EXPECT_EQ(image_version("registry.example:5000/ferrocached"), "latest");
  EXPECT_EQ(image_version("ferrocached@sha256:0123456789abcdef"), "0123456789ab");
  EXPECT_EQ(image_version(""), "latest");
  const Desired desired = rendered(Json::object());
  EXPECT_EQ(node_image_of(*find_object(desired, "StatefulSet", "demo")),
            "registry.example/ferrocached:0.2.0");
  EXPECT_EQ(
      node_image_of(Json::parse(R"({"spec": {"containers": [{"name": "ferrocached", "image": "a:1"}]}})")),
      "a:1");
  for (const char* odd :
       {"null", "{}", R"({"spec": {"containers": 3}})", R"({"spec": {"containers": [null, {}]}})"})
    EXPECT_EQ(node_image_of(Json::parse(odd)), "") << odd;
}

}  // namespace
}  // namespace ferro::oper::objects
