// The one place where vectors live. Rows sit in chunks that grow with the index (a sixteenth of an octave
// each, so at most a sixteenth of the memory is spare and a tiny index holds single rows); a row's place
// follows from its number by bit arithmetic. Beside each vector: its 1-bit code and its owner pointer; beside
// each chunk: a bit a row that says live.
//
// Rows that are in use can be moved together, so that chunks run empty and go back: the copy becomes visible
// and the original invisible at one instant, by a number that a walk reads before its first row. Until no
// walk from before is left both stand there, and each walk counts one of them.
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
  // How many times rows have been moved. A walk reads it first and asks for owners with it: then it counts
  // every entry once, whatever is moved meanwhile.
  uint32_t moves() const noexcept { return moves_.load(std::memory_order_acquire); }
  // Null = the row died after its live bit was read, or is not the one that this walk counts.
  const void* owner(Row row, uint32_t moves) const noexcept;
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
  // As VectorIndex says.
  VectorIndex::RowNeed row_need(size_t before, size_t look_ahead) const;
  size_t unused_rows() const noexcept { return free_rows_.size() + (fresh_end_ - fresh_); }
  float* mutable_vector(Row row) noexcept { return const_cast<float*>(vector(row)); }
  uint64_t* mutable_code(Row row) noexcept;
  void publish(Row row, const void* owner);
  // The row is dead for readers that start now; its content stays until `recycle`.
  void unpublish(Row row);
  // After the grace period: the row may be handed out again.
  void recycle(Row row);
  // Unlinks chunks without any row in use; their memory goes after a grace period.
  void trim(sync::EpochDomain& epochs);

  // --- writer: moving rows together ---
  // Settles on the next chunk to empty once the last one has no live rows: the one with the most unused rows
  // among those whose rows the others have room for. That many rows of memory come free, for at most one copy
  // each. No row of it is handed out from then on. False if there is none.
  bool choose_chunk_to_empty();
  // Live rows of that chunk, at most `max`.
  std::vector<Row> rows_to_move(size_t max) const;
  // Copies vector and code of `from`, which is live, to `to`, which was allocated for it.
  void begin_move(Row from, Row to);
  // All moves begun since the last call take effect, for walks that start now.
  void commit_moves() noexcept { moves_.store(next_move(), std::memory_order_release); }
  // After the grace period: of every pair before the next begin_move. `from` is dead then, and to be recycled
  // like any other.
  void end_move(Row from, Row to);

 private:
  static constexpr uint32_t kSplit = 4;  // chunks an octave, as a power of two
  static constexpr size_t kNoChunk = SIZE_MAX;
  // Beside the owner's address, whose lowest bits are zero: the row takes part in a move, as the copy or the
  // original, and the last bit of that move's number.
  static constexpr uintptr_t kMoving = 1, kCopy = 2, kOddMove = 4, kTagBits = 7;
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
  void set_live(Row row, uintptr_t owner);
  bool is_closed(size_t chunk) const noexcept { return chunk < closed_.size() && closed_[chunk]; }
  uint32_t next_move() const noexcept { return moves_.load(std::memory_order_relaxed) + 1; }
  std::atomic<const void*>& owner_cell(Row row) const noexcept;
  void account(size_t added, size_t removed) noexcept;

  const size_t dimension_;
  const size_t code_words_;
  const size_t vector_bytes_;
  std::atomic<Table*> table_{nullptr};
  std::atomic<size_t> chunks_end_{0};
  std::atomic<size_t> live_rows_{0};
  std::atomic<size_t> bytes_{0};
  std::atomic<uint32_t> moves_{0};

  // Writer only.
  std::vector<uint32_t> used_;     // by chunk: rows handed out and not recycled
  std::vector<Row> free_rows_;     // heap, lowest first
  Row fresh_ = 0, fresh_end_ = 0;  // never handed out yet, in the chunk backed last
  bool chunk_ran_empty_ = false;
  // Chunks that are being emptied: no row of them is handed out. All but the last wait for dead rows only.
  std::vector<bool> closed_;
  size_t emptied_ = kNoChunk;  // the last
};

}  // namespace ferro::node::index
