// Nearest neighbours within one namespace. Scores are dot products of unit vectors, i.e. cosine in [-1, 1].
//
// The index owns the only copy of the vectors. A row is live from `add` until `remove`; it carries an opaque
// owner pointer (the store's entry, aligned to eight bytes) that readers get back with a match. Everything
// reported is re-scored exactly against the stored float32 vector; approximation may lose a neighbour, never
// invent or misprice one, and a removed or filtered row never hides a live one.
//
// Thread rule: `search`, `scan` and the reading accessors from any thread inside an EpochDomain guard, never
// blocked; everything else from the store's writer thread only. Long work (folding fresh rows into a graph,
// rebuilding on dead share, growing) runs in a MaintenanceJob on a background thread beside both and is
// installed by a pointer swap.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sync/epoch.h"

namespace ferro::node::index {

// Stable while the row is live, unless the writer has it moved; reused later, once no reader can see the old
// use.
using Row = uint32_t;
inline constexpr Row kNoRow = UINT32_MAX;

enum class IndexKind : uint8_t { automatic, flat, hnsw };

// Which of two owners comes first where their rows score alike. A strict order, the same wherever their
// entries are held. Called inside a guard, as a filter is.
using OwnerOrder = bool (*)(const void* a, const void* b) noexcept;

struct IndexOptions {
  IndexKind kind = IndexKind::automatic;
  size_t max_nb_connection = 16;  // hnsw M
  size_t ef_construction = 200;
  size_t ef_search = 32;
  size_t max_elements = 100'000;  // first graph capacity, not a cap
  OwnerOrder ties = nullptr;      // none: the lower row first
};

struct Match {
  const void* owner = nullptr;
  Row row = kNoRow;
  float score = 0.0F;
};

// Says whether a live row may be reported (not expired, attributes fit). Called from the searching thread,
// possibly for many rows: cheap, no locks, no throw.
using RowFilter = std::function<bool(const void* owner)>;

// Heavy work that the index asked for. It is run once, on any thread, without a guard; then the writer thread
// gives it back to `finish_maintenance`.
class MaintenanceJob {
 public:
  virtual ~MaintenanceJob() = default;
  // To its end; or until `stop` is true, and then it has failed: the index goes on as it was.
  virtual void run_until(const std::atomic<bool>& stop) = 0;
  void run() {
    const std::atomic<bool> never{false};
    run_until(never);
  }
};

class VectorIndex {
 public:
  static std::unique_ptr<VectorIndex> create(size_t dimension, const IndexOptions& options,
                                             sync::EpochDomain& epochs);
  virtual ~VectorIndex() = default;  // writer thread, after no reader can reach it

  // --- writer thread ---
  // Copies `unit_vector` (dimension() floats). Visible to searches that start after the return.
  virtual Row add(std::span<const float> unit_vector, const void* owner) = 0;
  virtual void remove(Row row) = 0;
  // What a row takes that is added after `before` others, for memory comes in chunks of rows: often nothing,
  // now and then a whole chunk. `ahead`: what to keep free for the `look_ahead` rows after it, the more the
  // nearer the next chunk is, so that room for it can be made little by little.
  struct RowNeed {
    size_t bytes = 0, ahead = 0;
  };
  virtual RowNeed row_need(size_t before, size_t look_ahead) const = 0;
  // Rows with memory that none uses, nor will until one is added.
  virtual size_t unused_rows() const = 0;
  // Moves up to `bytes_max` of vectors out of sparsely used memory, so that it can be freed after a grace
  // period. `moved` tells each owner's new row at once; what is known by the old one stays valid inside a
  // guard. False if there is nothing to gain; true if rows were moved, or were moved before and are still to
  // be freed.
  using Moved = std::function<void(const void* owner, Row to)>;
  virtual bool give_memory_back(size_t bytes_max, const Moved& moved) = 0;
  // Null when there is nothing worth doing or a job is already out.
  virtual std::unique_ptr<MaintenanceJob> begin_maintenance() = 0;
  virtual void finish_maintenance(std::unique_ptr<MaintenanceJob> job) = 0;

  // --- any thread, inside a guard ---
  // The best `k` rows with score >= threshold - tolerance that pass the filter, best first, ties as the
  // options say. `query` is a unit vector of dimension() floats, 64-byte alignment not required. Appends to
  // `out`.
  virtual void search(std::span<const float> query, float threshold, size_t k, const RowFilter& filter,
                      std::vector<Match>& out) const = 0;
  // Every live row with score >= threshold - tolerance: exact, exhaustive, unordered. For invalidation and as
  // oracle.
  virtual void scan(std::span<const float> query, float threshold, const RowFilter& filter,
                    std::vector<Match>& out) const = 0;
  // Every live row once (rows added or removed meanwhile may or may not be seen).
  virtual void for_each_row(const std::function<void(Row, const void* owner)>& visit) const = 0;
  // Valid while the row is live and the guard is held.
  virtual std::span<const float> vector_of(Row row) const = 0;

  virtual size_t dimension() const = 0;
  virtual size_t live_rows() const = 0;            // exact on the writer thread, recent elsewhere
  virtual size_t bytes() const = 0;                // memory held, vectors included
  virtual std::string_view kind_name() const = 0;  // what serves it now: "flat", "coded", "hnsw"
  virtual uint64_t rebuilds() const = 0;

  // --- the graph in snapshots ---
  // A consistent copy of the current graph, self-describing and versioned, to be written with the rows; empty
  // if the kind in force has none. `ordinal_of` gives the position of a row's entry in the snapshot, or
  // kNoRow if it is not in it (then the vector itself is stored, since the graph still routes through it).
  // Any thread, inside a guard.
  virtual void save_graph(const std::function<uint32_t(Row)>& ordinal_of, std::string& out) const = 0;
  // Writer thread, after all rows of the snapshot were added; `row_of[ordinal]` is where each went. Every
  // byte is checked; a graph that does not fit is refused (data_loss) and the index goes on without it,
  // rebuilding by itself.
  virtual Status load_graph(Bytes saved, std::span<const Row> row_of) = 0;
};

}  // namespace ferro::node::index
