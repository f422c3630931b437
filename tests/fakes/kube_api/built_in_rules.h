// What the API server does to objects of built-in kinds beyond storing them: defaults, canonical quantities,
// validation and immutability, as far as the operator can meet it.
#pragma once

#include <vector>

#include "tests/fakes/kube_api/kinds.h"

namespace ferro::fakes::kube {

void default_built_in(const Kind& kind, Json& object, bool creating);
// `old` null = being created.
std::vector<Cause> check_built_in(const Kind& kind, const Json& object, const Json* old);
// "1024Mi" is "1Gi", "0.25" is "250m"; what is no quantity stays.
std::string canonical_quantity(const std::string& text);
// In units (bytes, cores); -1 for what is no quantity.
double quantity(const std::string& text);

}  // namespace ferro::fakes::kube
