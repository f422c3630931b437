// The VectorIndex of a namespace: one arena of vectors, searched in the way that suits how many there are.
//
// Owner: the store's namespace. Threads: see vector_index.h.
#pragma once

#include <memory>

#include "node/index/row_arena.h"
#include "node/index/vector_index.h"

namespace ferro::node::index {

class AdaptiveIndex final : public VectorIndex {
 public:
  AdaptiveIndex(size_t dimension, const IndexOptions& options, sync::EpochDomain& epochs);
  ~AdaptiveIndex() override;

  Row add(std::span<const float> unit_vector, const void* owner) override;
  void remove(Row row) override;
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
  const IndexOptions options_;
  sync::EpochDomain& epochs_;
  const std::shared_ptr<RowArena> arena_;
};

}  // namespace ferro::node::index
