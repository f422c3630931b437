#include "operator/api/names.h"
#include "operator/k8s/resources.h"
#include "operator/objects/node_config.h"
#include "operator/objects/parts.h"
#include "operator/objects/pod_names.h"

namespace ferro::oper::objects {
namespace {

// Tells the two Services apart: monitoring looks at all nodes through the headless one.
constexpr const char* kServiceLabel = "cache.ferrocache.io/service";

Json port(std::string_view name, int number, const char* protocol_hint) {
  return {{"name", name},
          {"port", number},
          {"targetPort", name},
          {"protocol", "TCP"},
          {"appProtocol", protocol_hint}};
}

const char* http_or_https(const api::Cluster& cluster) {
  return cluster.spec.tls.client_tls ? "https" : "http";
}

}  // namespace

Json config_map(const api::Cluster& cluster) {
  Json result = owned(cluster, k8s::kConfigMaps, api::config_map(cluster.name));
  result["metadata"]["annotations"] = {{std::string(api::kVolumesId), volumes_id(cluster)}};
  result["data"] = {{std::string(kConfigFile), config_file(cluster)}};
  return result;
}

Json service_account(const api::Cluster& cluster) {
  Json result = owned(cluster, k8s::kServiceAccounts, cluster.name);
  result["automountServiceAccountToken"] = false;  // nodes never talk to the API server
  return result;
}

Json client_service(const api::Cluster& cluster) {
  Json result = owned(cluster, k8s::kServices, cluster.name);
  result["metadata"]["labels"][kServiceLabel] = "client";
  if (!cluster.spec.service_annotations.empty())
    result["metadata"]["annotations"] = cluster.spec.service_annotations;
  result["spec"] = {{"type", "ClusterIP"},
                    {"selector", pod_selector(cluster)},
                    {"ports", Json::array({port(kHttpPortName, api::kHttpPort, http_or_https(cluster))})}};
  return result;
}

Json nodes_service(const api::Cluster& cluster) {
  Json result = owned(cluster, k8s::kServices, api::nodes_service(cluster.name));
  result["metadata"]["labels"][kServiceLabel] = "nodes";
  Json ports = Json::array({port(kHttpPortName, api::kHttpPort, http_or_https(cluster))});
  if (cluster.spec.tls.enabled) ports.push_back(port(kInternalPortName, api::kInternalPort, "https"));
  ports.push_back(port(kPeerPortName, api::kPeerPort, "tcp"));
  result["spec"] = {{"type", "ClusterIP"},
                    {"clusterIP", "None"},
                    // Nodes find each other before any of them is ready.
                    {"publishNotReadyAddresses", true},
                    {"selector", pod_selector(cluster)},
                    {"ports", ports}};
  return result;
}

}  // namespace ferro::oper::objects
