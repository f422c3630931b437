#include "operator/controllers/caches.h"

#include <algorithm>

#include "common/base/assert.h"
#include "operator/api/names.h"
#include "operator/controllers/fields.h"

namespace ferro::oper::controllers {
namespace {

runtime::StoreOptions labelled() {
  return {runtime::index_by_label(std::string(api::kLabelInstance)), {}};
}

}  // namespace

Caches::Caches()
    : kinds_{{{k8s::kClusters, "", runtime::Store()},
              {k8s::kStatefulSets, api::kSelectorAll, runtime::Store(labelled())},
              {k8s::kPods, api::kSelectorAll, runtime::Store(labelled())},
              {k8s::kServices, api::kSelectorAll, runtime::Store(labelled())},
              {k8s::kSecrets, api::kSelectorAll, runtime::Store(labelled())},
              {k8s::kConfigMaps, api::kSelectorAll, runtime::Store(labelled())},
              {k8s::kServiceAccounts, api::kSelectorAll, runtime::Store(labelled())},
              {k8s::kClaims, api::kSelectorAll, runtime::Store(labelled())},
              {k8s::kDisruptionBudgets, api::kSelectorAll, runtime::Store(labelled())},
              {k8s::kNetworkPolicies, api::kSelectorAll, runtime::Store(labelled())}}} {}

const runtime::Store* Caches::find(const k8s::Resource& resource) const {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(), [&resource](const Kind& kind) {
    return kind.resource.plural == resource.plural && kind.resource.group == resource.group;
  });
  return found != kinds_.end() ? &found->store : nullptr;
}

const runtime::Store& Caches::of(const k8s::Resource& resource) const {
  const runtime::Store* const store = find(resource);
  FERRO_ASSERT(store != nullptr, "a kind that is not cached");
  return *store;
}

runtime::Object Caches::get(const k8s::Resource& resource, std::string_view ns, std::string_view name) const {
  const runtime::Store* const store = find(resource);
  return store != nullptr ? store->get(ns, name) : nullptr;
}

std::vector<runtime::Object> Caches::of_cluster(const k8s::Resource& resource, std::string_view ns,
                                                std::string_view cluster) const {
  return of(resource).by_index(runtime::key_of(ns, cluster));
}

bool Caches::synced() const {
  return std::all_of(kinds_.begin(), kinds_.end(), [](const Kind& kind) { return kind.store.synced(); });
}

std::string cluster_key_of(const k8s::Resource& resource, const runtime::Change& change) {
  if (resource.plural == k8s::kClusters.plural && resource.group == k8s::kClusters.group) return change.key;
  const runtime::Object& object = change.after ? change.after : change.before;
  if (object == nullptr) return {};
  const auto& labels = object_at(object_at(*object, "metadata"), "labels");
  const std::string cluster = text_at(labels, api::kLabelInstance);
  return cluster.empty() ? std::string()
                         : runtime::key_of(text_at(object_at(*object, "metadata"), "namespace"), cluster);
}

}  // namespace ferro::oper::controllers
