#include "node/index/row_arena.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <new>

#include "common/base/assert.h"

namespace ferro::node::index {

namespace {

constexpr size_t kLine = 64;  // cache line, and what chunks are aligned to

constexpr size_t round_up(size_t value, size_t unit) noexcept {
  return (value + unit - 1) / unit * unit;
}

// Whole cache lines where that costs little, else just enough for aligned owners behind the vectors.
constexpr size_t padded_bytes(size_t dimension) noexcept {
  const size_t bytes = dimension * sizeof(float);
  return round_up(bytes, bytes >= 16 * kLine ? kLine : 16);
}

}  // namespace

// Readers may hold an outgrown table, so tables live as long as the arena; they double, so all together are
// small.
struct RowArena::Table {
  explicit Table(size_t capacity) : chunks(capacity) {}
  std::vector<std::atomic<std::byte*>> chunks;
  std::unique_ptr<Table> outgrown;
};

RowArena::RowArena(size_t dimension, size_t code_words)
    : dimension_(dimension), code_words_(code_words), vector_bytes_(padded_bytes(dimension)) {
  account(sizeof(RowArena), 0);
}

RowArena::~RowArena() {
  std::unique_ptr<Table> table(table_.load());
  if (table == nullptr) return;
  for (std::atomic<std::byte*>& base : table->chunks) std::free(base.load());
}

uint32_t RowArena::chunk_rows(size_t chunk) noexcept {
  return chunk < (1U << kSplit) ? 1U : 1U << ((chunk >> kSplit) - 1U);
}

Row RowArena::first_row(size_t chunk) noexcept {
  if (chunk < (1U << kSplit)) return static_cast<Row>(chunk);
  const size_t shift = (chunk >> kSplit) - 1U;
  return static_cast<Row>((chunk - (shift << kSplit)) << shift);
}

std::byte* RowArena::chunk_base(size_t chunk) const noexcept {
  return table_.load(std::memory_order_acquire)->chunks[chunk].load(std::memory_order_acquire);
}

// Layout of a chunk: vectors, codes, owners, live words.
std::atomic<const void*>* RowArena::owners(std::byte* base, uint32_t rows) const noexcept {
  return reinterpret_cast<std::atomic<const void*>*>(base +
                                                     rows * (vector_bytes_ + code_words_ * sizeof(uint64_t)));
}

std::atomic<uint64_t>* RowArena::live_words(std::byte* base, uint32_t rows) const noexcept {
  return reinterpret_cast<std::atomic<uint64_t>*>(owners(base, rows) + rows);
}

size_t RowArena::chunk_bytes(uint32_t rows) const noexcept {
  const size_t row_bytes = vector_bytes_ + code_words_ * sizeof(uint64_t) + sizeof(void*);
  return round_up(rows * row_bytes + (rows + 63) / 64 * sizeof(uint64_t), kLine);
}

std::atomic<const void*>& RowArena::owner_cell(Row row) const noexcept {
  const Place place = place_of(row);
  return owners(chunk_base(place.chunk), chunk_rows(place.chunk))[place.offset];
}

// A walk that read `moves` before this move took effect counts the original, any other the copy. It can meet
// no other move than the one under way at its start (numbered `moves`) and the next: that one does not end
// before the walk does.
const void* RowArena::owner(Row row, uint32_t moves) const noexcept {
  const auto tagged = reinterpret_cast<uintptr_t>(owner_cell(row).load(std::memory_order_acquire));
  if ((tagged & kMoving) != 0) {
    const bool in_effect = ((tagged & kOddMove) != 0) == ((moves & 1U) != 0);
    if (((tagged & kCopy) != 0) != in_effect) return nullptr;
  }
  return reinterpret_cast<const void*>(tagged & ~kTagBits);  // NOLINT(performance-no-int-to-ptr)
}

bool RowArena::is_live(Row row) const noexcept {
  const size_t chunk = place_of(row).chunk;
  return chunk < chunks_end() && chunk_base(chunk) != nullptr &&
         owner_cell(row).load(std::memory_order_acquire) != nullptr;
}

RowArena::Chunk RowArena::chunk(size_t index) const noexcept {
  std::byte* base = chunk_base(index);
  if (base == nullptr) return {};
  const uint32_t rows = chunk_rows(index);
  return {first_row(index), rows, reinterpret_cast<const float*>(base),
          reinterpret_cast<const uint64_t*>(base + rows * vector_bytes_), live_words(base, rows)};
}

uint64_t* RowArena::mutable_code(Row row) noexcept {
  const Place place = place_of(row);
  std::byte* codes = chunk_base(place.chunk) + chunk_rows(place.chunk) * vector_bytes_;
  return reinterpret_cast<uint64_t*>(codes) + place.offset * code_words_;
}

Row RowArena::allocate() {
  Row row = kNoRow;
  if (!free_rows_.empty()) {
    std::pop_heap(free_rows_.begin(), free_rows_.end(), std::greater<>());
    row = free_rows_.back();
    free_rows_.pop_back();
  } else {
    if (fresh_ == fresh_end_) back_chunk();
    row = fresh_++;
  }
  ++used_[place_of(row).chunk];
  return row;
}

VectorIndex::RowNeed RowArena::row_need(size_t before, size_t look_ahead) const {
  VectorIndex::RowNeed need;
  const Table* const table = table_.load(std::memory_order_relaxed);
  const size_t end = chunks_end_.load(std::memory_order_relaxed);
  size_t rows = unused_rows();
  size_t bytes_ahead = 0;
  for (size_t chunk = 0; rows < before + 1 + look_ahead; ++chunk) {  // in back_chunk's order
    if (chunk < end && table->chunks[chunk].load(std::memory_order_relaxed) != nullptr) continue;
    const size_t bytes = chunk_bytes(chunk_rows(chunk));
    if (rows == before) need.bytes = bytes;
    if (rows > before) {
      bytes_ahead += bytes;
      const size_t near = look_ahead - (rows - before - 1);
      need.ahead = std::max(need.ahead, bytes_ahead * near / look_ahead);
    }
    rows += chunk_rows(chunk);
  }
  return need;
}

// Puts memory behind the lowest chunk that has none.
void RowArena::back_chunk() {
  Table* table = table_.load(std::memory_order_relaxed);
  const size_t end = chunks_end_.load(std::memory_order_relaxed);
  size_t chunk = 0;
  while (chunk < end && table->chunks[chunk].load(std::memory_order_relaxed) != nullptr) ++chunk;
  const size_t capacity = table == nullptr ? 0 : table->chunks.size();
  if (chunk == capacity) {
    auto bigger = std::make_unique<Table>(capacity == 0 ? 8 : 2 * capacity);
    for (size_t i = 0; i < capacity; ++i) {
      bigger->chunks[i].store(table->chunks[i].load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
    bigger->outgrown.reset(table);
    account(sizeof(Table) + bigger->chunks.size() * sizeof(void*), 0);
    table = bigger.release();
    table_.store(table, std::memory_order_release);
  }
  if (used_.size() <= chunk) used_.resize(chunk + 1, 0);
  const uint32_t rows = chunk_rows(chunk);
  const Row first = first_row(chunk);
  FERRO_ASSERT(first < kNoRow - rows, "more rows than row numbers");
  auto* base = static_cast<std::byte*>(std::aligned_alloc(kLine, chunk_bytes(rows)));
  FERRO_ASSERT(base != nullptr, "out of memory for vectors");
  for (uint32_t i = 0; i < rows; ++i) ::new (owners(base, rows) + i) std::atomic<const void*>(nullptr);
  for (uint32_t i = 0; i < (rows + 63) / 64; ++i) ::new (live_words(base, rows) + i) std::atomic<uint64_t>(0);
  account(chunk_bytes(rows), 0);
  table->chunks[chunk].store(base, std::memory_order_release);
  if (chunk >= end) chunks_end_.store(chunk + 1, std::memory_order_release);
  fresh_ = first;
  fresh_end_ = first + rows;
}

void RowArena::publish(Row row, const void* owner) {
  const auto address = reinterpret_cast<uintptr_t>(owner);
  FERRO_DEBUG_ASSERT(owner != nullptr && (address & kTagBits) == 0, "a live row has an aligned owner");
  set_live(row, address);
  live_rows_.store(live_rows() + 1, std::memory_order_relaxed);
}

void RowArena::set_live(Row row, uintptr_t owner) {
  const Place place = place_of(row);
  std::byte* base = chunk_base(place.chunk);
  const uint32_t rows = chunk_rows(place.chunk);
  owners(base, rows)[place.offset].store(
      reinterpret_cast<const void*>(owner),  // NOLINT(performance-no-int-to-ptr)
      std::memory_order_release);
  std::atomic<uint64_t>& word = live_words(base, rows)[place.offset / 64];
  word.store(word.load(std::memory_order_relaxed) | 1ULL << (place.offset % 64), std::memory_order_release);
}

void RowArena::unpublish(Row row) {
  const Place place = place_of(row);
  std::byte* base = chunk_base(place.chunk);
  const uint32_t rows = chunk_rows(place.chunk);
  std::atomic<const void*>& owner = owners(base, rows)[place.offset];
  FERRO_ASSERT(owner.load(std::memory_order_relaxed) != nullptr, "a row is removed once");
  std::atomic<uint64_t>& word = live_words(base, rows)[place.offset / 64];
  word.store(word.load(std::memory_order_relaxed) & ~(1ULL << (place.offset % 64)),
             std::memory_order_release);
  owner.store(nullptr, std::memory_order_release);
  live_rows_.store(live_rows() - 1, std::memory_order_relaxed);
}

void RowArena::recycle(Row row) {
  const uint32_t chunk = place_of(row).chunk;
  if (!is_closed(chunk)) {
    const size_t before = free_rows_.capacity();
    free_rows_.push_back(row);
    std::push_heap(free_rows_.begin(), free_rows_.end(), std::greater<>());
    account(free_rows_.capacity() * sizeof(Row), before * sizeof(Row));
  }
  if (--used_[chunk] == 0) chunk_ran_empty_ = true;
}

void RowArena::trim(sync::EpochDomain& epochs) {
  if (!chunk_ran_empty_) return;
  chunk_ran_empty_ = false;
  Table* table = table_.load(std::memory_order_relaxed);
  for (size_t chunk = 0; chunk < used_.size(); ++chunk) {
    std::byte* base = table->chunks[chunk].load(std::memory_order_relaxed);
    if (used_[chunk] != 0 || base == nullptr) continue;
    const uint32_t rows = chunk_rows(chunk);
    const Row first = first_row(chunk);
    std::erase_if(free_rows_, [&](Row row) { return row >= first && row - first < rows; });
    if (fresh_ >= first && fresh_ - first < rows) fresh_ = fresh_end_ = 0;
    if (is_closed(chunk)) closed_[chunk] = false;
    if (chunk == emptied_) emptied_ = kNoChunk;
    table->chunks[chunk].store(nullptr, std::memory_order_release);
    account(0, chunk_bytes(rows));
    epochs.retire([base] { std::free(base); });
  }
  std::make_heap(free_rows_.begin(), free_rows_.end(), std::greater<>());
  size_t end = chunks_end_.load(std::memory_order_relaxed);
  while (end > 0 && table->chunks[end - 1].load(std::memory_order_relaxed) == nullptr) --end;
  chunks_end_.store(end, std::memory_order_release);
}

bool RowArena::choose_chunk_to_empty() {
  if (!rows_to_move(1).empty()) return true;
  const Table* const table = table_.load(std::memory_order_relaxed);
  const auto is_open = [&](size_t chunk) {
    return table->chunks[chunk].load(std::memory_order_relaxed) != nullptr && !is_closed(chunk);
  };
  size_t unused = 0;
  for (size_t chunk = 0; chunk < used_.size(); ++chunk) {
    if (is_open(chunk)) unused += chunk_rows(chunk) - used_[chunk];
  }
  size_t best = kNoChunk, most = 0;
  for (size_t chunk = 0; chunk < used_.size(); ++chunk) {
    // The others have room for its rows if there is as much room in all as it has rows.
    if (!is_open(chunk) || chunk_rows(chunk) > unused) continue;
    const size_t mine = chunk_rows(chunk) - used_[chunk];
    if (mine < most || mine == 0) continue;
    best = chunk;
    most = mine;
  }
  if (best == kNoChunk) return false;
  emptied_ = best;
  if (closed_.size() <= best) closed_.resize(best + 1, false);
  closed_[best] = true;
  const Row first = first_row(best);
  const uint32_t rows = chunk_rows(best);
  std::erase_if(free_rows_, [&](Row row) { return row >= first && row - first < rows; });
  std::make_heap(free_rows_.begin(), free_rows_.end(), std::greater<>());
  if (fresh_ >= first && fresh_ - first < rows) fresh_ = fresh_end_ = 0;
  return true;
}

std::vector<Row> RowArena::rows_to_move(size_t max) const {
  std::vector<Row> rows;
  if (emptied_ == kNoChunk) return rows;
  const Chunk from = chunk(emptied_);
  for (uint32_t offset = 0; offset < from.rows && rows.size() < max; offset += 64) {
    uint64_t live = from.live[offset / 64].load(std::memory_order_relaxed);
    for (; live != 0 && rows.size() < max; live &= live - 1) {
      rows.push_back(from.first + offset + static_cast<Row>(__builtin_ctzll(live)));
    }
  }
  return rows;
}

void RowArena::begin_move(Row from, Row to) {
  std::memcpy(mutable_vector(to), vector(from), vector_bytes_);
  if (code_words_ != 0) std::memcpy(mutable_code(to), mutable_code(from), code_words_ * sizeof(uint64_t));
  const auto address = reinterpret_cast<uintptr_t>(owner_cell(from).load(std::memory_order_relaxed));
  const uintptr_t tag = kMoving | ((next_move() & 1U) != 0 ? kOddMove : 0);
  set_live(to, address | tag | kCopy);
  owner_cell(from).store(reinterpret_cast<const void*>(address | tag),  // NOLINT(performance-no-int-to-ptr)
                         std::memory_order_release);
}

// The two were counted as one live row; the copy may have been removed meanwhile.
void RowArena::end_move(Row from, Row to) {
  std::atomic<const void*>& copy = owner_cell(to);
  const auto tagged = reinterpret_cast<uintptr_t>(copy.load(std::memory_order_relaxed));
  if (tagged != 0) {
    copy.store(reinterpret_cast<const void*>(tagged & ~kTagBits),  // NOLINT(performance-no-int-to-ptr)
               std::memory_order_release);
  }
  live_rows_.store(live_rows() + 1, std::memory_order_relaxed);
  unpublish(from);
}

void RowArena::account(size_t added, size_t removed) noexcept {
  bytes_.store(bytes() + added - removed, std::memory_order_relaxed);
}

}  // namespace ferro::node::index
