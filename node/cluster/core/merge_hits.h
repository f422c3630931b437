// One answer out of those that the shards of a split namespace gave. Pure.
//
// What one node would have said that holds all of it: the newest of the entries with that text first, then
// the nearest others, an older one of that text among them by its cosine.
#pragma once

#include <vector>

#include "node/engine/engine.h"

namespace ferro::node::cluster {

// Each part asked with this threshold and top_k, of slots that no other part has.
engine::LookupResult merge_hits(std::vector<engine::LookupResult> parts, float threshold, size_t top_k);

}  // namespace ferro::node::cluster
