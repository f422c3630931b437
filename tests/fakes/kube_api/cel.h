// The part of the Common Expression Language that validation rules of CRDs are written in: literals, fields,
// has(), operators, ?:, in, the macros all, exists, exists_one, filter and map, and of the functions size,
// startsWith, endsWith, contains, matches, int, double, string, duration, quantity with its comparisons.
//
// What is not known is an error and so refuses the object: a rule that this cannot evaluate is noticed.
#pragma once

#include <cstdint>
#include <string>

#include "tests/fakes/kube_api/message.h"

namespace ferro::fakes::kube::cel {

enum class Verdict : uint8_t { holds, fails, does_not_apply, broken };
struct Outcome {
  Verdict verdict = Verdict::holds;
  std::string error;
};

// A rule that names oldSelf is a transition rule: it does not apply without `old`.
Outcome evaluate(const std::string& rule, const Json& self, const Json* old);

}  // namespace ferro::fakes::kube::cel
