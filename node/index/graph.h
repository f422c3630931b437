// A navigable small-world graph (HNSW, by hnswlib) over rows of an arena. It holds links and row numbers
// only; the vectors stay in the arena.
//
// Life: built by one thread (`add`), then `seal`ed and from there on immutable: any number of threads search
// it without locks of ours. Growing means to `clone` the links and to add to the clone. The owner keeps every
// row that was added from being recycled for as long as the graph lives. hnswlib's exceptions end here.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "node/index/row_arena.h"
#include "node/index/vector_index.h"

namespace hnswlib {
template <typename Distance>
class HierarchicalNSW;
}

namespace ferro::node::index {

// What a saved graph says, checked: see graph_codec.h.
struct GraphParts {
  uint32_t entry = 0;           // element where searches start; on the highest level
  std::vector<Row> rows;        // by element
  std::vector<uint8_t> levels;  // by element: its highest level
  std::vector<uint32_t> links;  // element by element, level by level from 0: how many, then the elements
};

class Graph {
 public:
  struct Hit {
    Row row;
    float score;  // as the search saw it; within rounding of the dot product
  };

  // Empty, with room for `capacity` rows. Uses max_nb_connection and ef_construction of `options`.
  static Result<std::unique_ptr<Graph>> create(std::shared_ptr<const RowArena> arena,
                                               const IndexOptions& options, size_t capacity);
  // `parts` are consistent (graph_codec checks them) and the rows' vectors in place. Sealed.
  static Result<std::unique_ptr<Graph>> restore(std::shared_ptr<const RowArena> arena,
                                                const IndexOptions& options, const GraphParts& parts);
  ~Graph();

  // --- building ---
  // Not more often than there is room, each row once.
  Status add(Row row);
  // Gives back what only building needs. At least one row.
  Status seal();

  // --- sealed: any thread ---
  // A copy to add to, with room for `capacity` rows, at least size().
  Result<std::unique_ptr<Graph>> clone(size_t capacity) const;
  // The nearest `ef` rows that the walk meets, best first, dead or alive. Replaces `out`. False: out of
  // memory.
  bool search(const float* query, size_t ef, std::vector<Hit>& out) const;
  size_t size() const noexcept;
  // Memory held once sealed, the arena's not counted.
  size_t bytes() const noexcept { return bytes_; }
  // What a graph being built takes a row, at most; for accounting while a job owns it.
  static size_t building_bytes_per_row(const IndexOptions& options) noexcept;

  // --- for saving ---
  uint32_t entry() const noexcept;
  size_t max_links() const noexcept;  // on levels above 0; twice as many on level 0
  Row row(uint32_t element) const noexcept;
  uint8_t level(uint32_t element) const noexcept;
  std::span<const uint32_t> links(uint32_t element, uint8_t level) const noexcept;

 private:
  using Algorithm = hnswlib::HierarchicalNSW<float>;
  class Space;

  size_t count_bytes() const noexcept;
  Graph(std::shared_ptr<const RowArena> arena, size_t max_links, size_t ef_construction, size_t capacity);

  const std::shared_ptr<const RowArena> arena_;
  std::unique_ptr<Space> space_;
  std::unique_ptr<Algorithm> algorithm_;
  size_t bytes_ = 0;
};

}  // namespace ferro::node::index
