// The VectorIndex of a namespace: one arena of vectors, searched in the way that suits how many there are.
// Exact scan while tiny; comparison of 1-bit codes with exact scoring of what is near; a graph where that is
// faster still, with the rows it does not have yet scanned beside it. Changing over moves no vector and stops
// no reader.
//
// Owner: the store's namespace. Threads: see vector_index.h.
#pragma once

#include <atomic>
#include <memory>

#include "node/index/graph_keeper.h"
#include "node/index/row_arena.h"
#include "node/index/top_matches.h"
#include "node/index/tuning.h"
#include "node/index/vector_index.h"

namespace ferro::node::index {

class AdaptiveIndex final : public VectorIndex {
 public:
  AdaptiveIndex(size_t dimension, const IndexOptions& options, const IndexTuning& tuning,
                sync::EpochDomain& epochs);
  ~AdaptiveIndex() override;

  Row add(std::span<const float> unit_vector, const void* owner) override;
  void remove(Row row) override;
  RowNeed row_need(size_t before, size_t look_ahead) const override {
    return arena_->row_need(before, look_ahead);
  }
  size_t unused_rows() const override { return arena_->unused_rows(); }
  bool give_memory_back(size_t bytes_max, const Moved& moved) override;
  std::unique_ptr<MaintenanceJob> begin_maintenance() override;
  void finish_maintenance(std::unique_ptr<MaintenanceJob> job) override;

  void search(std::span<const float> query, float threshold, size_t k, const RowFilter& filter,
              std::vector<Match>& out) const override;
  void scan(std::span<const float> query, float threshold, const RowFilter& filter,
            std::vector<Match>& out) const override;
  void for_each_row(const std::function<void(Row, const void* owner)>& visit) const override;
  std::span<const float> vector_of(Row row) const override;

  size_t dimension() const override { return arena_->dimension(); }
  size_t live_rows() const override { return arena_->live_rows(); }
  size_t bytes() const override;
  std::string_view kind_name() const override;
  uint64_t rebuilds() const override;

  void save_graph(const std::function<uint32_t(Row)>& ordinal_of, std::string& out) const override;
  Status load_graph(Bytes saved, std::span<const Row> row_of) override;

 private:
  size_t graph_rows_min() const noexcept;
  // Exhaustive over the live rows outside `except`, of which there are about `rows`.
  void search_rows(const RowSet* except, size_t rows, std::span<const float> query, const RowFilter& filter,
                   uint32_t moves, TopMatches& top) const;
  // Offers what a walk finds. Only if that fills `top` does it count: where a walk finds too few, neighbours
  // may be hidden behind dead or filtered ones, or the walk lost its way, and the caller searches all rows
  // instead. So a graph makes hits cheap, and never a miss wrong.
  void search_graph(const Graph& graph, std::span<const float> query, size_t k, const RowFilter& filter,
                    uint32_t moves, TopMatches& top) const;
  const PublishedGraph* published() const noexcept;
  GraphKeeper& make_graphs();

  const IndexOptions options_;
  const IndexTuning& tuning_;  // outlives the index
  sync::EpochDomain& epochs_;
  const std::shared_ptr<RowArena> arena_;
  // Made by the writer when a graph is first worth it, which for most namespaces is never. Never unmade.
  std::unique_ptr<GraphKeeper> owned_graphs_;
  std::atomic<GraphKeeper*> graphs_{nullptr};
  bool moving_ = false;  // writer: rows are being moved
};

}  // namespace ferro::node::index
