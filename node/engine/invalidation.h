// Finds what an invalidation means on a background thread, then deletes it through the writer in portions, so
// that other writes get their turn. Lives as long as it has work; made by start_invalidation.
#pragma once

#include "node/engine/core.h"
#include "node/engine/worker.h"

namespace ferro::node::engine {

void start_invalidation(Core& core, Worker& scan_worker, InvalidateRequest request,
                        Done<std::vector<std::string>> done);

}  // namespace ferro::node::engine
