// Puts the parts of the store together; tests use `create_with` to replace the text hash.
#pragma once

#include <memory>

#include "node/store/store.h"
#include "node/store/store_state.h"

namespace ferro::node::store {

std::unique_ptr<Store> create_with(StoreOptions options, const Clock& clock, sync::EpochDomain& epochs,
                                   std::unique_ptr<EvictionPolicy> policy, HashText hash_text);

}  // namespace ferro::node::store
