// Admission by a CRD's structural schema (apiextensions.k8s.io/v1): defaults, pruning, validation.
#pragma once

#include <string>
#include <vector>

#include "tests/fakes/kube_api/message.h"

namespace ferro::fakes::kube {

// Fills in every `default` whose parent is there.
void apply_defaults(const Json& schema, Json& value);
// Drops what the schema does not name (apiVersion, kind and metadata of the root stay).
void prune(const Json& schema, Json& value, bool root = true);
// Types, bounds, enum, pattern, required, list keys, nullable, int-or-string, logical junctors, and the CEL
// rules (x-kubernetes-validations) in the subset of cel.h; transition rules run if `old` is there.
std::vector<Cause> validate(const Json& schema, const Json& value, const Json* old);

}  // namespace ferro::fakes::kube
