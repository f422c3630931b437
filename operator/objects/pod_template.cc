// The pod template. What stands in it decides when running pods are rolled: a change of what is rendered for
// an unchanged spec rolls every cluster of every user, and tests/golden/operator fails. Tokens, certificates
// and the number of nodes are nowhere in it.
#include <utility>

#include "operator/api/names.h"
#include "operator/objects/node_config.h"
#include "operator/objects/parts.h"
#include "operator/objects/pod_names.h"

namespace ferro::oper::objects {
namespace {

constexpr int kUser = 65532;       // of the image
constexpr int kSecretMode = 0440;  // read by the pod's group
constexpr std::string_view kConfigHash = "cache.ferrocache.io/config-hash";

// A node answers /livez from its first moment, so this is the time for the container to start at all.
constexpr int kStartupSeconds = 120;

std::string in(std::string_view folder, const std::string& file) {
  return std::string(folder) + "/" + file;
}

Json env(const std::string& name, const std::string& value) {
  return {{"name", name}, {"value", value}};
}

Json env_from_field(const std::string& name, const std::string& field) {
  return {{"name", name}, {"valueFrom", {{"fieldRef", {{"apiVersion", "v1"}, {"fieldPath", field}}}}}};
}

// What differs from pod to pod. Kubernetes expands $(POD_NAME) itself; it must stand before its use.
Json environment(const api::ClusterSpec& spec) {
  const std::string certificate = in(kLeafFolder, "$(POD_NAME).crt");
  const std::string key = in(kLeafFolder, "$(POD_NAME).key");
  Json list = Json::array({
      env_from_field("POD_NAME", "metadata.name"),
      env_from_field("POD_IP", "status.podIP"),
      env("FERROCACHE_NODE_ID", "$(POD_NAME)"),
      env("FERROCACHE_CLUSTER__GOSSIP_ADDR", "$(POD_IP):" + std::to_string(api::kPeerPort)),
  });
  if (spec.tls.enabled) {
    list.push_back(env("FERROCACHE_CLUSTER__TLS__NODE_CERT_PATH", certificate));
    list.push_back(env("FERROCACHE_CLUSTER__TLS__NODE_KEY_PATH", key));
  }
  if (spec.tls.client_tls) {
    list.push_back(env("FERROCACHE_HTTP__TLS__CERT_PATH", certificate));
    list.push_back(env("FERROCACHE_HTTP__TLS__KEY_PATH", key));
  }
  return list;
}

Json port(std::string_view name, int number) {
  return {{"name", name}, {"containerPort", number}, {"protocol", "TCP"}};
}

Json ports(const api::ClusterSpec& spec) {
  Json list = Json::array({port(kHttpPortName, api::kHttpPort)});
  if (spec.tls.enabled) list.push_back(port(kInternalPortName, api::kInternalPort));
  list.push_back(port(kPeerPortName, api::kPeerPort));
  return list;
}

// Liveness never depends on other nodes; readiness is the node's own word that it answers as well as any
// other.
Json probe(const api::ClusterSpec& spec, const char* path, int period_s, int failures) {
  return {{"httpGet",
           {{"path", path}, {"port", kHttpPortName}, {"scheme", spec.tls.client_tls ? "HTTPS" : "HTTP"}}},
          {"periodSeconds", period_s},
          {"timeoutSeconds", 5},
          {"failureThreshold", failures},
          {"successThreshold", 1}};
}

Json mount(std::string_view name, std::string_view path, bool read_only = true) {
  Json result{{"name", name}, {"mountPath", path}};
  if (read_only) result["readOnly"] = true;
  return result;
}

// Whole folders, never single files (subPath): those would not follow a change of the Secret.
Json mounts(const api::ClusterSpec& spec) {
  Json list = Json::array({mount(kDataVolume, kDataFolder, false), mount("config", kConfigFolder)});
  if (spec.auth.enabled) list.push_back(mount("tokens", kTokenFolder));
  if (spec.tls.enabled) {
    list.push_back(mount("trust", kTrustFolder));
    list.push_back(mount("tls", kLeafFolder));
  }
  return list;
}

Json secret_volume(std::string_view name, const std::string& secret) {
  return {{"name", name}, {"secret", {{"secretName", secret}, {"defaultMode", kSecretMode}}}};
}

Json volumes(const api::Cluster& cluster, const RenderInputs& inputs) {
  const api::ClusterSpec& spec = cluster.spec;
  Json list =
      Json::array({{{"name", "config"},
                    {"configMap", {{"name", api::config_map(cluster.name)}, {"defaultMode", 0444}}}}});
  if (spec.auth.enabled) {
    Json tokens =
        secret_volume("tokens", spec.auth.existing_secret.value_or(api::token_secret(cluster.name)));
    // Only what nodes need: not the key that clients read.
    const std::string key = spec.auth.existing_secret ? inputs.external_token_key : std::string(kTokenFile);
    tokens["secret"]["items"] = Json::array({{{"key", key}, {"path", kTokenFile}}});
    list.push_back(std::move(tokens));
  }
  if (spec.tls.enabled) {
    list.push_back(secret_volume("trust", api::trust_secret(cluster.name)));
    list.push_back(secret_volume("tls", api::tls_secret(cluster.name)));
  }
  return list;
}

Json container(const api::Cluster& cluster, const RenderInputs& inputs) {
  const api::ClusterSpec& spec = cluster.spec;
  Json result{
      {"name", kContainer},
      {"image", node_image(cluster, inputs)},
      {"imagePullPolicy", spec.image.pull_policy},
      {"args", Json::array({"--config", in(kConfigFolder, std::string(kConfigFile))})},
      {"env", environment(spec)},
      {"ports", ports(spec)},
      {"startupProbe", probe(spec, "/livez", 1, kStartupSeconds)},
      {"livenessProbe", probe(spec, "/livez", 10, 6)},
      {"readinessProbe", probe(spec, "/readyz", 2, 2)},
      {"volumeMounts", mounts(spec)},
      {"securityContext",
       {{"allowPrivilegeEscalation", false},
        {"readOnlyRootFilesystem", true},
        {"runAsNonRoot", true},
        {"capabilities", {{"drop", Json::array({"ALL"})}}}}},
      // Why a node did not start (a setting that it refuses) shows in `kubectl describe pod`.
      {"terminationMessagePolicy", "FallbackToLogsOnError"},
  };
  if (!spec.resources.empty()) result["resources"] = spec.resources;
  if (const StopTimes times = stop_times(spec.termination_grace_period_s); times.sleep_s > 0)
    result["lifecycle"] = {{"preStop", {{"sleep", {{"seconds", times.sleep_s}}}}}};
  return result;
}

Json spread(const api::Cluster& cluster, const char* topology_key) {
  return {{"maxSkew", 1},
          {"topologyKey", topology_key},
          {"whenUnsatisfiable", cluster.spec.spread_do_not_schedule ? "DoNotSchedule" : "ScheduleAnyway"},
          {"labelSelector", {{"matchLabels", pod_selector(cluster)}}}};
}

Json pod_spec(const api::Cluster& cluster, const RenderInputs& inputs) {
  const api::ClusterSpec& spec = cluster.spec;
  Json result{
      {"serviceAccountName", cluster.name},
      {"automountServiceAccountToken", false},
      {"enableServiceLinks", false},
      {"terminationGracePeriodSeconds", spec.termination_grace_period_s},
      {"securityContext",
       {{"runAsNonRoot", true},
        {"runAsUser", kUser},
        {"runAsGroup", kUser},
        {"fsGroup", kUser},
        {"fsGroupChangePolicy", "OnRootMismatch"},
        {"seccompProfile", {{"type", "RuntimeDefault"}}}}},
      {"topologySpreadConstraints", Json::array({spread(cluster, "kubernetes.io/hostname"),
                                                 spread(cluster, "topology.kubernetes.io/zone")})},
      {"containers", Json::array({container(cluster, inputs)})},
      {"volumes", volumes(cluster, inputs)},
  };
  if (!spec.image.pull_secrets.empty()) result["imagePullSecrets"] = spec.image.pull_secrets;
  if (!spec.node_selector.empty()) result["nodeSelector"] = spec.node_selector;
  if (!spec.tolerations.empty()) result["tolerations"] = spec.tolerations;
  if (!spec.affinity.empty()) result["affinity"] = spec.affinity;
  if (!spec.priority_class_name.empty()) result["priorityClassName"] = spec.priority_class_name;
  return result;
}

}  // namespace

Json pod_template(const api::Cluster& cluster, const RenderInputs& inputs) {
  Json labels = pod_selector(cluster);
  for (const auto& [key, value] : cluster.spec.pod_labels) labels.emplace(key, value);
  Json annotations(cluster.spec.pod_annotations);
  // Nodes read most of the file when they start: another one means a restart.
  annotations[std::string(kConfigHash)] = hash_of(settings_until_restart(cluster));
  Json result{{"metadata", {{"labels", std::move(labels)}, {"annotations", std::move(annotations)}}},
              {"spec", pod_spec(cluster, inputs)}};
  result["metadata"]["annotations"][std::string(api::kTemplateHash)] = hash_of(result);
  return result;
}

}  // namespace ferro::oper::objects
