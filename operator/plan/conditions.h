// status.conditions and status.phase, from the facts and from what the sub-planners said. Pure.
#pragma once

#include <string>
#include <vector>

#include "operator/plan/draft.h"
#include "operator/plan/facts.h"

namespace ferro::oper::plan {

// The contract's nine, in its order.
std::vector<api::Condition> make_conditions(const Facts& facts, const Draft& draft);
// One word for people.
std::string phase_of(const Facts& facts, const Draft& draft, const std::vector<api::Condition>& conditions);

}  // namespace ferro::oper::plan
