#include "operator/runtime/store.h"

#include <algorithm>
#include <utility>

namespace ferro::oper::runtime {
namespace {

std::string text(const Json& metadata, const char* field) {
  const auto found = metadata.find(field);
  return found != metadata.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& metadata_of(const Json& object) {
  static const Json none = Json::object();
  if (!object.is_object()) return none;
  const auto found = object.find("metadata");
  return found != object.end() && found->is_object() ? *found : none;
}

bool in_scope(std::string_view key, std::string_view scope) {
  return scope.empty() || (key.size() > scope.size() && key.starts_with(scope) && key[scope.size()] == '/');
}

void sort_by_key(std::vector<std::pair<std::string, Object>>& found) {
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
}

std::vector<Object> objects_of(std::vector<std::pair<std::string, Object>> found) {
  sort_by_key(found);
  std::vector<Object> objects;
  objects.reserve(found.size());
  for (auto& [key, object] : found) objects.push_back(std::move(object));
  return objects;
}

}  // namespace

std::string key_of(std::string_view ns, std::string_view name) {
  if (ns.empty()) return std::string(name);
  return std::string(ns).append("/").append(name);
}

std::string key_of(const Json& object) {
  const Json& metadata = metadata_of(object);
  return key_of(text(metadata, "namespace"), text(metadata, "name"));
}

std::pair<std::string, std::string> split_key(std::string_view key) {
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) return {{}, std::string(key)};
  return {std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))};
}

std::vector<std::string> index_by_controller(const Json& object) {
  const Json& metadata = metadata_of(object);
  const auto owners = metadata.find("ownerReferences");
  if (owners == metadata.end() || !owners->is_array()) return {};
  for (const Json& owner : *owners) {
    if (!owner.is_object()) continue;
    const auto controller = owner.find("controller");
    if (controller == owner.end() || !controller->is_boolean() || !controller->get<bool>()) continue;
    if (std::string uid = text(owner, "uid"); !uid.empty()) return {std::move(uid)};
  }
  return {};
}

IndexFunction index_by_label(std::string label) {
  return [label = std::move(label)](const Json& object) -> std::vector<std::string> {
    const Json& metadata = metadata_of(object);
    const auto labels = metadata.find("labels");
    if (labels == metadata.end() || !labels->is_object()) return {};
    const std::string value = text(*labels, label.c_str());
    if (value.empty()) return {};
    return {key_of(text(metadata, "namespace"), value)};
  };
}

Object Store::get(std::string_view ns, std::string_view name) const {
  return get(key_of(ns, name));
}

Object Store::get(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  const auto found = objects_.find(std::string(key));
  return found == objects_.end() ? nullptr : found->second;
}

std::vector<Object> Store::all() const {
  return in_namespace({});
}

std::vector<Object> Store::in_namespace(std::string_view ns) const {
  std::vector<std::pair<std::string, Object>> found;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, object] : objects_) {
      if (in_scope(key, ns)) found.emplace_back(key, object);
    }
  }
  return objects_of(std::move(found));
}

std::vector<Object> Store::by_index(std::string_view index_key) const {
  std::vector<std::pair<std::string, Object>> found;
  {
    const std::lock_guard lock(mutex_);
    const auto keys = index_.find(std::string(index_key));
    if (keys == index_.end()) return {};
    for (const std::string& key : keys->second) found.emplace_back(key, objects_.at(key));
  }
  return objects_of(std::move(found));
}

size_t Store::size() const {
  const std::lock_guard lock(mutex_);
  return objects_.size();
}

bool Store::synced() const {
  const std::lock_guard lock(mutex_);
  return any_scope_ && unsynced_.empty();
}

void Store::expect_scope(std::string_view scope) {
  const std::lock_guard lock(mutex_);
  any_scope_ = true;
  unsynced_.emplace(scope);
}

Object Store::prepare(Json object) const {
  if (const auto metadata = object.find("metadata"); metadata != object.end() && metadata->is_object()) {
    metadata->erase("managedFields");
  }
  if (options_.trim) options_.trim(object);
  return std::make_shared<const Json>(std::move(object));
}

void Store::index(const std::string& key, const Json& object, bool add) {
  if (!options_.index) return;
  for (const std::string& index_key : options_.index(object)) {
    if (add) {
      index_[index_key].insert(key);
    } else if (const auto keys = index_.find(index_key); keys != index_.end()) {
      keys->second.erase(key);
      if (keys->second.empty()) index_.erase(keys);
    }
  }
}

void Store::put(const std::string& key, Object object, std::vector<Change>& changes) {
  Object& place = objects_[key];
  if (place != nullptr) {
    if (text(metadata_of(*place), "resourceVersion") == text(metadata_of(*object), "resourceVersion") &&
        text(metadata_of(*place), "uid") == text(metadata_of(*object), "uid")) {
      return;
    }
    index(key, *place, false);
  }
  index(key, *object, true);
  changes.push_back({key, place, object});
  place = std::move(object);
}

void Store::drop(const std::string& key, std::vector<Change>& changes) {
  const auto found = objects_.find(key);
  if (found == objects_.end()) return;
  index(key, *found->second, false);
  changes.push_back({key, std::move(found->second), nullptr});
  objects_.erase(found);
}

std::vector<Change> Store::replace(std::string_view scope, std::vector<Json> items) {
  std::vector<std::pair<std::string, Object>> prepared;
  std::unordered_set<std::string> present;
  prepared.reserve(items.size());
  for (Json& item : items) {
    std::string key = key_of(item);
    if (!present.insert(key).second) continue;
    prepared.emplace_back(std::move(key), prepare(std::move(item)));
  }
  std::vector<Change> changes;
  const std::lock_guard lock(mutex_);
  std::vector<std::string> vanished;
  for (const auto& [key, object] : objects_) {
    if (in_scope(key, scope) && present.count(key) == 0) vanished.push_back(key);
  }
  std::sort(vanished.begin(), vanished.end());
  for (const std::string& key : vanished) drop(key, changes);
  for (auto& [key, object] : prepared) put(key, std::move(object), changes);
  any_scope_ = true;
  unsynced_.erase(std::string(scope));
  return changes;
}

std::vector<Change> Store::upsert(Json object) {
  const std::string key = key_of(object);
  Object prepared = prepare(std::move(object));
  std::vector<Change> changes;
  const std::lock_guard lock(mutex_);
  put(key, std::move(prepared), changes);
  return changes;
}

std::vector<Change> Store::erase(const Json& object) {
  const std::string key = key_of(object);
  std::vector<Change> changes;
  const std::lock_guard lock(mutex_);
  drop(key, changes);
  return changes;
}

}  // namespace ferro::oper::runtime
