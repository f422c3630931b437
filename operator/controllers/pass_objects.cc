#include "operator/controllers/pass_objects.h"

#include "operator/controllers/fields.h"
#include "operator/controllers/observed.h"

namespace ferro::oper::controllers {

void PassObjects::remember(const k8s::Resource& resource, runtime::Object object) {
  const std::string name = text_at(object_at(*object, "metadata"), "name");
  asked_.insert_or_assign(kind_and_name(resource, name), std::move(object));
}

k8s::ApiResult<std::shared_ptr<const k8s::Json>> PassObjects::find(const k8s::Resource& resource,
                                                                   std::string_view name) {
  if (runtime::Object cached = caches_.get(resource, resource.namespaced ? ns_ : "", name)) return cached;
  const std::string key = kind_and_name(resource, name);
  if (const auto known = asked_.find(key); known != asked_.end()) return known->second;
  auto live = client_.get(resource, resource.namespaced ? ns_ : "", name);
  std::shared_ptr<const k8s::Json> object;
  if (live.ok()) {
    object = std::make_shared<const k8s::Json>(std::move(live).value());
  } else if (live.error().kind != k8s::ErrorKind::not_found) {
    return live.error();
  }
  asked_.emplace(key, object);
  return object;
}

}  // namespace ferro::oper::controllers
