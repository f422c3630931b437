#include <utility>

#include "operator/api/names.h"
#include "operator/k8s/resources.h"
#include "operator/objects/node_config.h"
#include "operator/objects/parts.h"
#include "operator/objects/pod_names.h"

namespace ferro::oper::objects {
namespace {

// Nobody rolls back by revisions: the operator owns the order and the template.
constexpr int kRevisionsKept = 2;

Json claim_template(const api::Cluster& cluster) {
  const api::StorageSpec& storage = cluster.spec.storage;
  Json claim{{"apiVersion", "v1"},
             {"kind", "PersistentVolumeClaim"},
             {"metadata",
              {{"name", kDataVolume},
               {"labels", pod_selector(cluster)},
               {"annotations", {{std::string(api::kVolumesId), volumes_id(cluster)}}}}},
             {"spec",
              {{"accessModes", Json::array({"ReadWriteOnce"})},
               {"volumeMode", "Filesystem"},
               {"resources", {{"requests", {{"storage", storage.size}}}}}}}};
  if (storage.class_name) claim["spec"]["storageClassName"] = *storage.class_name;
  return claim;
}

}  // namespace

Json stateful_set(const api::Cluster& cluster, const RenderInputs& inputs, int64_t replicas) {
  Json result = owned(cluster, k8s::kStatefulSets, cluster.name);
  Json pods = pod_template(cluster, inputs);
  result["metadata"]["annotations"] = {{std::string(api::kTemplateHash), template_hash_of(pods)}};
  const bool retain = cluster.spec.storage.delete_policy == api::DeletePolicy::retain;
  result["spec"] = {
      {"replicas", replicas},
      {"serviceName", api::nodes_service(cluster.name)},
      {"selector", {{"matchLabels", pod_selector(cluster)}}},
      // The operator deletes pods one by one itself; nothing waits for a pod that can never become ready.
      {"podManagementPolicy", "Parallel"},
      {"updateStrategy", {{"type", "OnDelete"}}},
      {"revisionHistoryLimit", kRevisionsKept},
      // Not when scaled: hibernation scales to nothing and keeps the data. After a scale-down the operator
      // deletes the claim itself, unless it is to be retained.
      {"persistentVolumeClaimRetentionPolicy",
       {{"whenDeleted", retain ? "Retain" : "Delete"}, {"whenScaled", "Retain"}}},
      {"template", std::move(pods)},
      {"volumeClaimTemplates", Json::array({claim_template(cluster)})},
  };
  return result;
}

Json with_immutable_fields_of(Json desired, const Json& observed) {
  if (!observed.is_object() || !desired.is_object()) return desired;
  const auto from = observed.find("spec");
  const auto to = desired.find("spec");
  if (from == observed.end() || !from->is_object() || to == desired.end() || !to->is_object()) return desired;
  for (const char* name :
       {"serviceName", "selector", "podManagementPolicy", "revisionHistoryLimit", "volumeClaimTemplates"}) {
    if (const auto found = from->find(name); found != from->end()) (*to)[name] = *found;
  }
  return desired;
}

}  // namespace ferro::oper::objects
