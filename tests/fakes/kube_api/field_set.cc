#include "tests/fakes/kube_api/field_set.h"

#include <algorithm>
#include <optional>

namespace ferro::fakes::kube {
namespace {

using Merge = ListType::Merge;

// Identity and what the server itself keeps: nobody owns it.
bool unowned(const FieldPath& path) {
  static const std::vector<FieldPath> kUnowned = {{"apiVersion"},
                                                  {"kind"},
                                                  {"metadata", "name"},
                                                  {"metadata", "namespace"},
                                                  {"metadata", "generateName"},
                                                  {"metadata", "uid"},
                                                  {"metadata", "resourceVersion"},
                                                  {"metadata", "generation"},
                                                  {"metadata", "creationTimestamp"},
                                                  {"metadata", "deletionTimestamp"},
                                                  {"metadata", "deletionGracePeriodSeconds"},
                                                  {"metadata", "selfLink"},
                                                  {"metadata", "managedFields"}};
  return std::find(kUnowned.begin(), kUnowned.end(), path) != kUnowned.end();
}

std::string item_key(const ListType& type, const Json& item) {
  if (type.merge == Merge::set) return "v:" + item.dump();
  Json key = Json::object();
  for (const std::string& name : type.keys) {
    if (item.is_object() && item.contains(name)) {
      key[name] = item.at(name);
    } else if (name == "protocol") {
      key[name] = "TCP";  // the one key with a default among those of built_in_type
    }
  }
  return "k:" + key.dump();
}

FieldPath child(const FieldPath& path, const std::string& name) {
  FieldPath longer = path;
  longer.push_back(name);
  return longer;
}

bool granular_list(const Kind& kind, const FieldPath& path, const Json& value, ListType& type) {
  if (!value.is_array()) return false;
  type = list_type(kind, path);
  return type.merge != Merge::atomic;
}

FieldSet fields_at(const Kind& kind, const FieldPath& path, const Json& value) {
  FieldSet set = FieldSet::object();
  ListType type;
  if (value.is_object() && !is_atomic_map(kind, path)) {
    for (const auto& [name, inner] : value.items()) {
      const FieldPath inner_path = child(path, name);
      if (unowned(inner_path)) continue;
      FieldSet below = fields_at(kind, inner_path, inner);
      if (path.empty() && name == "metadata" && below.empty()) continue;
      set["f:" + name] = std::move(below);
    }
  } else if (granular_list(kind, path, value, type)) {
    for (const Json& item : value) {
      FieldSet below = FieldSet::object();
      if (type.merge == Merge::map) {
        below = fields_at(kind, path, item);
        below["."] = FieldSet::object();
      }
      set[item_key(type, item)] = std::move(below);
    }
  }
  return set;
}

const Json* find_item(const ListType& type, const Json& list, const std::string& key) {
  for (const Json& item : list) {
    if (item_key(type, item) == key) return &item;
  }
  return nullptr;
}

FieldSet changed_at(const Kind& kind, const FieldPath& path, const Json* before, const Json* now) {
  // Empty stands for "the leaf itself", so a caller checks equality first.
  FieldSet set = FieldSet::object();
  ListType type;
  const Json& shape = now != nullptr ? *now : *before;
  if (before != nullptr && now != nullptr && before->type() != now->type())
    return fields_at(kind, path, *now);
  if (shape.is_object() && !is_atomic_map(kind, path)) {
    std::vector<std::string> names;
    for (const Json* side : {before, now}) {
      if (side == nullptr) continue;
      for (const auto& [name, inner] : side->items()) names.push_back(name);
    }
    for (const std::string& name : names) {
      const FieldPath inner_path = child(path, name);
      if (unowned(inner_path) || set.contains("f:" + name)) continue;
      const Json* old_inner = before != nullptr && before->contains(name) ? &before->at(name) : nullptr;
      const Json* new_inner = now != nullptr && now->contains(name) ? &now->at(name) : nullptr;
      if (old_inner != nullptr && new_inner != nullptr && *old_inner == *new_inner) continue;
      set["f:" + name] = changed_at(kind, inner_path, old_inner, new_inner);
    }
  } else if (granular_list(kind, path, shape, type)) {
    for (const Json* side : {before, now}) {
      if (side == nullptr) continue;
      for (const Json& item : *side) {
        const std::string key = item_key(type, item);
        if (set.contains(key)) continue;
        const Json* old_item = before != nullptr ? find_item(type, *before, key) : nullptr;
        const Json* new_item = now != nullptr ? find_item(type, *now, key) : nullptr;
        if (old_item != nullptr && new_item != nullptr && *old_item == *new_item) continue;
        FieldSet below = FieldSet::object();
        if (type.merge == Merge::map) {
          below = changed_at(kind, path, old_item, new_item);
          if (old_item == nullptr || new_item == nullptr) below["."] = FieldSet::object();
        }
        set[key] = std::move(below);
      }
    }
  }
  return set;
}

void names_below(const FieldSet& set, const std::string& prefix, std::vector<std::string>& names) {
  for (const auto& [key, below] : set.items()) {
    std::string name = prefix;
    if (key.starts_with("f:")) {
      name += (prefix.empty() ? "" : ".") + key.substr(2);
    } else if (key != ".") {
      name += "[" + key.substr(2) + "]";
    }
    if (below.empty()) {
      names.push_back(name);
    } else {
      names_below(below, name, names);
    }
  }
}

FieldSet differing_at(const Kind& kind, const FieldPath& path, const FieldSet& set, const Json* live,
                      const Json* wanted) {
  FieldSet result = FieldSet::object();
  for (const auto& [key, below] : set.items()) {
    const Json *live_inner = nullptr, *wanted_inner = nullptr;
    FieldPath inner_path = path;
    if (key == ".") continue;
    if (key.starts_with("f:")) {
      const std::string name = key.substr(2);
      inner_path = child(path, name);
      if (live != nullptr && live->is_object() && live->contains(name)) live_inner = &live->at(name);
      if (wanted != nullptr && wanted->is_object() && wanted->contains(name))
        wanted_inner = &wanted->at(name);
    } else {
      const ListType type = list_type(kind, path);
      if (live != nullptr && live->is_array()) live_inner = find_item(type, *live, key);
      if (wanted != nullptr && wanted->is_array()) wanted_inner = find_item(type, *wanted, key);
    }
    if (below.empty()) {
      const bool same = live_inner != nullptr && wanted_inner != nullptr && *live_inner == *wanted_inner;
      if (!same && live_inner != wanted_inner) result[key] = FieldSet::object();
      continue;
    }
    FieldSet deeper = differing_at(kind, inner_path, below, live_inner, wanted_inner);
    if (!deeper.empty()) result[key] = std::move(deeper);
  }
  return result;
}

Json merge_at(const Kind& kind, const FieldPath& path, const Json& live, const Json& applied) {
  ListType type;
  if (applied.is_object() && live.is_object() && !is_atomic_map(kind, path)) {
    Json merged = live;
    for (const auto& [name, inner] : applied.items()) {
      const FieldPath inner_path = child(path, name);
      merged[name] = live.contains(name) ? merge_at(kind, inner_path, live.at(name), inner) : inner;
    }
    return merged;
  }
  if (live.is_array() && granular_list(kind, path, applied, type)) {
    // The applied order leads; what others have follows in theirs.
    Json merged = Json::array();
    for (const Json& item : applied) {
      const Json* known = find_item(type, live, item_key(type, item));
      merged.push_back(known != nullptr && type.merge == Merge::map ? merge_at(kind, path, *known, item)
                                                                    : item);
    }
    for (const Json& item : live) {
      if (find_item(type, applied, item_key(type, item)) == nullptr) merged.push_back(item);
    }
    return merged;
  }
  return applied;
}

std::optional<Json> removed_at(const Kind& kind, const FieldPath& path, const Json& value,
                               const FieldSet& gone, const FieldSet& kept) {
  Json result = value;
  const auto kept_below = [&](const std::string& key) {
    return kept.contains(key) ? kept.at(key) : FieldSet::object();
  };
  if (value.is_object()) {
    for (const auto& [key, below] : gone.items()) {
      if (!key.starts_with("f:")) continue;
      const std::string name = key.substr(2);
      if (!value.contains(name)) continue;
      if (below.empty()) {
        if (!kept.contains(key)) result.erase(name);
        continue;
      }
      std::optional<Json> inner = removed_at(kind, child(path, name), value.at(name), below, kept_below(key));
      if (inner) {
        result[name] = std::move(*inner);
      } else if (!kept.contains(key)) {
        result.erase(name);
      } else {
        result[name] = Json(value.at(name).type());  // wanted, and empty
      }
    }
  } else if (value.is_array()) {
    const ListType type = list_type(kind, path);
    result = Json::array();
    for (const Json& item : value) {
      const std::string key = item_key(type, item);
      if (!gone.contains(key)) {
        result.push_back(item);
        continue;
      }
      const FieldSet& below = gone.at(key);
      const bool whole = below.empty() || below.contains(".");
      if (whole && !kept.contains(key)) continue;
      std::optional<Json> inner = removed_at(kind, path, item, below, kept_below(key));
      result.push_back(inner ? std::move(*inner) : item);
    }
  }
  if (result.empty() && !value.empty()) return std::nullopt;
  return result;
}

}  // namespace

FieldSet fields_of(const Kind& kind, const Json& value) {
  return fields_at(kind, {}, value);
}

FieldSet changed_fields(const Kind& kind, const Json& before, const Json& now) {
  return before == now ? FieldSet::object() : changed_at(kind, {}, &before, &now);
}

FieldSet unite(const FieldSet& a, const FieldSet& b) {
  FieldSet both = a;
  for (const auto& [key, below] : b.items())
    both[key] = both.contains(key) ? unite(both.at(key), below) : below;
  return both;
}

FieldSet subtract(const FieldSet& a, const FieldSet& b) {
  FieldSet rest = FieldSet::object();
  for (const auto& [key, below] : a.items()) {
    if (!b.contains(key)) {
      rest[key] = below;
    } else if (!below.empty() && !b.at(key).empty()) {
      FieldSet deeper = subtract(below, b.at(key));
      if (!deeper.empty()) rest[key] = std::move(deeper);
    }
  }
  return rest;
}

FieldSet intersect(const FieldSet& a, const FieldSet& b) {
  FieldSet both = FieldSet::object();
  for (const auto& [key, below] : a.items()) {
    if (!b.contains(key)) continue;
    if (below.empty() || b.at(key).empty()) {
      both[key] = below.empty() ? b.at(key) : below;
      continue;
    }
    FieldSet deeper = intersect(below, b.at(key));
    if (!deeper.empty()) both[key] = std::move(deeper);
  }
  return both;
}

std::vector<std::string> leaf_names(const FieldSet& set) {
  std::vector<std::string> names;
  names_below(set, "", names);
  return names;
}

FieldSet differing(const Kind& kind, const FieldSet& set, const Json& live, const Json& wanted) {
  return differing_at(kind, {}, set, &live, &wanted);
}

Json merge(const Kind& kind, const Json& live, const Json& applied) {
  return merge_at(kind, {}, live, applied);
}

Json remove_fields(const Kind& kind, const Json& value, const FieldSet& gone, const FieldSet& kept) {
  return removed_at(kind, {}, value, gone, kept).value_or(Json::object());
}

}  // namespace ferro::fakes::kube
