#include "tests/fakes/kube_api/list_types.h"

#include <map>

namespace ferro::fakes::kube {
namespace {

using Merge = ListType::Merge;

const Json* schema_at(const Json& schema, const FieldPath& path) {
  const Json* here = &schema;
  for (const std::string& name : path) {
    while (here->contains("items")) here = &here->at("items");
    if (here->contains("properties") && here->at("properties").contains(name)) {
      here = &here->at("properties").at(name);
    } else if (here->contains("additionalProperties") && here->at("additionalProperties").is_object()) {
      here = &here->at("additionalProperties");
    } else {
      return nullptr;
    }
  }
  return here;
}

// As the Go types of core/v1, apps/v1, networking/v1, policy/v1 declare them (+listType, +listMapKey).
ListType built_in_type(const FieldPath& path) {
  static const std::map<std::string, ListType> kByName = {
      {"ownerReferences", {Merge::map, {"uid"}}},
      {"finalizers", {Merge::set, {}}},
      {"conditions", {Merge::map, {"type"}}},
      {"containers", {Merge::map, {"name"}}},
      {"initContainers", {Merge::map, {"name"}}},
      {"env", {Merge::map, {"name"}}},
      {"volumes", {Merge::map, {"name"}}},
      {"volumeMounts", {Merge::map, {"mountPath"}}},
      {"volumeDevices", {Merge::map, {"devicePath"}}},
      {"imagePullSecrets", {Merge::map, {"name"}}},
      {"topologySpreadConstraints", {Merge::map, {"topologyKey", "whenUnsatisfiable"}}},
      {"hostAliases", {Merge::map, {"ip"}}},
      {"secrets", {Merge::map, {"name"}}},
  };
  if (path.empty()) return {};
  if (path.back() == "ports") {
    if (path == FieldPath{"spec", "ports"}) return {Merge::map, {"port", "protocol"}};
    const bool container = path.size() >= 2 && path[path.size() - 2] == "containers";
    return container ? ListType{Merge::map, {"containerPort", "protocol"}} : ListType{};
  }
  const auto found = kByName.find(path.back());
  return found == kByName.end() ? ListType{} : found->second;
}

}  // namespace

ListType list_type(const Kind& kind, const FieldPath& path) {
  const bool metadata = !path.empty() && path.front() == "metadata";
  if (kind.schema.is_null() || metadata) return built_in_type(path);
  const Json* schema = schema_at(kind.schema, path);
  if (schema == nullptr) return {};
  const std::string type = schema->value("x-kubernetes-list-type", "atomic");
  if (type == "set") return {Merge::set, {}};
  if (type != "map") return {};
  return {Merge::map, schema->value("x-kubernetes-list-map-keys", std::vector<std::string>{})};
}

bool is_atomic_map(const Kind& kind, const FieldPath& path) {
  if (kind.schema.is_null() || (!path.empty() && path.front() == "metadata")) {
    // LabelSelector and the references of core/v1 are +structType=atomic.
    return !path.empty() &&
           (path.back() == "selector" || path.back() == "labelSelector" || path.back() == "podSelector" ||
            path.back() == "secretKeyRef" || path.back() == "configMapKeyRef" || path.back() == "fieldRef");
  }
  const Json* schema = schema_at(kind.schema, path);
  return schema != nullptr && schema->value("x-kubernetes-map-type", "granular") == "atomic";
}

}  // namespace ferro::fakes::kube
