#include "tests/fakes/kube_api/scale.h"

namespace ferro::fakes::kube {
namespace {

const Json* walk(const Json& object, const std::vector<std::string>& path) {
  const Json* here = &object;
  for (const std::string& name : path) {
    if (!here->is_object() || !here->contains(name)) return nullptr;
    here = &here->at(name);
  }
  return here;
}

std::string selector_text(const Json& labels) {
  std::string text;
  for (const auto& [key, value] : labels.items()) {
    text += (text.empty() ? "" : ",") + key + "=" + value.get<std::string>();
  }
  return text;
}

}  // namespace

Json scale_of(const Kind& kind, const Json& object) {
  Json scale = {{"kind", "Scale"},
                {"apiVersion", "autoscaling/v1"},
                {"metadata",
                 {{"name", text_at(object, {"metadata", "name"})},
                  {"namespace", text_at(object, {"metadata", "namespace"})},
                  {"uid", text_at(object, {"metadata", "uid"})},
                  {"resourceVersion", text_at(object, {"metadata", "resourceVersion"})}}},
                {"spec", Json::object()},
                {"status", {{"replicas", 0}}}};
  if (const Json* replicas = walk(object, kind.scale->spec_replicas)) scale["spec"]["replicas"] = *replicas;
  if (const Json* replicas = walk(object, kind.scale->status_replicas))
    scale["status"]["replicas"] = *replicas;
  if (!kind.scale->selector.empty()) {
    if (const Json* selector = walk(object, kind.scale->selector)) scale["status"]["selector"] = *selector;
  } else if (const Json* labels = at(object, {"spec", "selector", "matchLabels"})) {
    scale["status"]["selector"] = selector_text(*labels);
  }
  return scale;
}

Json with_scale(const Kind& kind, const Json& object, const Json& scale) {
  Json changed = object;
  Json* here = &changed;
  for (const std::string& name : kind.scale->spec_replicas) here = &(*here)[name];
  const Json* replicas = at(scale, {"spec", "replicas"});
  *here = replicas == nullptr ? Json(0) : *replicas;
  return changed;
}

}  // namespace ferro::fakes::kube
