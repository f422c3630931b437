#include "node/index/adaptive_index.h"

#include <algorithm>

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "node/index/row_scan.h"
#include "node/index/top_matches.h"

namespace ferro::node::index {

std::unique_ptr<VectorIndex> VectorIndex::create(size_t dimension, const IndexOptions& options,
                                                 sync::EpochDomain& epochs) {
  return std::make_unique<AdaptiveIndex>(dimension, options, epochs);
}

AdaptiveIndex::AdaptiveIndex(size_t dimension, const IndexOptions& options, sync::EpochDomain& epochs)
    : options_(options), epochs_(epochs), arena_(std::make_shared<RowArena>(dimension, 0)) {}

// Rows retired earlier name the arena by address; retired things go in order, so this reference outlasts
// them.
AdaptiveIndex::~AdaptiveIndex() {
  epochs_.retire([arena = arena_] {});
}

Row AdaptiveIndex::add(std::span<const float> unit_vector, const void* owner) {
  FERRO_ASSERT(unit_vector.size() == dimension(), "a vector of another dimension");
  const Row row = arena_->allocate();
  std::copy(unit_vector.begin(), unit_vector.end(), arena_->mutable_vector(row));
  arena_->publish(row, owner);
  return row;
}

void AdaptiveIndex::remove(Row row) {
  arena_->unpublish(row);
  epochs_.retire([arena = arena_.get(), row] { arena->recycle(row); });
  arena_->trim(epochs_);
}

std::unique_ptr<MaintenanceJob> AdaptiveIndex::begin_maintenance() {
  arena_->trim(epochs_);
  return nullptr;
}

void AdaptiveIndex::finish_maintenance(std::unique_ptr<MaintenanceJob> job) {
  FERRO_ASSERT(job == nullptr, "a job that this index did not hand out");
}

void AdaptiveIndex::search(std::span<const float> query, float threshold, size_t k, const RowFilter& filter,
                           std::vector<Match>& out) const {
  FERRO_ASSERT(query.size() == dimension(), "a query of another dimension");
  if (k == 0 || live_rows() == 0) return;
  TopMatches top(k, threshold - limits::kSimilarityTolerance, out);
  flat_search(*arena_, nullptr, query, filter, top);
}

void AdaptiveIndex::scan(std::span<const float> query, float threshold, const RowFilter& filter,
                         std::vector<Match>& out) const {
  FERRO_ASSERT(query.size() == dimension(), "a query of another dimension");
  flat_scan(*arena_, query, threshold - limits::kSimilarityTolerance, filter, out);
}

void AdaptiveIndex::for_each_row(const std::function<void(Row, const void* owner)>& visit) const {
  for_each_live_word(*arena_, nullptr, [&](const RowArena::Chunk&, Row first, uint64_t live) {
    for (; live != 0; live &= live - 1) {
      const Row row = first + static_cast<Row>(__builtin_ctzll(live));
      if (const void* owner = arena_->owner(row); owner != nullptr) visit(row, owner);
    }
  });
}

std::span<const float> AdaptiveIndex::vector_of(Row row) const {
  return {arena_->vector(row), dimension()};
}

size_t AdaptiveIndex::bytes() const {
  return sizeof(*this) + arena_->bytes();
}
std::string_view AdaptiveIndex::kind_name() const {
  return "flat";
}
uint64_t AdaptiveIndex::rebuilds() const {
  return 0;
}

void AdaptiveIndex::save_graph(const std::function<uint32_t(Row)>&, std::string&) const {}

Status AdaptiveIndex::load_graph(Bytes saved, std::span<const Row>) {
  return saved.empty() ? Status() : Status::data_loss("no graph is kept for this kind of index");
}

}  // namespace ferro::node::index
