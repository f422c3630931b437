// Inserts that this node does not decide itself: each goes to the acting owner of its namespace, and to the
// next one when that fails. Every item has its id before the first send, so sending it again changes nothing.
#pragma once

#include <vector>

#include "node/cluster/core/context.h"
#include "node/cluster/core/owner.h"

namespace ferro::node::cluster {

// Any thread; `done` once, on the loop, results in order.
void start_insert(Context& context, Owner& owner, std::vector<engine::InsertRequest> items,
                  std::function<void(Owner::InsertResults)> done);

}  // namespace ferro::node::cluster
