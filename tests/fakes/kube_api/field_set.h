// Sets of fields in the form of managedFields' fieldsV1, and server-side apply on them (the rules of
// structured-merge-diff, as the reference documentation of server-side apply states them).
#pragma once

#include <string>
#include <vector>

#include "tests/fakes/kube_api/list_types.h"

namespace ferro::fakes::kube {

// A tree: "f:name" a field, "k:{...}" an item of a list of maps, "v:..." an item of a set, "." the item
// itself; an empty object is a leaf.
using FieldSet = Json;

// Every field of a value.
FieldSet fields_of(const Kind& kind, const Json& value);
// Fields whose values differ: added, changed or gone in `now`.
FieldSet changed_fields(const Kind& kind, const Json& before, const Json& now);

FieldSet unite(const FieldSet& a, const FieldSet& b);
FieldSet subtract(const FieldSet& a, const FieldSet& b);
FieldSet intersect(const FieldSet& a, const FieldSet& b);
// "spec.replicas", "spec.template.containers[name=\"x\"].image": for messages.
std::vector<std::string> leaf_names(const FieldSet& set);
// Those of `set` whose value in `live` is not the one in `wanted`.
FieldSet differing(const Kind& kind, const FieldSet& set, const Json& live, const Json& wanted);

// `live` with the fields of `applied` laid over it.
Json merge(const Kind& kind, const Json& live, const Json& applied);
// `value` without the fields of `gone`; items and maps that this empties go too, unless in `kept`.
Json remove_fields(const Kind& kind, const Json& value, const FieldSet& gone, const FieldSet& kept);

}  // namespace ferro::fakes::kube
