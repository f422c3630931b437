#include "node/index/coded_search.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "common/base/limits.h"
#include "node/index/kernel_table.h"
#include "node/index/rotation.h"
#include "node/index/row_scan.h"

namespace ferro::node::index {

namespace {

constexpr size_t kCodeBitsMax = limits::kDimensionMax;
constexpr size_t kRowsAhead = 4;        // how far memory is asked for before it is needed
constexpr size_t kLinesAhead = 8;       // cache lines of it; the hardware fetches on from there
constexpr size_t kKeptRows = 1U << 18;  // scratch beyond this many rows (4 MiB) is given back after the query

// One thread's working memory, reused from query to query.
struct Scratch {
  std::array<uint64_t, kCodeBitsMax / 64> code;
  std::array<uint32_t, kCodeBitsMax + 2> starts;
  std::unique_ptr<Candidate[]> found;
  std::unique_ptr<Candidate[]> sorted;
  size_t capacity = 0;

  void reserve(size_t rows) {
    if (rows <= capacity) return;
    capacity = rows + rows / 4;
    found = std::make_unique_for_overwrite<Candidate[]>(capacity);
    sorted = std::make_unique_for_overwrite<Candidate[]>(capacity);
  }
  void shrink() {
    if (capacity <= kKeptRows) return;
    found.reset();
    sorted.reset();
    capacity = 0;
  }
};

Scratch& this_threads_scratch() {
  thread_local Scratch scratch;
  return scratch;
}

// Fills `found` with the rows whose code is within `bound`; returns how many.
size_t select_near(const RowArena& arena, const RowSet* except, uint32_t bound, Scratch& scratch) {
  const size_t chunks_end = arena.chunks_end();  // read once: the arena may grow meanwhile
  scratch.reserve(RowArena::first_row(chunks_end));
  const auto hamming_select = best_kernels().hamming_select;
  const size_t words = arena.code_words();
  size_t count = 0;
  for_each_live_word(arena, chunks_end, except, [&](const RowArena::Chunk& chunk, Row first, uint64_t live) {
    count += hamming_select(chunk.codes + (first - chunk.first) * words, words, scratch.code.data(), live,
                            first, bound, scratch.found.get() + count);
  });
  return count;
}

// Counting sort by distance; rows of one distance stay in order of row.
void sort_by_distance(size_t count, uint32_t bound, Scratch& scratch) {
  uint32_t* starts = scratch.starts.data();
  std::fill_n(starts, bound + 2, 0U);
  for (size_t i = 0; i < count; ++i) ++starts[scratch.found[i].distance + 1];
  for (uint32_t distance = 0; distance <= bound; ++distance) starts[distance + 1] += starts[distance];
  for (size_t i = 0; i < count; ++i) scratch.sorted[starts[scratch.found[i].distance]++] = scratch.found[i];
}

void prefetch(const float* vector) {
  const char* line = reinterpret_cast<const char*>(vector);
  for (size_t i = 0; i < kLinesAhead; ++i) __builtin_prefetch(line + i * 64);
}

}  // namespace

void coded_search(const RowArena& arena, const RowSet* except, std::span<const float> query,
                  const RowFilter& filter, uint32_t moves, TopMatches& top) {
  Scratch& scratch = this_threads_scratch();
  const size_t bits = arena.code_words() * 64;
  const auto dot = best_kernels().dot;
  encode(query, scratch.code.data());
  uint32_t bound = distance_bound(top.bar(), bits);
  const size_t count = select_near(arena, except, bound, scratch);
  sort_by_distance(count, bound, scratch);
  for (size_t i = 0; i < count && scratch.sorted[i].distance <= bound; ++i) {
    if (i + kRowsAhead < count) prefetch(arena.vector(scratch.sorted[i + kRowsAhead].row));
    const Row row = scratch.sorted[i].row;
    const float score = dot(query.data(), arena.vector(row), query.size());
    if (!top.wants(score)) continue;
    const Match match{arena.owner(row, moves), row, score};
    if (match.owner == nullptr || !top.wants(match) || (filter && !filter(match.owner))) continue;
    top.take(match);
    if (top.full()) bound = std::min(bound, distance_bound(top.bar(), bits));
  }
  scratch.shrink();
}

}  // namespace ferro::node::index
