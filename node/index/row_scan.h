// Exhaustive walks over the live rows of an arena, all of them or those outside a set (what a graph covers).
//
// Pure readers: any thread, inside an EpochDomain guard.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "node/index/row_arena.h"
#include "node/index/row_set.h"
#include "node/index/top_matches.h"
#include "node/index/vector_index.h"

namespace ferro::node::index {

// visit(const RowArena::Chunk&, first row of the word, live bits), for words with any bit set in the first
// `chunks_end` chunks. A chunk of fewer than 64 rows never crosses a multiple of 64, larger ones start at
// one.
template <typename Visit>
void for_each_live_word(const RowArena& arena, size_t chunks_end, const RowSet* except, Visit&& visit) {
  for (size_t i = 0; i < chunks_end; ++i) {
    const RowArena::Chunk chunk = arena.chunk(i);
    for (uint32_t offset = 0; offset < chunk.rows; offset += 64) {
      const Row first = chunk.first + offset;
      uint64_t live = chunk.live[offset / 64].load(std::memory_order_acquire);
      if (except != nullptr) live &= ~except->bits_from(first);
      if (live != 0) visit(chunk, first, live);
    }
  }
}

template <typename Visit>
void for_each_live_word(const RowArena& arena, const RowSet* except, Visit&& visit) {
  for_each_live_word(arena, arena.chunks_end(), except, visit);
}

RowSet live_rows_of(const RowArena& arena);

// Offers every live row outside `except` to `top`, by its exact score. `moves`: RowArena::moves() before the
// search began.
void flat_search(const RowArena& arena, const RowSet* except, std::span<const float> query,
                 const RowFilter& filter, uint32_t moves, TopMatches& top);
// Appends every live row that scores at least `floor`.
void flat_scan(const RowArena& arena, std::span<const float> query, float floor, const RowFilter& filter,
               std::vector<Match>& out);

}  // namespace ferro::node::index
