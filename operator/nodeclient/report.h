// A node's GET /cluster/status as the planner's value. Pure; thread-safe.
#pragma once

#include <string_view>

#include "common/base/result.h"
#include "operator/plan/world.h"

namespace ferro::oper::nodeclient {

// What a later or earlier version of a node leaves out counts as 0 or absent; what is there and has another
// type is invalid_argument, naming the member. `member`: an answer of another node is failed_precondition.
Result<plan::NodeReport> parse_report(std::string_view body, std::string_view member);

}  // namespace ferro::oper::nodeclient
