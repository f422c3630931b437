// An entry as the operation that made it.
#pragma once

#include "node/model/operation.h"
#include "node/store/namespace_state.h"

namespace ferro::node::store {

// Everything but the namespace. Inside a guard; `op` is reused.
void copy_put(const Entry& entry, model::PutOp& op);

}  // namespace ferro::node::store
