// Writing objects: create, update, patch, apply, and what happens to each before it is kept.
#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "operator/runtime/timestamp.h"
#include "tests/fakes/kube_api/built_in_rules.h"
#include "tests/fakes/kube_api/route.h"
#include "tests/fakes/kube_api/scale.h"
#include "tests/fakes/kube_api/schema.h"

namespace ferro::fakes::kube {
namespace {

constexpr std::array kServerFields = {
    "uid",        "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "generation", "resourceVersion"};

Response not_found(const Kind& kind, const std::string& name) {
  return failure(404, "NotFound", kind.qualified() + " \"" + name + "\" not found",
                 {{"name", name}, {"group", kind.group}, {"kind", kind.plural}});
}

Response conflict(const Kind& kind, const std::string& name, const std::string& why) {
  return failure(409, "Conflict",
                 "Operation cannot be fulfilled on " + kind.qualified() + " \"" + name + "\": " + why,
                 {{"name", name}, {"group", kind.group}, {"kind", kind.plural}});
}

const char* kModified =
    "the object has been modified; please apply your changes to the latest version and try again";

// Content that counts as a new generation.
Json content_of(const Json& object) {
  Json content = object;
  content.erase("metadata");
  content.erase("status");
  return content;
}

}  // namespace

std::string ApiServer::new_uid() {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "00000000-0000-4000-8000-%012llx",
                static_cast<unsigned long long>(++uids_));
  return text.data();
}

Response ApiServer::refuse_namespace(const Route& route) const {
  if (!route.kind->namespaced) return {};
  const Json* ns = find(*by_plural("namespaces"), {"", route.ns});
  if (ns == nullptr) return not_found(*by_plural("namespaces"), route.ns);
  if (text_at(*ns, {"status", "phase"}) != "Terminating") return {};
  return failure(403, "Forbidden",
                 route.kind->qualified() + " \"" + route.name +
                     "\" is forbidden: unable to create new content in "
                     "namespace " +
                     route.ns + " because it is being terminated",
                 {{"name", route.name},
                  {"kind", route.kind->plural},
                  {"causes",
                   {{{"reason", "NamespaceTerminating"},
                     {"message", "namespace " + route.ns + " is being terminated"},
                     {"field", "metadata.namespace"}}}}});
}

std::vector<Cause> ApiServer::admit(const Kind& kind, Json& object, const Json* live) const {
  if (kind.built_in) {
    default_built_in(kind, object, live == nullptr);
    return check_built_in(kind, object, live);
  }
  if (kind.schema.is_null()) return {};
  prune(kind.schema, object);
  apply_defaults(kind.schema, object);
  return validate(kind.schema, object, live);
}

void ApiServer::record(const Kind& kind, const char* type, std::shared_ptr<const Json> object,
                       std::shared_ptr<const Json> before) {
  history_.push_back({version_, kind.qualified(), type, std::move(object), std::move(before)});
  while (history_.size() > options_.history_max) {
    compacted_ = history_.front().version;
    history_.pop_front();
  }
  happened_.notify_all();
}

void ApiServer::put(const Kind& kind, const Key& key, Json object, const Json* live) {
  std::shared_ptr<const Json> before;
  if (live != nullptr) before = objects_[kind.qualified()].at(key);
  object["metadata"]["resourceVersion"] = std::to_string(++version_);
  auto kept = std::make_shared<const Json>(std::move(object));
  record(kind, live == nullptr ? "ADDED" : "MODIFIED", kept, before);
  objects_[kind.qualified()][key] = std::move(kept);
}

Response ApiServer::store(const Route& route, const Json* live, Json now, const Writer& writer,
                          bool owned_already) {
  const Kind& kind = *route.kind;
  Json& metadata = now["metadata"];
  const bool status_write = writer.subresource == "status";
  if (live != nullptr) {
    const std::string uid = text_at(now, {"metadata", "uid"});
    if (!uid.empty() && uid != text_at(*live, {"metadata", "uid"})) {
      return conflict(kind, route.name, "Precondition failed: UID in precondition: " + uid);
    }
    for (const char* field : kServerFields) {
      metadata.erase(field);
      if (live->at("metadata").contains(field)) metadata[field] = live->at("metadata").at(field);
    }
    if (kind.has_status && !status_write) {
      now.erase("status");
      if (live->contains("status")) now["status"] = live->at("status");
    }
  } else {
    for (const char* field : kServerFields) metadata.erase(field);
    metadata["uid"] = new_uid();
    metadata["creationTimestamp"] = oper::runtime::whole_second(clock_.wall_ms() / 1000);
    if (kind.has_generation) metadata["generation"] = 1;
    if (kind.has_status) now.erase("status");
    if (kind.kind == "Namespace") {
      now["spec"] = {{"finalizers", {"kubernetes"}}};
      now["status"] = {{"phase", "Active"}};
    }
  }
  metadata["name"] = route.name;
  if (kind.namespaced) metadata["namespace"] = route.ns;
  now["apiVersion"] = kind.api_version();
  now["kind"] = kind.kind;
  if (std::vector<Cause> causes = admit(kind, now, live); !causes.empty()) {
    return invalid(kind.kind, route.name, causes);
  }
  if (kind.kind == "PersistentVolumeClaim" && live != nullptr) {
    const auto size = [](const Json& claim) {
      return quantity(text_at(claim, {"spec", "resources", "requests", "storage"}));
    };
    const Json* storage_class =
        find(*by_plural("storageclasses"), {"", text_at(*live, {"spec", "storageClassName"})});
    const bool grows = size(now) > size(*live);
    if (grows && (storage_class == nullptr || !storage_class->value("allowVolumeExpansion", false))) {
      return failure(403, "Forbidden",
                     "persistentvolumeclaims \"" + route.name +
                         "\" is forbidden: only dynamically provisioned pvc can be resized and the "
                         "storageclass that provisions the pvc must support resize");
    }
  }
  if (!owned_already) now = note_update(kind, live == nullptr ? Json() : *live, std::move(now), writer);
  if (live != nullptr && kind.has_generation && content_of(now) != content_of(*live)) {
    now["metadata"]["generation"] = live->at("metadata").value("generation", 0) + 1;
  }
  Response response;
  response.status = live == nullptr ? 201 : 200;
  if (live != nullptr && same_but_for_times(now, *live)) {
    response.body = *live;
    return response;
  }
  const bool over = now["metadata"].contains("deletionTimestamp") &&
                    now["metadata"].value("finalizers", Json::array()).empty() && kind.kind != "Pod" &&
                    kind.kind != "Namespace";
  put(kind, route.key(), std::move(now), live);
  response.body = *find(kind, route.key());
  if (over) drop(kind, route.key());
  return response;
}

Response ApiServer::create_one(const Route& route, const Request& request) {
  Json object = Json::parse(request.body, nullptr, false);
  if (!object.is_object()) return failure(400, "BadRequest", "the object provided is no JSON object");
  Route named = route;
  named.name = text_at(object, {"metadata", "name"});
  if (named.name.empty()) {
    const std::string prefix = text_at(object, {"metadata", "generateName"});
    if (prefix.empty())
      return invalid(route.kind->kind, "",
                     {{"FieldValueRequired", "name or generateName is required", "metadata.name"}});
    named.name = prefix + std::to_string(10000 + ++names_);
  }
  if (Response refused = refuse_namespace(named); !refused.ok()) return refused;
  if (find(*route.kind, named.key()) != nullptr) {
    return failure(409, "AlreadyExists", route.kind->qualified() + " \"" + named.name + "\" already exists",
                   {{"name", named.name}, {"group", route.kind->group}, {"kind", route.kind->plural}});
  }
  const Writer writer{request.param("fieldManager"), "",
                      oper::runtime::whole_second(clock_.wall_ms() / 1000)};
  return store(named, nullptr, std::move(object), writer, false);
}

Response ApiServer::replace_one(const Route& route, const Request& request) {
  Json object = Json::parse(request.body, nullptr, false);
  if (!object.is_object()) return failure(400, "BadRequest", "the object provided is no JSON object");
  const Json* live = find(*route.kind, route.key());
  if (live == nullptr) return not_found(*route.kind, route.name);
  const std::string version = text_at(object, {"metadata", "resourceVersion"});
  if (!version.empty() && version != text_at(*live, {"metadata", "resourceVersion"})) {
    return conflict(*route.kind, route.name, kModified);
  }
  if (version.empty() && (!route.kind->built_in || route.kind->kind == "Lease")) {
    return invalid(route.kind->kind, route.name,
                   {{"FieldValueInvalid", "Invalid value: 0x0: must be specified for an update",
                     "metadata.resourceVersion"}});
  }
  if (route.sub == "scale") return apply_scale(route, object, request.param("fieldManager"));
  const Json before = *live;
  if (route.sub == "status") {
    Json now = before;
    now.erase("status");
    if (object.contains("status")) now["status"] = object["status"];
    object = std::move(now);
  }
  const Writer writer{request.param("fieldManager"), route.sub,
                      oper::runtime::whole_second(clock_.wall_ms() / 1000)};
  return store(route, &before, std::move(object), writer, false);
}

Response ApiServer::apply_scale(const Route& route, const Json& scale, const std::string& manager) {
  if (!route.kind->scale) return not_found(*route.kind, route.name);
  const Json before = *find(*route.kind, route.key());
  Route main = route;
  main.sub.clear();
  const Writer writer{manager, "scale", oper::runtime::whole_second(clock_.wall_ms() / 1000)};
  Response response = store(main, &before, with_scale(*route.kind, before, scale), writer, false);
  if (response.ok()) response.body = scale_of(*route.kind, *find(*route.kind, route.key()));
  return response;
}

Response ApiServer::patch_one(const Route& route, const Request& request) {
  const Json patch = Json::parse(request.body, nullptr, false);
  if (!patch.is_object()) return failure(400, "BadRequest", "the patch is no JSON object");
  if (request.content_type == kApplyType) return apply_one(route, request, patch);
  if (request.content_type != "application/merge-patch+json") {
    return failure(415, "UnsupportedMediaType", "the fake API server knows merge patches and apply only");
  }
  const Json* live = find(*route.kind, route.key());
  if (live == nullptr) return not_found(*route.kind, route.name);
  const std::string version = text_at(patch, {"metadata", "resourceVersion"});
  if (!version.empty() && version != text_at(*live, {"metadata", "resourceVersion"})) {
    return conflict(*route.kind, route.name, kModified);
  }
  if (route.sub == "scale") {
    if (!route.kind->scale) return not_found(*route.kind, route.name);
    Json scale = scale_of(*route.kind, *live);
    scale.merge_patch(patch);
    return apply_scale(route, scale, request.param("fieldManager"));
  }
  const Json before = *live;
  Json now = before;
  Json effective = patch;
  if (route.sub == "status") {
    effective = Json::object();
    if (patch.contains("status")) effective["status"] = patch["status"];
  }
  now.merge_patch(effective);
  const Writer writer{request.param("fieldManager"), route.sub,
                      oper::runtime::whole_second(clock_.wall_ms() / 1000)};
  return store(route, &before, std::move(now), writer, false);
}

Response ApiServer::apply_one(const Route& route, const Request& request, const Json& config) {
  const std::string manager = request.param("fieldManager");
  if (manager.empty())
    return failure(400, "BadRequest",
                   "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for "
                   "apply patch");
  if (text_at(config, {"apiVersion"}) != route.kind->api_version() ||
      text_at(config, {"kind"}) != route.kind->kind) {
    return failure(400, "BadRequest", "the apiVersion and kind of the object do not match the path");
  }
  if (text_at(config, {"metadata", "name"}) != route.name) {
    return failure(400, "BadRequest", "the name of the object does not match the name on the URL");
  }
  if (at(config, {"metadata", "managedFields"}) != nullptr) {
    return failure(400, "BadRequest", "metadata.managedFields must be nil");
  }
  const Json* live = find(*route.kind, route.key());
  if (live == nullptr) {
    if (!route.sub.empty()) return not_found(*route.kind, route.name);
    if (Response refused = refuse_namespace(route); !refused.ok()) return refused;
  }
  Json wanted = config;
  if (route.sub == "status") {
    wanted = {{"apiVersion", config.at("apiVersion")},
              {"kind", config.at("kind")},
              {"metadata", {{"name", route.name}}}};
    if (config.contains("status")) wanted["status"] = config["status"];
  } else if (route.kind->has_status) {
    wanted.erase("status");
  }
  const Json before = live == nullptr ? Json() : *live;
  const Writer writer{manager, route.sub, oper::runtime::whole_second(clock_.wall_ms() / 1000)};
  Applied applied = apply_config(*route.kind, before, wanted, writer, request.param("force") == "true");
  if (applied.object.is_null()) {
    Json causes = Json::array();
    for (const std::string& field : applied.conflicts) {
      causes.push_back({{"reason", "FieldManagerConflict"}, {"message", "conflict"}, {"field", field}});
    }
    return failure(409, "Conflict",
                   "Apply failed with " + std::to_string(applied.conflicts.size()) + " conflicts",
                   {{"causes", causes}});
  }
  return store(route, live == nullptr ? nullptr : &before, std::move(applied.object), writer, true);
}

}  // namespace ferro::fakes::kube
