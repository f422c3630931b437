#include "node/index/adaptive_index.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "node/index/coded_search.h"
#include "node/index/graph_codec.h"
#include "node/index/kernels.h"
#include "node/index/rotation.h"
#include "node/index/row_scan.h"

namespace ferro::node::index {

namespace {

constexpr IndexTuning kMeasuredTuning;

size_t code_words_for(size_t dimension, IndexKind kind, const IndexTuning& tuning) {
  return kind == IndexKind::flat || dimension < tuning.coded_dimension_min ? 0 : code_words(dimension);
}

IndexOptions bounded(IndexOptions options) {
  options.max_nb_connection = std::max<size_t>(options.max_nb_connection, 2);
  options.ef_search = std::max<size_t>(options.ef_search, 1);
  return options;
}

}  // namespace

std::unique_ptr<VectorIndex> VectorIndex::create(size_t dimension, const IndexOptions& options,
                                                 sync::EpochDomain& epochs) {
  return std::make_unique<AdaptiveIndex>(dimension, options, kMeasuredTuning, epochs);
}

AdaptiveIndex::AdaptiveIndex(size_t dimension, const IndexOptions& options, const IndexTuning& tuning,
                             sync::EpochDomain& epochs)
    : options_(bounded(options)),
      tuning_(tuning),
      epochs_(epochs),
      arena_(std::make_shared<RowArena>(dimension, code_words_for(dimension, options.kind, tuning))) {
  FERRO_ASSERT(dimension > 0 && dimension <= limits::kDimensionMax, "a dimension within the contract");
}

// Rows retired earlier name the arena by address; what is retired goes in order, so this reference outlasts
// them.
AdaptiveIndex::~AdaptiveIndex() {
  epochs_.retire([arena = arena_] {});
}

Row AdaptiveIndex::add(std::span<const float> unit_vector, const void* owner) {
  FERRO_ASSERT(unit_vector.size() == dimension(), "a vector of another dimension");
  const Row row = arena_->allocate();
  std::copy(unit_vector.begin(), unit_vector.end(), arena_->mutable_vector(row));
  if (arena_->code_words() != 0) encode(unit_vector, arena_->mutable_code(row));
  arena_->publish(row, owner);
  return row;
}

void AdaptiveIndex::remove(Row row) {
  arena_->unpublish(row);
  if (owned_graphs_ == nullptr || !owned_graphs_->keeps_dead_row(row)) {
    epochs_.retire([arena = arena_.get(), row] { arena->recycle(row); });
  }
  arena_->trim(epochs_);
}

// A graph goes on with the originals; their copies are its tail until it is built anew.
bool AdaptiveIndex::give_memory_back(size_t bytes_max, const Moved& moved) {
  if (moving_) return true;
  arena_->trim(epochs_);
  if (!arena_->choose_chunk_to_empty()) return false;
  const size_t row_bytes = arena_->vector_stride() * sizeof(float);
  const std::vector<Row> from = arena_->rows_to_move(std::max<size_t>(1, bytes_max / row_bytes));
  if (from.empty()) return true;  // what is left there goes after a grace period, or with a graph
  std::vector<std::pair<Row, Row>> pairs;
  pairs.reserve(from.size());
  for (const Row row : from) {
    pairs.emplace_back(row, arena_->allocate());
    arena_->begin_move(row, pairs.back().second);
  }
  arena_->commit_moves();
  const uint32_t moves = arena_->moves();
  for (const auto& [old, fresh] : pairs) moved(arena_->owner(fresh, moves), fresh);
  moving_ = true;
  // This object outlives it: what is retired goes in order, and an index goes after what it retired. Not
  // after what that retires in its turn: the arena has to last that long.
  epochs_.retire([this, pairs = std::move(pairs)] {
    std::vector<Row> dead;
    for (const auto& [old, fresh] : pairs) {
      arena_->end_move(old, fresh);
      if (owned_graphs_ == nullptr || !owned_graphs_->keeps_dead_row(old)) dead.push_back(old);
    }
    moving_ = false;
    epochs_.retire([arena = arena_, dead = std::move(dead)] {
      for (const Row row : dead) arena->recycle(row);
    });
  });
  return true;
}

size_t AdaptiveIndex::graph_rows_min() const noexcept {
  switch (options_.kind) {
    case IndexKind::flat:
      return std::numeric_limits<size_t>::max();
    case IndexKind::hnsw:
      return tuning_.graph_rows_min;
    case IndexKind::automatic:
      break;
  }
  return tuning_.graph_rows_min_automatic;
}

GraphKeeper& AdaptiveIndex::make_graphs() {
  if (owned_graphs_ == nullptr) {
    owned_graphs_ = std::make_unique<GraphKeeper>(arena_, options_, tuning_, graph_rows_min(), epochs_);
    graphs_.store(owned_graphs_.get(), std::memory_order_release);
  }
  return *owned_graphs_;
}

std::unique_ptr<MaintenanceJob> AdaptiveIndex::begin_maintenance() {
  arena_->trim(epochs_);
  if (owned_graphs_ == nullptr && live_rows() < graph_rows_min()) return nullptr;
  return make_graphs().begin();
}

void AdaptiveIndex::finish_maintenance(std::unique_ptr<MaintenanceJob> job) {
  FERRO_ASSERT(owned_graphs_ != nullptr, "a job that this index did not hand out");
  owned_graphs_->finish(std::move(job));
}

const PublishedGraph* AdaptiveIndex::published() const noexcept {
  const GraphKeeper* graphs = graphs_.load(std::memory_order_acquire);
  return graphs == nullptr ? nullptr : graphs->published();
}

void AdaptiveIndex::search(std::span<const float> query, float threshold, size_t k, const RowFilter& filter,
                           std::vector<Match>& out) const {
  FERRO_ASSERT(query.size() == dimension(), "a query of another dimension");
  if (k == 0) return;
  TopMatches top(k, threshold - limits::kSimilarityTolerance, options_.ties, out);
  const uint32_t moves = arena_->moves();  // once: a graph and its tail are one walk
  if (const PublishedGraph* graph = published(); graph != nullptr) {
    search_graph(*graph->graph, query, k, filter, moves, top);
    if (top.full()) {
      const size_t tail = graphs_.load(std::memory_order_acquire)->tail_rows();
      search_rows(&graph->covered, tail, query, filter, moves, top);
      return;
    }
    top.clear();
  }
  search_rows(nullptr, live_rows(), query, filter, moves, top);
}

void AdaptiveIndex::search_rows(const RowSet* except, size_t rows, std::span<const float> query,
                                const RowFilter& filter, uint32_t moves, TopMatches& top) const {
  if (arena_->code_words() != 0 && rows > tuning_.flat_rows_max) {
    coded_search(*arena_, except, query, filter, moves, top);
  } else {
    flat_search(*arena_, except, query, filter, moves, top);
  }
}

void AdaptiveIndex::search_graph(const Graph& graph, std::span<const float> query, size_t k,
                                 const RowFilter& filter, uint32_t moves, TopMatches& top) const {
  thread_local std::vector<Graph::Hit> hits;
  if (!graph.search(query.data(), std::max(options_.ef_search, 2 * k), hits)) return;
  for (const Graph::Hit& hit : hits) {
    // What follows is farther still. (Equal scores are looked at, for the tie.)
    if (hit.score < top.bar() - limits::kSimilarityTolerance) return;
    const void* owner = arena_->owner(hit.row, moves);
    if (owner == nullptr) continue;
    const Match match{owner, hit.row, dot(query.data(), arena_->vector(hit.row), query.size())};
    if (top.wants(match) && (!filter || filter(owner))) top.take(match);
  }
}

void AdaptiveIndex::scan(std::span<const float> query, float threshold, const RowFilter& filter,
                         std::vector<Match>& out) const {
  FERRO_ASSERT(query.size() == dimension(), "a query of another dimension");
  flat_scan(*arena_, query, threshold - limits::kSimilarityTolerance, filter, out);
}

void AdaptiveIndex::for_each_row(const std::function<void(Row, const void* owner)>& visit) const {
  const uint32_t moves = arena_->moves();
  for_each_live_word(*arena_, nullptr, [&](const RowArena::Chunk&, Row first, uint64_t live) {
    for (; live != 0; live &= live - 1) {
      const Row row = first + static_cast<Row>(__builtin_ctzll(live));
      if (const void* owner = arena_->owner(row, moves); owner != nullptr) visit(row, owner);
    }
  });
}

std::span<const float> AdaptiveIndex::vector_of(Row row) const {
  return {arena_->vector(row), dimension()};
}

size_t AdaptiveIndex::bytes() const {
  const GraphKeeper* graphs = graphs_.load(std::memory_order_acquire);
  return sizeof(*this) + arena_->bytes() + (graphs == nullptr ? 0 : sizeof(*graphs) + graphs->bytes());
}

std::string_view AdaptiveIndex::kind_name() const {
  if (published() != nullptr) return "hnsw";
  return arena_->code_words() != 0 && live_rows() > tuning_.flat_rows_max ? "coded" : "flat";
}

uint64_t AdaptiveIndex::rebuilds() const {
  const GraphKeeper* graphs = graphs_.load(std::memory_order_acquire);
  return graphs == nullptr ? 0 : graphs->rebuilds();
}

void AdaptiveIndex::save_graph(const std::function<uint32_t(Row)>& ordinal_of, std::string& out) const {
  if (const PublishedGraph* graph = published(); graph != nullptr) {
    encode_graph(*graph->graph, graph->covered, *arena_, ordinal_of, out);
  }
}

Status AdaptiveIndex::load_graph(Bytes saved, std::span<const Row> row_of) {
  if (saved.empty()) return {};
  if (options_.kind == IndexKind::flat) {
    return {StatusCode::failed_precondition, "index.kind = flat keeps no graph"};
  }
  if (owned_graphs_ != nullptr && owned_graphs_->job_is_out()) {
    return {StatusCode::failed_precondition, "a graph is being built already"};
  }
  FERRO_ASSIGN_OR_RETURN(DecodedGraph decoded,
                         decode_graph(saved, *arena_, options_.max_nb_connection, row_of));
  // The dead rows get a place without ever being live; nobody knows them if the graph comes to nothing.
  std::vector<Row> dead_rows;
  for (const DecodedGraph::DeadVector& dead : decoded.dead) {
    const Row row = arena_->allocate();
    std::memcpy(arena_->mutable_vector(row), dead.vector.data(), dead.vector.size());
    decoded.parts.rows[dead.element] = row;
    dead_rows.push_back(row);
  }
  auto graph = Graph::restore(arena_, options_, decoded.parts);
  if (graph.ok()) return make_graphs().adopt(std::move(graph).value(), std::move(decoded.covered));
  for (Row row : dead_rows) arena_->recycle(row);
  return graph.status();
}

}  // namespace ferro::node::index
