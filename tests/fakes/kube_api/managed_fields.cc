#include "tests/fakes/kube_api/managed_fields.h"

#include <utility>

namespace ferro::fakes::kube {
namespace {

struct Entry {
  std::string manager, operation, subresource, time;
  FieldSet fields;
};

std::vector<Entry> entries_of(const Json& object) {
  std::vector<Entry> entries;
  const Json* list = at(object, {"metadata", "managedFields"});
  if (list == nullptr || !list->is_array()) return entries;
  for (const Json& entry : *list) {
    entries.push_back({text_at(entry, {"manager"}), text_at(entry, {"operation"}),
                       text_at(entry, {"subresource"}), text_at(entry, {"time"}),
                       entry.value("fieldsV1", Json::object())});
  }
  return entries;
}

void store_entries(const Kind& kind, const std::vector<Entry>& entries, Json& object) {
  Json list = Json::array();
  for (const Entry& entry : entries) {
    if (entry.fields.empty()) continue;
    Json written = {{"manager", entry.manager},         {"operation", entry.operation},
                    {"apiVersion", kind.api_version()}, {"time", entry.time},
                    {"fieldsType", "FieldsV1"},         {"fieldsV1", entry.fields}};
    if (!entry.subresource.empty()) written["subresource"] = entry.subresource;
    list.push_back(std::move(written));
  }
  if (list.empty()) {
    object["metadata"].erase("managedFields");
  } else {
    object["metadata"]["managedFields"] = std::move(list);
  }
}

Entry& entry_for(std::vector<Entry>& entries, const Writer& writer, const char* operation) {
  for (Entry& entry : entries) {
    if (entry.manager == writer.manager && entry.operation == operation &&
        entry.subresource == writer.subresource) {
      return entry;
    }
  }
  entries.push_back({writer.manager, operation, writer.subresource, writer.time, FieldSet::object()});
  return entries.back();
}

// What of `a` is not in `b`, where a leaf of `b` is itself alone: unlike with subtract(), what was below it
// in `a` has gone.
FieldSet no_longer_in(const FieldSet& a, const FieldSet& b) {
  FieldSet rest = FieldSet::object();
  for (const auto& [key, below] : a.items()) {
    if (!b.contains(key)) {
      rest[key] = below;
    } else if (!below.empty()) {
      FieldSet deeper = no_longer_in(below, b.at(key));
      if (!deeper.empty()) rest[key] = std::move(deeper);
    }
  }
  return rest;
}

Json without_managed_fields(const Json& object) {
  Json plain = object;
  if (plain.contains("metadata")) plain["metadata"].erase("managedFields");
  return plain;
}

}  // namespace

Applied apply_config(const Kind& kind, const Json& live, const Json& config, const Writer& writer,
                     bool force) {
  const Json before = live.is_null() ? Json::object() : live;
  std::vector<Entry> entries = entries_of(before);
  Entry own = std::exchange(entry_for(entries, writer, "Apply"), Entry{});
  std::erase_if(entries, [](const Entry& entry) { return entry.operation.empty(); });
  const FieldSet wanted = fields_of(kind, config);

  Applied result;
  FieldSet others = FieldSet::object();
  for (Entry& entry : entries) {
    const FieldSet contested = differing(kind, intersect(wanted, entry.fields), before, config);
    if (!contested.empty()) {
      for (const std::string& name : leaf_names(contested)) {
        result.conflicts.push_back("." + name + " (" + entry.manager + ")");
      }
      entry.fields = subtract(entry.fields, contested);
    }
    others = unite(others, entry.fields);
  }
  if (!result.conflicts.empty() && !force) return result;

  const FieldSet gone = no_longer_in(no_longer_in(own.fields, wanted), others);
  result.object = remove_fields(kind, merge(kind, before, config), gone, unite(wanted, others));
  if (own.fields != wanted || without_managed_fields(result.object) != without_managed_fields(before)) {
    own.time = writer.time;
  }
  own.fields = wanted;
  entries.push_back(std::move(own));
  store_entries(kind, entries, result.object);
  return result;
}

Json note_update(const Kind& kind, const Json& live, Json now, const Writer& writer) {
  // Whoever sends managedFields along sends what it read: the server's own are in force.
  std::vector<Entry> entries = live.is_null() ? std::vector<Entry>{} : entries_of(live);
  const Json before = live.is_null() ? Json::object() : without_managed_fields(live);
  const FieldSet changed = changed_fields(kind, before, without_managed_fields(now));
  if (!changed.empty()) {
    for (Entry& entry : entries) entry.fields = subtract(entry.fields, changed);
    const FieldSet present = fields_of(kind, now);
    Entry& own = entry_for(entries, writer, "Update");
    own.fields = unite(own.fields, intersect(changed, present));
    own.time = writer.time;
  }
  store_entries(kind, entries, now);
  return now;
}

bool same_but_for_times(const Json& a, const Json& b) {
  const auto timeless = [](Json object) {
    if (object.contains("metadata") && object["metadata"].contains("managedFields")) {
      for (Json& entry : object["metadata"]["managedFields"]) entry.erase("time");
    }
    return object;
  };
  return timeless(a) == timeless(b);
}

}  // namespace ferro::fakes::kube
