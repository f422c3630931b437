#include "node/index/row_scan.h"

#include "node/index/kernel_table.h"

namespace ferro::node::index {

namespace {

template <typename Score>
void score_live_rows(const RowArena& arena, const RowSet* except, std::span<const float> query,
                     Score&& score) {
  const auto dot = best_kernels().dot;
  for_each_live_word(arena, except, [&](const RowArena::Chunk& chunk, Row first, uint64_t live) {
    const float* vectors = chunk.vectors + (first - chunk.first) * arena.vector_stride();
    for (; live != 0; live &= live - 1) {
      const auto at = static_cast<uint32_t>(__builtin_ctzll(live));
      score(first + at, dot(query.data(), vectors + at * arena.vector_stride(), query.size()));
    }
  });
}

}  // namespace

RowSet live_rows_of(const RowArena& arena) {
  RowSet rows;
  for_each_live_word(arena, nullptr, [&](const RowArena::Chunk&, Row first, uint64_t live) {
    rows.insert_bits(first, live);
  });
  return rows;
}

void flat_search(const RowArena& arena, const RowSet* except, std::span<const float> query,
                 const RowFilter& filter, uint32_t moves, TopMatches& top) {
  score_live_rows(arena, except, query, [&](Row row, float score) {
    if (!top.wants(score)) return;
    const Match match{arena.owner(row, moves), row, score};
    if (match.owner != nullptr && top.wants(match) && (!filter || filter(match.owner))) top.take(match);
  });
}

void flat_scan(const RowArena& arena, std::span<const float> query, float floor, const RowFilter& filter,
               std::vector<Match>& out) {
  const uint32_t moves = arena.moves();
  score_live_rows(arena, nullptr, query, [&](Row row, float score) {
    if (score < floor) return;
    const void* owner = arena.owner(row, moves);
    if (owner != nullptr && (!filter || filter(owner))) out.push_back({owner, row, score});
  });
}

}  // namespace ferro::node::index
