#include "operator/api/names.h"
#include "operator/objects/objects.h"
#include "operator/objects/pod_names.h"

namespace ferro::oper::objects {
namespace {

constexpr size_t kDigestDigits = 12;

const Json* find(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(name));
  return found == object.end() ? nullptr : &*found;
}

const Json* find_path(const Json& object, std::initializer_list<std::string_view> names) {
  const Json* at = &object;
  for (const std::string_view name : names) {
    at = find(*at, name);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string text_of(const Json* value) {
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

}  // namespace

std::string node_image(const api::Cluster& cluster, const RenderInputs& inputs) {
  if (!cluster.spec.image.image.empty()) return cluster.spec.image.image;
  if (!inputs.running_image.empty() && !cluster.follow_release) return inputs.running_image;
  return inputs.default_image;
}

std::string image_version(std::string_view image) {
  const size_t at = image.find('@');
  const std::string_view name = image.substr(0, at);
  const size_t slash = name.rfind('/');
  const size_t colon = name.rfind(':');
  // A colon before the last slash is that of a registry's port.
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash))
    return std::string(name.substr(colon + 1));
  if (at == std::string_view::npos) return "latest";
  const std::string_view digest = image.substr(at + 1);
  const size_t kind = digest.find(':');
  return std::string(digest.substr(kind == std::string_view::npos ? 0 : kind + 1).substr(0, kDigestDigits));
}

std::string node_image_of(const Json& object) {
  const Json* containers = find_path(object, {"spec", "template", "spec", "containers"});
  if (containers == nullptr) containers = find_path(object, {"spec", "containers"});
  if (containers == nullptr || !containers->is_array()) return {};
  for (const Json& container : *containers) {
    if (text_of(find(container, "name")) == kContainer) return text_of(find(container, "image"));
  }
  return {};
}

std::string template_hash_of(const Json& object) {
  return text_of(find_path(object, {"metadata", "annotations", api::kTemplateHash}));
}

}  // namespace ferro::oper::objects
