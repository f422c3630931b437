#include "node/index/graph.h"

// hnswlib's own kernels are not used, and its prefetching reads behind the end of its upper link lists.
#define NO_MANUAL_VECTORIZATION
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>
#include <mutex>
#include <string>

#include "common/base/assert.h"
#include "node/index/kernel_table.h"

namespace ferro::node::index {

namespace {

// hnswlib stores a row number where it expects a vector. A query, which is no row, is told by kNoRow and
// carries its address.
struct QueryElement {
  Row row = kNoRow;
  const float* vector = nullptr;
};

struct DistanceContext {
  const RowArena* arena;
  decltype(Kernels::dot) dot;
};

const float* resolve(const void* element, const RowArena& arena) noexcept {
  Row row = kNoRow;
  std::memcpy(&row, element, sizeof row);
  return row == kNoRow ? static_cast<const QueryElement*>(element)->vector : arena.vector(row);
}

float distance(const void* a, const void* b, const void* parameter) noexcept {
  const auto& context = *static_cast<const DistanceContext*>(parameter);
  const RowArena& arena = *context.arena;
  return 1.0F - context.dot(resolve(a, arena), resolve(b, arena), arena.dimension());
}

Status wrapped(const std::exception& error) {
  return Status::internal(std::string("hnswlib: ") + error.what());
}

constexpr size_t kUpdateLocksMax = 65'536;    // hnswlib masks with this
constexpr size_t kLevelledRowsMin = 100'000;  // a graph has levels for at least so many

// Levels are drawn here and not by hnswlib, and its first element is put on the highest there will be:
// hnswlib holds its global lock while it adds one above all others, which turns its lock order round.
int top_level(size_t capacity, size_t max_links) {
  const auto rows = static_cast<double>(std::max(capacity, kLevelledRowsMin));
  return static_cast<int>(std::ceil(std::log(rows) / std::log(static_cast<double>(max_links))));
}

// Geometric, as HNSW asks for, from a mix of the row's number (SplitMix64's finaliser).
int level_of(Row row, size_t max_links) {
  uint64_t mixed = (row + 0x9E37'79B9'7F4A'7C15) * 0xBF58'476D'1CE4'E5B9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D0'49BB'1331'11EB;
  const double uniform = static_cast<double>((mixed ^ (mixed >> 31)) >> 11) * 0x1p-53;
  return static_cast<int>(-std::log(uniform + 0x1p-53) / std::log(static_cast<double>(max_links)));
}

}  // namespace

class Graph::Space final : public hnswlib::SpaceInterface<float> {
 public:
  explicit Space(const RowArena& arena) : context_{&arena, best_kernels().dot} {}
  size_t get_data_size() override { return sizeof(Row); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void* get_dist_func_param() override { return &context_; }

 private:
  DistanceContext context_;
};

Graph::Graph(std::shared_ptr<const RowArena> arena, size_t max_links, size_t ef_construction, size_t capacity)
    : arena_(std::move(arena)), space_(std::make_unique<Space>(*arena_)) {
  algorithm_ = std::make_unique<Algorithm>(space_.get(), capacity, max_links, ef_construction);
  algorithm_->mult_ = 0.0;  // what hnswlib draws is level 0, unless told otherwise
  std::vector<std::mutex>(std::min(capacity, kUpdateLocksMax)).swap(algorithm_->link_list_update_locks_);
}

Graph::~Graph() = default;

Result<std::unique_ptr<Graph>> Graph::create(std::shared_ptr<const RowArena> arena,
                                             const IndexOptions& options, size_t capacity) try {
  return std::unique_ptr<Graph>(
      new Graph(std::move(arena), options.max_nb_connection, options.ef_construction, capacity));
} catch (const std::exception& error) {
  return wrapped(error);
}

Status Graph::add(Row row) try {
  Algorithm& graph = *algorithm_;
  const int level = graph.cur_element_count == 0 ? top_level(graph.max_elements_, graph.M_)
                                                 : std::min(level_of(row, graph.M_), graph.maxlevel_);
  graph.addPoint(&row, row, level);
  return {};
} catch (const std::exception& error) {
  return wrapped(error);
}

Status Graph::seal() try {
  Algorithm& graph = *algorithm_;
  graph.resizeIndex(graph.cur_element_count);
  graph.element_levels_.shrink_to_fit();
  std::vector<std::mutex>().swap(graph.link_list_locks_);
  std::vector<std::mutex>().swap(graph.link_list_update_locks_);
  decltype(graph.label_lookup_)().swap(graph.label_lookup_);
  bytes_ = count_bytes();
  return {};
} catch (const std::exception& error) {
  return wrapped(error);
}

Result<std::unique_ptr<Graph>> Graph::clone(size_t capacity) const try {
  const Algorithm& from = *algorithm_;
  FERRO_ASSERT(capacity >= from.cur_element_count, "a clone has room for its source");
  std::unique_ptr<Graph> copy(new Graph(arena_, from.M_, from.ef_construction_, capacity));
  Algorithm& to = *copy->algorithm_;
  std::memcpy(to.data_level0_memory_, from.data_level0_memory_,
              from.cur_element_count * from.size_data_per_element_);
  for (size_t i = 0; i < from.cur_element_count; ++i) {
    const int level = from.element_levels_[i];
    if (level > 0) {
      const size_t size = from.size_links_per_element_ * static_cast<size_t>(level);
      to.linkLists_[i] = static_cast<char*>(std::malloc(size));
      if (to.linkLists_[i] == nullptr) throw std::bad_alloc();
      std::memcpy(to.linkLists_[i], from.linkLists_[i], size);
    }
    to.element_levels_[i] = level;
    to.cur_element_count = i + 1;  // step by step: the destructor frees what is counted
  }
  to.maxlevel_ = from.maxlevel_;
  to.enterpoint_node_ = from.enterpoint_node_;
  // label_lookup_ stays empty: it serves only to find a label that is added again, and no row ever is.
  return copy;
} catch (const std::exception& error) {
  return wrapped(error);
}

Result<std::unique_ptr<Graph>> Graph::restore(std::shared_ptr<const RowArena> arena,
                                              const IndexOptions& options, const GraphParts& parts) try {
  const size_t count = parts.rows.size();
  std::unique_ptr<Graph> graph(
      new Graph(std::move(arena), options.max_nb_connection, options.ef_construction, count));
  Algorithm& to = *graph->algorithm_;
  size_t at = 0;
  const auto copy_links = [&](hnswlib::linklistsizeint* list) {
    const uint32_t size = parts.links[at++];
    to.setListCount(list, static_cast<unsigned short>(size));
    std::copy_n(parts.links.begin() + static_cast<long>(at), size, list + 1);
    at += size;
  };
  for (uint32_t i = 0; i < count; ++i) {
    const size_t upper = to.size_links_per_element_ * parts.levels[i];
    std::memset(to.get_linklist0(i), 0, to.size_data_per_element_);
    std::memcpy(to.getDataByInternalId(i), &parts.rows[i], sizeof(Row));
    to.setExternalLabel(i, parts.rows[i]);
    if (upper > 0) {
      to.linkLists_[i] = static_cast<char*>(std::calloc(upper, 1));
      if (to.linkLists_[i] == nullptr) throw std::bad_alloc();
    }
    to.element_levels_[i] = parts.levels[i];
    to.cur_element_count = i + 1;
    for (int level = 0; level <= parts.levels[i]; ++level) copy_links(to.get_linklist_at_level(i, level));
  }
  to.enterpoint_node_ = parts.entry;
  to.maxlevel_ = parts.levels[parts.entry];
  FERRO_RETURN_IF_ERROR(graph->seal());
  return graph;
} catch (const std::exception& error) {
  return wrapped(error);
}

bool Graph::search(const float* query, size_t ef, std::vector<Hit>& out) const try {
  const Algorithm& graph = *algorithm_;
  const QueryElement element{kNoRow, query};
  const void* context = graph.dist_func_param_;
  // Down through the upper levels, each time to the nearest neighbour; like searchKnn, which counts its steps
  // in atomics that all searching threads would share.
  hnswlib::tableint nearest = graph.enterpoint_node_;
  float best = distance(&element, graph.getDataByInternalId(nearest), context);
  for (int level = graph.maxlevel_; level > 0; --level) {
    for (bool moved = true; moved;) {
      moved = false;
      hnswlib::linklistsizeint* list = graph.get_linklist(nearest, level);
      const size_t size = graph.getListCount(list);
      for (size_t i = 1; i <= size; ++i) {
        const float d = distance(&element, graph.getDataByInternalId(list[i]), context);
        if (d >= best) continue;
        best = d;
        nearest = list[i];
        moved = true;
      }
    }
  }
  auto found = graph.searchBaseLayerST<false, false>(nearest, &element, ef);
  out.resize(found.size());
  for (size_t i = out.size(); i-- > 0; found.pop()) {
    out[i] = {row(found.top().second), 1.0F - found.top().first};
  }
  return true;
} catch (const std::exception&) {
  return false;
}

size_t Graph::size() const noexcept {
  return algorithm_->cur_element_count;
}

size_t Graph::count_bytes() const noexcept {
  constexpr size_t kMallocHeader = 16;
  constexpr size_t kVisitedLists = 2;  // two bytes an element, one list for each thread that searches at once
  const Algorithm& graph = *algorithm_;
  size_t bytes = sizeof(Graph) + sizeof(Algorithm) +
                 graph.max_elements_ * (graph.size_data_per_element_ + sizeof(char*) + sizeof(int) +
                                        kVisitedLists * sizeof(hnswlib::vl_type));
  for (size_t i = 0; i < graph.cur_element_count; ++i) {
    const auto level = static_cast<size_t>(graph.element_levels_[i]);
    if (level > 0) bytes += level * graph.size_links_per_element_ + kMallocHeader;
  }
  return bytes;
}

size_t Graph::building_bytes_per_row(const IndexOptions& options) noexcept {
  constexpr size_t kLookup = 48;  // a node of label_lookup_ and its bucket
  const size_t links = (2 * options.max_nb_connection + 1) * sizeof(uint32_t);
  return links + links / 8 + sizeof(Row) + sizeof(hnswlib::labeltype) + sizeof(char*) + sizeof(int) +
         sizeof(hnswlib::vl_type) + sizeof(std::mutex) + kLookup;
}

uint32_t Graph::entry() const noexcept {
  return algorithm_->enterpoint_node_;
}
size_t Graph::max_links() const noexcept {
  return algorithm_->M_;
}

Row Graph::row(uint32_t element) const noexcept {
  Row row = kNoRow;
  std::memcpy(&row, algorithm_->getDataByInternalId(element), sizeof row);
  return row;
}

uint8_t Graph::level(uint32_t element) const noexcept {
  return static_cast<uint8_t>(algorithm_->element_levels_[element]);
}

std::span<const uint32_t> Graph::links(uint32_t element, uint8_t level) const noexcept {
  hnswlib::linklistsizeint* list = algorithm_->get_linklist_at_level(element, level);
  return {list + 1, algorithm_->getListCount(list)};
}

}  // namespace ferro::node::index
