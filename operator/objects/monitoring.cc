#include <algorithm>
#include <array>
#include <utility>

#include "operator/api/cron.h"
#include "operator/api/names.h"
#include "operator/k8s/resources.h"
#include "operator/objects/assets.h"
#include "operator/objects/parts.h"
#include "operator/objects/pod_names.h"

namespace ferro::oper::objects {
namespace {

constexpr int64_t kDaySeconds = 86'400;
constexpr int64_t kHourSeconds = 3'600;

std::string replaced(std::string text, std::string_view what, const std::string& by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

// Twice the longest time between two snapshots by schedule: one may be put off by a roll. Looked for over a
// year from a fixed day on: from the last firing of each day to the next one, and between the firings of the
// first day. 0 = no schedule that can be read.
int64_t snapshot_age_bound(const std::string& schedule) {
  const Result<api::CronSchedule> cron = api::CronSchedule::parse(schedule);
  if (!cron.ok()) return 0;
  constexpr int64_t kYearSeconds = 366 * kDaySeconds;
  constexpr int kFiringsOfADayTried = 48;
  int64_t longest = kHourSeconds;
  const int64_t first = cron->next_after(0);
  for (int64_t at = first, i = 0; i < kFiringsOfADayTried; ++i) {
    const int64_t next = cron->next_after(at);
    longest = std::max(longest, next - at);
    at = next;
  }
  for (int64_t at = first; at < first + kYearSeconds;) {
    const int64_t end_of_day = (at / kDaySeconds + 1) * kDaySeconds - 1;
    const int64_t next = cron->next_after(end_of_day);
    longest = std::max(longest, next - cron->last_at(end_of_day));
    at = next;
  }
  return 2 * std::min(longest, kYearSeconds);
}

// $NAME in a text of the assets. Values come from the schema's patterns and hold no quote or backslash.
std::string filled_in(std::string_view text, const api::Cluster& cluster) {
  const std::string selector = "kube_namespace=\"" + cluster.ns + "\",cluster=\"" + cluster.name + "\"";
  const std::array<std::pair<std::string_view, std::string>, 6> values{{
      {"$SELECTOR", selector},
      {"$NAMESPACE", cluster.ns},
      {"$CLUSTER", cluster.name},
      {"$UID", cluster.uid},
      {"$SNAPSHOT_AGE_SECONDS", std::to_string(snapshot_age_bound(cluster.spec.snapshots.schedule))},
      // Renewal was due at certRenewBefore; at half of that it has been failing for long.
      {"$CERTIFICATE_LEFT_SECONDS", std::to_string(cluster.spec.tls.cert_renew_before_s / 2)},
  }};
  std::string result(text);
  for (const auto& [name, value] : values) result = replaced(std::move(result), name, value);
  return result;
}

// The same in every text of a document.
void fill_in(Json& value, const api::Cluster& cluster) {
  if (value.is_string()) {
    value = filled_in(value.get_ref<const std::string&>(), cluster);
  } else if (value.is_structured()) {
    for (Json& element : value) fill_in(element, cluster);
  }
}

Json document(std::string_view text, const api::Cluster& cluster) {
  Json json = Json::parse(text, nullptr, false);
  FERRO_ASSERT(!json.is_discarded(), "an asset of ours is valid JSON");
  fill_in(json, cluster);
  return json;
}

// The labels by which dashboards and alerts tell nodes and clusters apart. With honorLabels `namespace` on a
// series is the cache's own, so that Kubernetes' has a name of its own.
Json relabelings(const api::Cluster& cluster) {
  const auto copied = [](const char* from, const char* label) -> Json {
    return {{"action", "replace"}, {"sourceLabels", Json::array({from})}, {"targetLabel", label}};
  };
  return Json::array({copied("__meta_kubernetes_namespace", "kube_namespace"),
                      {{"action", "replace"}, {"targetLabel", "cluster"}, {"replacement", cluster.name}},
                      copied("__meta_kubernetes_pod_name", "node")});
}

}  // namespace

Json service_monitor(const api::Cluster& cluster) {
  // All nodes, ready or not: through the headless Service.
  Json labels = pod_selector(cluster);
  labels["cache.ferrocache.io/service"] = "nodes";
  Json endpoint{{"port", kHttpPortName}, {"path", "/metrics"},  {"interval", "30s"},
                {"scheme", "http"},      {"honorLabels", true}, {"relabelings", relabelings(cluster)}};
  if (cluster.spec.tls.client_tls) {
    endpoint["scheme"] = "https";
    endpoint["tlsConfig"] = {
        {"ca", {{"secret", {{"name", api::trust_secret(cluster.name)}, {"key", "ca.crt"}}}}},
        {"serverName", cluster.name + "." + cluster.ns + ".svc"}};
  }
  const auto& config = cluster.spec.config;
  const auto metrics_auth = config.find("http.metrics_auth");
  if (cluster.spec.auth.enabled && metrics_auth != config.end() && metrics_auth->second != "false") {
    endpoint["authorization"] = {
        {"type", "Bearer"},
        {"credentials",
         {{"name", cluster.spec.auth.existing_secret.value_or(api::token_secret(cluster.name))},
          {"key", "token"}}}};
  }
  Json result = owned(cluster, k8s::kServiceMonitors, cluster.name);
  result["spec"] = {{"selector", {{"matchLabels", labels}}},
                    {"namespaceSelector", {{"matchNames", Json::array({cluster.ns})}}},
                    {"endpoints", Json::array({endpoint})}};
  return result;
}

Json prometheus_rule(const api::Cluster& cluster) {
  Json result = owned(cluster, k8s::kPrometheusRules, cluster.name);
  result["spec"] = document(alerts_asset(), cluster);
  return result;
}

Json dashboards(const api::Cluster& cluster) {
  Json result = owned(cluster, k8s::kConfigMaps, api::dashboards_config_map(cluster.name));
  result["metadata"]["labels"]["grafana_dashboard"] = "1";
  const std::string file = cluster.ns + "-" + cluster.name + ".json";
  result["data"] = {{file, document(dashboard_asset(), cluster).dump(2)}};
  return result;
}

}  // namespace ferro::oper::objects
