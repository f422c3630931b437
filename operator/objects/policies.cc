#include "operator/api/names.h"
#include "operator/k8s/resources.h"
#include "operator/objects/parts.h"

namespace ferro::oper::objects {
namespace {

Json tcp(int port) {
  return {{"protocol", "TCP"}, {"port", port}};
}

// The operator's pods, by the labels of its chart.
Json operator_peer(const RenderInputs& inputs) {
  return {
      {"namespaceSelector", {{"matchLabels", {{"kubernetes.io/metadata.name", inputs.operator_namespace}}}}},
      {"podSelector", {{"matchLabels", {{std::string(api::kLabelName), api::kFieldManager}}}}}};
}

}  // namespace

Json disruption_budget(const api::Cluster& cluster) {
  Json result = owned(cluster, k8s::kDisruptionBudgets, cluster.name);
  // Fits any size. A pod that is not ready may always be evicted: it serves nobody, and holding it back would
  // block the drain of its machine for ever.
  result["spec"] = {{"maxUnavailable", 1},
                    {"unhealthyPodEvictionPolicy", "AlwaysAllow"},
                    {"selector", {{"matchLabels", pod_selector(cluster)}}}};
  return result;
}

Json network_policy(const api::Cluster& cluster, const RenderInputs& inputs) {
  const api::ClusterSpec& spec = cluster.spec;
  const Json any_pod_of_the_namespace = Json::array({{{"podSelector", Json::object()}}});
  Json rules = Json::array();
  rules.push_back(
      {{"ports", Json::array({tcp(api::kHttpPort)})},
       {"from", spec.network_policy_from.empty() ? any_pod_of_the_namespace : spec.network_policy_from}});
  Json between = Json::array({tcp(api::kPeerPort)});
  if (spec.tls.enabled) between.push_back(tcp(api::kInternalPort));
  rules.push_back({{"ports", between},
                   {"from", Json::array({{{"podSelector", {{"matchLabels", pod_selector(cluster)}}}}})}});
  if (!inputs.operator_namespace.empty()) {
    // Without certificates there is no internal port: the operator asks at the client port, with the token.
    const int port = spec.tls.enabled ? api::kInternalPort : api::kHttpPort;
    rules.push_back({{"ports", Json::array({tcp(port)})}, {"from", Json::array({operator_peer(inputs)})}});
  }
  Json result = owned(cluster, k8s::kNetworkPolicies, cluster.name);
  result["spec"] = {{"podSelector", {{"matchLabels", pod_selector(cluster)}}},
                    {"policyTypes", Json::array({"Ingress"})},
                    {"ingress", rules}};
  return result;
}

}  // namespace ferro::oper::objects
