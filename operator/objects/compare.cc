// What the API server holds beside what was applied: its own defaults, other managers' fields, quantities in
// normal form, empty lists and maps left out. None of that is a difference.
#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "operator/api/names.h"
#include "operator/objects/objects.h"

namespace ferro::oper::objects {
namespace {

// What the comparison knows about the place that it is at.
struct Place {
  std::string path;       // for people
  bool quantity = false;  // inside requests, limits or another map of quantities
};

bool is_empty(const Json& value) {
  return value.is_null() || ((value.is_object() || value.is_array()) && value.empty()) ||
         (value.is_string() && value.get_ref<const std::string&>().empty());
}

bool holds_quantities(std::string_view name) {
  return name == "requests" || name == "limits" || name == "capacity" || name == "sizeLimit";
}

std::string quantity_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number() ? value.dump() : std::string();
}

bool same_quantity(const Json& a, const Json& b) {
  const Result<api::Quantity> left = api::parse_exact_quantity(quantity_text(a));
  const Result<api::Quantity> right = api::parse_exact_quantity(quantity_text(b));
  return left.ok() && right.ok() && *left == *right;
}

bool tells_apart(const Json& list, const std::string& key) {
  std::set<std::string> seen;
  return std::all_of(list.begin(), list.end(), [&](const Json& element) {
    return element.is_object() && element.contains(key) && seen.insert(element[key].dump()).second;
  });
}

// The field by which elements of a list are told apart, as in the API server's list-map-keys; empty for a
// list that is one value (args, tolerations, ingress rules).
std::string key_of(const Json& list) {
  for (const char* key : {"uid", "mountPath", "name", "topologyKey"}) {
    if (!list.empty() && tells_apart(list, key)) return key;
  }
  return {};
}

const Json* with_key(const Json& list, const std::string& key, const Json& value) {
  for (const Json& element : list) {
    if (!element.is_object()) continue;
    const auto found = element.find(key);
    if (found != element.end() && *found == value) return &element;
  }
  return nullptr;
}

std::string difference(const Json& desired, const Json& observed, const Place& place);

std::string list_difference(const Json& desired, const Json& observed, const Place& place) {
  if (!observed.is_array()) return place.path;
  const std::string key = key_of(desired);
  if (key.empty() && desired.size() != observed.size()) return place.path;
  for (size_t i = 0; i < desired.size(); ++i) {
    const Json* const other = key.empty() ? &observed[i] : with_key(observed, key, desired[i][key]);
    const std::string label =
        key.empty() || !desired[i][key].is_string() ? std::to_string(i) : desired[i][key].get<std::string>();
    const Place element{place.path + "[" + label + "]", place.quantity};
    if (other == nullptr) return element.path;
    if (std::string found = difference(desired[i], *other, element); !found.empty()) return found;
  }
  return {};
}

std::string map_difference(const Json& desired, const Json& observed, const Place& place) {
  if (!observed.is_object()) return place.path;
  for (const auto& [name, value] : desired.items()) {
    const Place member{place.path.empty() ? name : place.path + "." + name,
                       place.quantity || holds_quantities(name)};
    const auto found = observed.find(name);
    if (found == observed.end()) {
      if (!is_empty(value)) return member.path;
      continue;
    }
    if (std::string inside = difference(value, *found, member); !inside.empty()) return inside;
  }
  return {};
}

std::string difference(const Json& desired, const Json& observed, const Place& place) {
  if (is_empty(desired)) {
    // An empty map among ours says "whatever there is"; an empty list or text says "none".
    return desired.is_object() || is_empty(observed) ? std::string() : place.path;
  }
  if (desired.is_object()) return map_difference(desired, observed, place);
  if (desired.is_array()) return list_difference(desired, observed, place);
  if (desired == observed) return {};
  if (place.quantity && same_quantity(desired, observed)) return {};
  return place.path;
}

// Without what an observed object of a list lacks (apiVersion, kind) and what can never be written again.
Json comparable(Json desired) {
  desired.erase("apiVersion");
  desired.erase("kind");
  const auto spec = desired.find("spec");
  if (spec != desired.end() && spec->is_object() && spec->contains("volumeClaimTemplates")) {
    for (const char* name :
         {"serviceName", "selector", "podManagementPolicy", "revisionHistoryLimit", "volumeClaimTemplates"})
      spec->erase(name);
  }
  return desired;
}

// Takes the applied-hash out of `object`; empty if it has none.
std::string take_applied_hash(Json& object) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return {};
  const auto annotations = metadata->find("annotations");
  if (annotations == metadata->end() || !annotations->is_object()) return {};
  const auto hash = annotations->find(std::string(api::kAppliedHash));
  if (hash == annotations->end() || !hash->is_string()) return {};
  std::string text = hash->get<std::string>();
  annotations->erase(hash);
  return text;
}

}  // namespace

std::string first_difference(const Json& desired, const Json& observed) {
  if (!desired.is_object() || !observed.is_object()) return "object";
  Json wanted = comparable(desired);
  Json there = observed;
  const std::string wanted_hash = take_applied_hash(wanted);
  const std::string hash_there = take_applied_hash(there);
  if (std::string found = difference(wanted, there, {}); !found.empty()) return found;
  // A field that is not rendered any more: only the hash tells.
  if (wanted_hash != hash_there) return "metadata.annotations." + std::string(api::kAppliedHash);
  return {};
}

bool differs(const Json& desired, const Json& observed) {
  return !first_difference(desired, observed).empty();
}

}  // namespace ferro::oper::objects
