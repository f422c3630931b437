// Deleting objects: preconditions, finalizers, grace, propagation, garbage, namespaces.
#include <algorithm>
#include <set>

#include "operator/runtime/timestamp.h"
#include "tests/fakes/kube_api/route.h"

namespace ferro::fakes::kube {
namespace {

constexpr const char* kForeground = "foregroundDeletion";

bool owned_by(const Json& object, const std::string& uid) {
  const Json* owners = at(object, {"metadata", "ownerReferences"});
  return owners != nullptr && std::any_of(owners->begin(), owners->end(),
                                          [&](const Json& owner) { return text_at(owner, {"uid"}) == uid; });
}

// The object without those of its owners.
template <typename Predicate>
Json without_owners(Json object, const Predicate& is_gone) {
  Json& owners = object["metadata"]["ownerReferences"];
  owners.erase(std::remove_if(owners.begin(), owners.end(), is_gone), owners.end());
  if (owners.empty()) object["metadata"].erase("ownerReferences");
  return object;
}

bool has_finalizer(const Json& object, const char* name) {
  const Json* finalizers = at(object, {"metadata", "finalizers"});
  return finalizers != nullptr &&
         std::find(finalizers->begin(), finalizers->end(), name) != finalizers->end();
}

}  // namespace

void ApiServer::drop(const Kind& kind, const Key& key) {
  Objects& objects = objects_[kind.qualified()];
  const auto found = objects.find(key);
  if (found == objects.end()) return;
  const std::shared_ptr<const Json> before = found->second;
  Json last = *before;
  last["metadata"]["resourceVersion"] = std::to_string(++version_);
  objects.erase(found);
  record(kind, "DELETED", std::make_shared<const Json>(std::move(last)), before);
}

void ApiServer::orphan_dependents(const std::string& uid) {
  for (const KindPtr& kind : kinds_.all()) {
    const Objects snapshot = objects_[kind->qualified()];
    for (const auto& [key, object] : snapshot) {
      if (!owned_by(*object, uid)) continue;
      put(*kind, key,
          without_owners(*object, [&](const Json& owner) { return text_at(owner, {"uid"}) == uid; }),
          object.get());
    }
  }
}

Response ApiServer::remove_one(const Route& route, const Request& request) {
  const Kind& kind = *route.kind;
  if (route.name.empty())
    return failure(405, "MethodNotAllowed", "the fake API server deletes one object at a time");
  const Json* live = find(kind, route.key());
  if (live == nullptr) {
    return failure(404, "NotFound", kind.qualified() + " \"" + route.name + "\" not found",
                   {{"name", route.name}, {"group", kind.group}, {"kind", kind.plural}});
  }
  const Json options = request.body.empty() ? Json::object() : Json::parse(request.body, nullptr, false);
  if (!options.is_object()) return failure(400, "BadRequest", "the delete options are no JSON object");
  const std::string uid = text_at(*live, {"metadata", "uid"});
  for (const auto& [field, mine] :
       {std::pair{"uid", uid},
        std::pair{"resourceVersion", text_at(*live, {"metadata", "resourceVersion"})}}) {
    const std::string wanted = text_at(options, {"preconditions", field});
    if (!wanted.empty() && wanted != mine) {
      return failure(409, "Conflict",
                     "Operation cannot be fulfilled on " + kind.qualified() + " \"" + route.name +
                         "\": the " + field + " in the precondition (" + wanted +
                         ") does not match the one in record (" + mine + ")");
    }
  }
  const std::string propagation = options.value("propagationPolicy", "Background");
  Json now = *live;
  Json& metadata = now["metadata"];
  if (propagation == "Orphan") orphan_dependents(uid);
  if (propagation == "Foreground" && !has_finalizer(now, kForeground))
    metadata["finalizers"].push_back(kForeground);

  const int64_t grace_s =
      options.value("gracePeriodSeconds",
                    now.value("spec", Json::object()).value("terminationGracePeriodSeconds", int64_t{30}));
  const bool graceful = kind.kind == "Pod" && grace_s > 0 && !text_at(now, {"spec", "nodeName"}).empty();
  const bool waits =
      graceful || kind.kind == "Namespace" || !metadata.value("finalizers", Json::array()).empty();
  Response response;
  if (!waits) {
    drop(kind, route.key());
    response.body = {{"kind", "Status"},
                     {"apiVersion", "v1"},
                     {"metadata", Json::object()},
                     {"status", "Success"},
                     {"details", {{"name", route.name}, {"kind", kind.plural}, {"uid", uid}}}};
    return response;
  }
  if (!metadata.contains("deletionTimestamp")) {
    const int64_t now_s = clock_.wall_ms() / 1000;
    metadata["deletionTimestamp"] = oper::runtime::whole_second(now_s + (graceful ? grace_s : 0));
    metadata["deletionGracePeriodSeconds"] = graceful ? grace_s : 0;
    if (kind.has_generation) metadata["generation"] = metadata.value("generation", 0) + 1;
    if (kind.kind == "Namespace") now["status"]["phase"] = "Terminating";
  }
  if (now != *live) {
    const Json before = *live;
    put(kind, route.key(), std::move(now), &before);
  }
  response.body = *find(kind, route.key());
  return response;
}

void ApiServer::finish_deletion(std::string_view plural, std::string_view ns, std::string_view name) {
  const std::lock_guard lock(mutex_);
  drop(*by_plural(plural), {std::string(ns), std::string(name)});
}

// One round; true if something was done, which may have orphaned more.
bool ApiServer::collect_once() {
  std::set<std::string> uids;
  for (const auto& [kind, objects] : objects_) {
    for (const auto& [key, object] : objects) uids.insert(text_at(*object, {"metadata", "uid"}));
  }
  bool done = finish_namespaces();
  for (const KindPtr& kind : kinds_.all()) {
    const Objects snapshot = objects_[kind->qualified()];
    for (const auto& [key, object] : snapshot) {
      const Json* owners = at(*object, {"metadata", "ownerReferences"});
      if (owners == nullptr || owners->empty() || at(*object, {"metadata", "deletionTimestamp"}) != nullptr)
        continue;
      const auto is_gone = [&](const Json& owner) { return uids.count(text_at(owner, {"uid"})) == 0; };
      const int64_t gone = std::count_if(owners->begin(), owners->end(), is_gone);
      if (gone == 0) continue;
      if (gone < static_cast<int64_t>(owners->size())) {
        put(*kind, key, without_owners(*object, is_gone), object.get());
        done = true;
        continue;
      }
      Request request;
      request.method = "DELETE";
      done |= remove_one({kind, key.first, key.second, ""}, request).ok();
    }
  }
  return finish_foreground(uids) || done;
}

bool ApiServer::finish_namespaces() {
  bool done = false;
  const Objects namespaces = objects_["namespaces"];
  for (const auto& [key, ns] : namespaces) {
    if (text_at(*ns, {"status", "phase"}) != "Terminating") continue;
    bool empty = true;
    for (const KindPtr& kind : kinds_.all()) {
      if (!kind->namespaced) continue;
      const Objects snapshot = objects_[kind->qualified()];
      for (const auto& [inner, object] : snapshot) {
        if (inner.first != key.second) continue;
        empty = false;
        if (at(*object, {"metadata", "deletionTimestamp"}) != nullptr) continue;
        Request request;
        request.method = "DELETE";
        done |= remove_one({kind, inner.first, inner.second, ""}, request).ok();
      }
    }
    if (empty) {
      drop(*by_plural("namespaces"), key);
      done = true;
    }
  }
  return done;
}

// Owners that wait for their dependents: these go first, then the finalizer. A dependent that another owner
// holds, which does not wait itself, stays and loses the one that waits.
bool ApiServer::finish_foreground(const std::set<std::string>& uids) {
  bool done = false;
  std::set<std::string> waiting;
  for (const auto& [kind, objects] : objects_) {
    for (const auto& [key, object] : objects) {
      if (has_finalizer(*object, kForeground)) waiting.insert(text_at(*object, {"metadata", "uid"}));
    }
  }
  for (const KindPtr& kind : kinds_.all()) {
    const Objects owners = objects_[kind->qualified()];
    for (const auto& [key, owner] : owners) {
      if (!has_finalizer(*owner, kForeground)) continue;
      const std::string uid = text_at(*owner, {"metadata", "uid"});
      bool dependents = false;
      for (const KindPtr& below : kinds_.all()) {
        const Objects snapshot = objects_[below->qualified()];
        for (const auto& [inner, object] : snapshot) {
          if (!owned_by(*object, uid)) continue;
          const Json& all = object->at("metadata").at("ownerReferences");
          const bool is_held = std::any_of(all.begin(), all.end(), [&](const Json& other) {
            const std::string of = text_at(other, {"uid"});
            return uids.count(of) > 0 && waiting.count(of) == 0;
          });
          if (is_held) {
            put(*below, inner,
                without_owners(*object, [&](const Json& other) { return text_at(other, {"uid"}) == uid; }),
                object.get());
            done = true;
            continue;
          }
          dependents = true;
          if (at(*object, {"metadata", "deletionTimestamp"}) != nullptr) continue;
          Request request;
          request.method = "DELETE";
          done |= remove_one({below, inner.first, inner.second, ""}, request).ok();
        }
      }
      if (dependents || uids.count(uid) == 0) continue;
      Json freed = *owner;
      Json& finalizers = freed["metadata"]["finalizers"];
      finalizers.erase(std::remove(finalizers.begin(), finalizers.end(), kForeground), finalizers.end());
      if (finalizers.empty()) {
        drop(*kind, key);
      } else {
        put(*kind, key, std::move(freed), owner.get());
      }
      done = true;
    }
  }
  return done;
}

void ApiServer::collect_garbage() {
  const std::lock_guard lock(mutex_);
  while (collect_once()) {
  }
}

}  // namespace ferro::fakes::kube
