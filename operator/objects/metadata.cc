#include <algorithm>
#include <string>
#include <utility>

#include "common/crypto/digest.h"
#include "operator/api/names.h"
#include "operator/k8s/resources.h"
#include "operator/objects/parts.h"

namespace ferro::oper::objects {
namespace {

constexpr size_t kHashDigits = 16;

std::string api_version(const k8s::Resource& resource) {
  const std::string version(resource.version);
  return resource.group.empty() ? version : std::string(resource.group) + "/" + version;
}

std::string text_in(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The references to its owners; an empty array if there are none.
Json owners_of(const Json& object) {
  if (!object.is_object()) return Json::array();
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return Json::array();
  const auto owners = metadata->find("ownerReferences");
  return owners != metadata->end() && owners->is_array() ? *owners : Json::array();
}

// The reference of the controller, or null.
Json controller_of(const Json& object) {
  for (const Json& owner : owners_of(object)) {
    if (owner.is_object() && owner.value("controller", Json()) == true) return owner;
  }
  return nullptr;
}

Json owner_reference(const api::Cluster& cluster) {
  return {{"apiVersion", api_version(k8s::kClusters)},
          {"kind", k8s::kClusters.kind},
          {"name", cluster.name},
          {"uid", cluster.uid}};
}

bool is_set_of(const api::Cluster& cluster, const Json& owner) {
  return text_in(owner, "kind") == k8s::kStatefulSets.kind &&
         text_in(owner, "apiVersion") == api_version(k8s::kStatefulSets) &&
         text_in(owner, "name") == cluster.name;
}

}  // namespace

std::string hash_of(const Json& object) {
  const std::string text = object.dump(-1, ' ', true, Json::error_handler_t::replace);
  return crypto::to_hex(crypto::sha256(as_bytes(text))).substr(0, kHashDigits);
}

Json pod_selector(const api::Cluster& cluster) {
  return {{std::string(api::kLabelName), api::kNameValue},
          {std::string(api::kLabelInstance), cluster.name},
          {std::string(api::kLabelManagedBy), api::kFieldManager}};
}

std::string selector_string(const api::Cluster& cluster) {
  std::string text;
  const Json selector = pod_selector(cluster);
  for (const auto& [key, value] : selector.items())
    text += (text.empty() ? "" : ",") + key + "=" + value.get<std::string>();
  return text;
}

bool owns_claim(const api::Cluster& cluster, const Json& claim) {
  const Json owners = owners_of(claim);
  return std::any_of(owners.begin(), owners.end(),
                     [&](const Json& owner) { return text_in(owner, "uid") == cluster.uid; });
}

bool set_owns_claim(const api::Cluster& cluster, const Json& claim) {
  const Json owners = owners_of(claim);
  return std::any_of(owners.begin(), owners.end(),
                     [&](const Json& owner) { return is_set_of(cluster, owner); });
}

Json claim_owners(const api::Cluster& cluster, const Json& claim, bool owned) {
  Json owners = Json::array();
  for (const Json& owner : owners_of(claim)) {
    const bool is_set = !owned && is_set_of(cluster, owner);
    if (!is_set && text_in(owner, "uid") != cluster.uid) owners.push_back(owner);
  }
  if (owned) owners.push_back(owner_reference(cluster));
  return owners;
}

Json owned_metadata(const api::Cluster& cluster, std::string_view name) {
  Json controller = owner_reference(cluster);
  controller["controller"] = controller["blockOwnerDeletion"] = true;
  return {{"name", name},
          {"namespace", cluster.ns},
          {"labels", pod_selector(cluster)},
          {"ownerReferences", Json::array({std::move(controller)})}};
}

Json owned(const api::Cluster& cluster, const k8s::Resource& resource, std::string_view name) {
  return {{"apiVersion", api_version(resource)},
          {"kind", resource.kind},
          {"metadata", owned_metadata(cluster, name)}};
}

Ownership ownership_of(const Json& observed, const api::Cluster& cluster) {
  const Json controller = controller_of(observed);
  if (controller.is_null()) return Ownership::unowned;
  if (text_in(controller, "uid") == cluster.uid) return Ownership::ours;
  const bool same_name = text_in(controller, "kind") == k8s::kClusters.kind &&
                         text_in(controller, "apiVersion").starts_with(k8s::kClusters.group) &&
                         text_in(controller, "name") == cluster.name;
  return same_name ? Ownership::former : Ownership::foreign;
}

}  // namespace ferro::oper::objects
