// Nearest neighbours by 1-bit codes: compare all codes, then score exactly in order of rising Hamming
// distance, and stop where nothing that could still matter is to be expected (see rotation.h for the bound).
//
// What is found is exact; what is missed is a neighbour whose code lies beyond distance_bound of its true
// angle: none in many million pairs measured. A low threshold only widens the bound, down to visiting
// everything. Pure reader: any thread, inside an EpochDomain guard; keeps scratch memory per thread, so a
// query allocates nothing.
#pragma once

#include <span>

#include "node/index/row_arena.h"
#include "node/index/row_set.h"
#include "node/index/top_matches.h"
#include "node/index/vector_index.h"

namespace ferro::node::index {

// Offers the live rows outside `except` to `top`. The arena holds codes. `moves`: as flat_search.
void coded_search(const RowArena& arena, const RowSet* except, std::span<const float> query,
                  const RowFilter& filter, uint32_t moves, TopMatches& top);

}  // namespace ferro::node::index
