// Actions in words, for the log and for events. Pure.
#pragma once

#include <string>

#include "operator/plan/plan.h"

namespace ferro::oper::controllers {

// "DeletePod demo-2 (RollTemplate)".
std::string describe(const plan::Action& action);

}  // namespace ferro::oper::controllers
