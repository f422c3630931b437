#include "tests/fakes/kube_api/kinds.h"

#include <algorithm>
#include <sstream>

namespace ferro::fakes::kube {
namespace {

Kind built_in(const char* group, const char* version, const char* plural, const char* kind, bool namespaced,
              bool has_status, bool has_generation) {
  Kind made;
  made.group = group;
  made.version = version;
  made.plural = plural;
  made.kind = kind;
  made.namespaced = namespaced;
  made.has_status = has_status;
  made.has_generation = has_generation;
  return made;
}

std::vector<std::string> split_path(const std::string& path) {
  std::vector<std::string> parts;
  std::istringstream in(path);
  for (std::string part; std::getline(in, part, '.');) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

}  // namespace

KindRegistry::KindRegistry() {
  Kind sets = built_in("apps", "v1", "statefulsets", "StatefulSet", true, true, true);
  sets.scale = ScalePaths{{"spec", "replicas"}, {"status", "replicas"}, {}};
  add(sets);
  add(built_in("", "v1", "pods", "Pod", true, true, false));
  add(built_in("", "v1", "services", "Service", true, true, false));
  add(built_in("", "v1", "secrets", "Secret", true, false, false));
  add(built_in("", "v1", "configmaps", "ConfigMap", true, false, false));
  add(built_in("", "v1", "serviceaccounts", "ServiceAccount", true, false, false));
  add(built_in("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", true, true, false));
  add(built_in("", "v1", "namespaces", "Namespace", false, true, false));
  add(built_in("", "v1", "nodes", "Node", false, true, false));
  add(built_in("storage.k8s.io", "v1", "storageclasses", "StorageClass", false, false, false));
  add(built_in("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", true, true, true));
  add(built_in("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true, false, true));
  add(built_in("coordination.k8s.io", "v1", "leases", "Lease", true, false, false));
  add(built_in("events.k8s.io", "v1", "events", "Event", true, false, false));
  add(built_in("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", true, false, true));
}

void KindRegistry::add(Kind kind) {
  std::erase_if(kinds_, [&](const KindPtr& known) {
    return known->group == kind.group && known->version == kind.version && known->plural == kind.plural;
  });
  kinds_.push_back(std::make_shared<const Kind>(std::move(kind)));
}

KindPtr KindRegistry::find(std::string_view group, std::string_view version, std::string_view plural) const {
  for (const KindPtr& kind : kinds_) {
    if (kind->group == group && kind->version == version && kind->plural == plural) return kind;
  }
  return nullptr;
}

KindPtr KindRegistry::by_kind(std::string_view api_version, std::string_view name) const {
  for (const KindPtr& kind : kinds_) {
    if (kind->kind == name && kind->api_version() == api_version) return kind;
  }
  return nullptr;
}

void KindRegistry::add_crd(const Json& crd) {
  const Json& spec = crd.at("spec");
  for (const Json& version : spec.at("versions")) {
    if (!version.value("served", true)) continue;
    Kind kind;
    kind.group = spec.at("group");
    kind.version = version.at("name");
    kind.plural = spec.at("names").at("plural");
    kind.kind = spec.at("names").at("kind");
    kind.namespaced = spec.at("scope") == "Namespaced";
    kind.built_in = false;
    kind.has_generation = true;
    kind.schema = version.at("schema").at("openAPIV3Schema");
    const Json subresources = version.value("subresources", Json::object());
    kind.has_status = subresources.contains("status");
    if (const auto scale = subresources.find("scale"); scale != subresources.end()) {
      kind.scale =
          ScalePaths{split_path(scale->at("specReplicasPath")), split_path(scale->at("statusReplicasPath")),
                     split_path(scale->value("labelSelectorPath", ""))};
    }
    add(std::move(kind));
  }
}

}  // namespace ferro::fakes::kube
