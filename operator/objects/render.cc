#include <utility>

#include "operator/api/names.h"
#include "operator/k8s/resources.h"
#include "operator/objects/parts.h"

namespace ferro::oper::objects {
namespace {

using api::Toggle;

void add(Desired& desired, const k8s::Resource& resource, Json json) {
  json["metadata"]["annotations"][std::string(api::kAppliedHash)] = hash_of(json);
  desired.objects.push_back({resource, std::move(json)});
}

// Made if wanted; else to be deleted, if the API server knows the kind at all.
template <typename Make>
void add_if(Desired& desired, bool wanted, bool served, const k8s::Resource& resource,
            const std::string& name, const Make& make) {
  if (wanted) {
    add(desired, resource, make());
  } else if (served) {
    desired.absent.push_back({resource, name});
  }
}

// `automatic` decides by what the API server knows.
bool wanted(Toggle toggle, bool served) {
  return toggle == Toggle::on || (toggle == Toggle::automatic && served);
}

}  // namespace

Desired render(const api::Cluster& cluster, const RenderInputs& inputs, int64_t statefulset_replicas) {
  const api::ClusterSpec& spec = cluster.spec;
  Desired desired;
  add(desired, k8s::kServiceAccounts, service_account(cluster));
  add(desired, k8s::kConfigMaps, config_map(cluster));
  add(desired, k8s::kServices, nodes_service(cluster));
  add(desired, k8s::kServices, client_service(cluster));
  // With a single node a budget would only block the drain of its machine.
  add_if(desired, spec.replicas > 1, true, k8s::kDisruptionBudgets, cluster.name,
         [&] { return disruption_budget(cluster); });
  add_if(desired, spec.network_policy_enabled, true, k8s::kNetworkPolicies, cluster.name,
         [&] { return network_policy(cluster, inputs); });
  // Of kinds that the API server may not know: what it would answer 404 to is not asked for, and the
  // controller tells it.
  const bool monitors = inputs.serves_service_monitors, rules = inputs.serves_prometheus_rules;
  add_if(desired, monitors && spec.monitoring.service_monitor != Toggle::off, monitors, k8s::kServiceMonitors,
         cluster.name, [&] { return service_monitor(cluster); });
  // A cluster that sleeps would fire what tells that nobody answers.
  add_if(desired, rules && spec.monitoring.prometheus_rule != Toggle::off && !spec.hibernated, rules,
         k8s::kPrometheusRules, cluster.name, [&] { return prometheus_rule(cluster); });
  add_if(desired, wanted(spec.monitoring.dashboards, inputs.serves_service_monitors), true, k8s::kConfigMaps,
         api::dashboards_config_map(cluster.name), [&] { return dashboards(cluster); });
  Json nodes = stateful_set(cluster, inputs, statefulset_replicas);
  desired.template_hash = template_hash_of(nodes);
  add(desired, k8s::kStatefulSets, std::move(nodes));
  return desired;
}

}  // namespace ferro::oper::objects
