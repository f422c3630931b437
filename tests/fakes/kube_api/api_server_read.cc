// Reading objects: get, list, scale.
#include <algorithm>

#include "operator/k8s/base64.h"
#include "tests/fakes/kube_api/route.h"
#include "tests/fakes/kube_api/scale.h"

namespace ferro::fakes::kube {
namespace {

Response not_found(const Kind& kind, const std::string& name) {
  return failure(404, "NotFound", kind.qualified() + " \"" + name + "\" not found",
                 {{"name", name}, {"group", kind.group}, {"kind", kind.plural}});
}

}  // namespace

const Json* ApiServer::find(const Kind& kind, const Key& key) const {
  const auto objects = objects_.find(kind.qualified());
  if (objects == objects_.end()) return nullptr;
  const auto found = objects->second.find(key);
  return found == objects->second.end() ? nullptr : found->second.get();
}

Response ApiServer::get_one(const Route& route) const {
  const Json* found = find(*route.kind, route.key());
  if (found == nullptr) return not_found(*route.kind, route.name);
  Response response;
  if (route.sub == "scale") {
    if (!route.kind->scale) return not_found(*route.kind, route.name);
    response.body = scale_of(*route.kind, *found);
    return response;
  }
  response.body = *found;
  response.body["apiVersion"] = route.kind->api_version();
  response.body["kind"] = route.kind->kind;
  return response;
}

// A page's token holds the version of the first page and the last key; like the real one it does not outlive
// the history. Later pages show what there is now, which the real server does not: no test may rely on
// either.
Response ApiServer::get_list(const Route& route, const Request& request) const {
  const std::optional<Selector> labels = Selector::labels(request.param("labelSelector"));
  const std::optional<Selector> fields = Selector::fields(request.param("fieldSelector"));
  if (!labels || !fields) return failure(400, "BadRequest", "unable to parse the selector");
  uint64_t version = version_;
  Key after;
  bool later_page = false;
  if (const std::string token = request.param("continue"); !token.empty()) {
    const Json decoded = Json::parse(oper::k8s::base64_decode(token).value_or(""), nullptr, false);
    if (!decoded.is_array() || decoded.size() != 3)
      return failure(400, "BadRequest", "continue key is not valid");
    version = decoded[0];
    after = {decoded[1], decoded[2]};
    later_page = true;
    if (version < compacted_) {
      return failure(410, "Expired",
                     "The provided continue parameter is too old to display a consistent list result.");
    }
  }
  const std::string limit_text = request.param("limit");
  const size_t limit = limit_text.empty() ? 0 : std::stoul(limit_text);
  Response response;
  Json items = Json::array();
  Json metadata = {{"resourceVersion", std::to_string(version)}};
  const auto objects = objects_.find(route.kind->qualified());
  if (objects != objects_.end()) {
    for (const auto& [key, object] : objects->second) {
      if (later_page && key <= after) continue;
      if (!route.ns.empty() && key.first != route.ns) continue;
      if (!labels->matches(*object) || !fields->matches(*object)) continue;
      if (limit > 0 && items.size() == limit) {
        const std::string last_ns = text_at(items.back(), {"metadata", "namespace"});
        const Json token = {version, last_ns, text_at(items.back(), {"metadata", "name"})};
        metadata["continue"] = oper::k8s::base64_encode(token.dump());
        break;
      }
      items.push_back(*object);
      if (route.kind->built_in) {
        items.back().erase("apiVersion");
        items.back().erase("kind");
      }
    }
  }
  response.body = {{"kind", route.kind->kind + "List"},
                   {"apiVersion", route.kind->api_version()},
                   {"metadata", metadata},
                   {"items", std::move(items)}};
  return response;
}

}  // namespace ferro::fakes::kube
