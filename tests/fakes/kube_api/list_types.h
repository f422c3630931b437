// Which lists of a kind merge by item: x-kubernetes-list-type of a CRD's schema, a table for built-in kinds.
#pragma once

#include <string>
#include <vector>

#include "tests/fakes/kube_api/kinds.h"

namespace ferro::fakes::kube {

struct ListType {
  enum class Merge : uint8_t { atomic, set, map } merge = Merge::atomic;
  std::vector<std::string> keys;  // of a map
};

using FieldPath = std::vector<std::string>;  // names of fields; items of lists add none

ListType list_type(const Kind& kind, const FieldPath& path);
// x-kubernetes-map-type: atomic.
bool is_atomic_map(const Kind& kind, const FieldPath& path);

}  // namespace ferro::fakes::kube
