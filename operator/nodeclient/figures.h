// What the autoscaler needs of a node's GET /metrics (text exposition format 0.0.4). Pure; thread-safe.
#pragma once

#include <string_view>

#include "common/base/result.h"
#include "operator/nodeclient/node_client.h"

namespace ferro::oper::nodeclient {

// Lines of other metrics are passed over, whatever is in them. invalid_argument if the memory gauges are
// missing or a line of ours is malformed.
Result<NodeFigures> parse_figures(std::string_view text);

}  // namespace ferro::oper::nodeclient
