// The one place where vectors live. Rows sit in chunks that grow with the index (a sixteenth of an octave
// each, so at most a sixteenth of the memory is spare and a tiny index holds single rows); a row's place
// follows from its number by bit arithmetic. Beside each vector: its 1-bit code and its owner pointer; beside
// each chunk: a bit a row that says live.
//
// Owner: the index, through a shared_ptr that maintenance jobs share. Thread rule: methods under "writer"
// from the store's writer thread only; those under "readers" from any thread inside an EpochDomain guard, or
// without one for rows that are pinned (never recycled while pinned). A reader loads a live word (acquire)
// before it touches the rows that it names; a dead row is rewritten only after a grace period, so no read
// meets a write.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/sync/epoch.h"
#include "node/index/vector_index.h"

namespace ferro::node::index {

class RowArena {
 public:
  // `code_words` 64-bit words of code a row; 0 = none.
  RowArena(size_t dimension, size_t code_words);
  ~RowArena();
  RowArena(const RowArena&) = delete;
  RowArena& operator=(const RowArena&) = delete;

  size_t dimension() const noexcept { return dimension_; }
  size_t code_words() const noexcept { return code_words_; }

  // --- readers ---
  // Valid while the row is live or pinned.
  const float* vector(Row row) const noexcept {
    const Place place = place_of(row);
    return reinterpret_cast<const float*>(chunk_base(place.chunk) + place.offset * vector_bytes_);
  }
  // Null = the row died after its live bit was read.
  const void* owner(Row row) const noexcept;
  bool is_live(Row row) const noexcept;

  // Rows [first, first + rows), laid out back to back; live[i] holds bits for rows first + 64i onwards.
  struct Chunk {
    Row first = 0;
    uint32_t rows = 0;  // 0 = no memory behind it
    const float* vectors = nullptr;
    const uint64_t* codes = nullptr;
    const std::atomic<uint64_t>* live = nullptr;
  };
  size_t chunks_end() const noexcept { return chunks_end_.load(std::memory_order_acquire); }
  Chunk chunk(size_t index) const noexcept;
  // The first row of a chunk = how many rows the chunks before it hold at most.
  static Row first_row(size_t chunk) noexcept;
  // Floats from one row's vector to the next.
  size_t vector_stride() const noexcept { return vector_bytes_ / sizeof(float); }

  // Recent on other threads than the writer's.
  size_t live_rows() const noexcept { return live_rows_.load(std::memory_order_relaxed); }
  size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

  // --- writer ---
  // A row that no reader knows; the lowest that is free, so that high chunks run empty and can be given back.
  Row allocate();
  float* mutable_vector(Row row) noexcept { return const_cast<float*>(vector(row)); }
  uint64_t* mutable_code(Row row) noexcept;
  void publish(Row row, const void* owner);
  // The row is dead for readers that start now; its content stays until `recycle`.
  void unpublish(Row row);
  // After the grace period: the row may be handed out again.
  void recycle(Row row);
  // Unlinks chunks without any row in use; their memory goes after a grace period.
  void trim(sync::EpochDomain& epochs);

 private:
  static constexpr uint32_t kSplit = 4;  // chunks an octave, as a power of two
  struct Place {
    uint32_t chunk;
    uint32_t offset;
  };
  struct Table;
  struct ChunkState;

  static Place place_of(Row row) noexcept {
    if (row < (1U << kSplit)) return {row, 0};
    const auto shift = static_cast<uint32_t>(std::bit_width(row)) - 1U - kSplit;
    return {(shift << kSplit) + (row >> shift), row & ((1U << shift) - 1U)};
  }
  static uint32_t chunk_rows(size_t chunk) noexcept;

  std::byte* chunk_base(size_t chunk) const noexcept;
  std::atomic<const void*>* owners(std::byte* base, uint32_t rows) const noexcept;
  std::atomic<uint64_t>* live_words(std::byte* base, uint32_t rows) const noexcept;
  size_t chunk_bytes(uint32_t rows) const noexcept;
  void back_chunk();
  void account(size_t added, size_t removed) noexcept;

  const size_t dimension_;
  const size_t code_words_;
  const size_t vector_bytes_;
  std::atomic<Table*> table_{nullptr};
  std::atomic<size_t> chunks_end_{0};
  std::atomic<size_t> live_rows_{0};
  std::atomic<size_t> bytes_{0};

  // Writer only.
  std::vector<uint32_t> used_;     // by chunk: rows handed out and not recycled
  std::vector<Row> free_rows_;     // heap, lowest first
  Row fresh_ = 0, fresh_end_ = 0;  // never handed out yet, in the chunk backed last
  bool chunk_ran_empty_ = false;
};

}  // namespace ferro::node::index
