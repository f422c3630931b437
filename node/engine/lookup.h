// Rules of reading. Any thread.
#pragma once

#include "node/engine/core.h"

namespace ferro::node::engine {

// The conversation first, then its base, never the other way round. Counted as one query and one hit or miss.
Result<LookupResult> look_up(Core& core, const LookupRequest& request);

// invalid_argument naming both dimensions if the namespace's live entries have another one.
Status check_dimension(const store::Store& store, const model::NamespaceKey& ns, size_t dimension,
                       int64_t now_ms, model::SlotSet slots = model::kAllSlots);

}  // namespace ferro::node::engine
