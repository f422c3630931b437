#include "node/index/graph_keeper.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "node/index/row_scan.h"

namespace ferro::node::index {

namespace {

// A walk that ends at an equal vector has found its way.
constexpr float kFound = 1.0F - 4 * limits::kSimilarityTolerance;

}  // namespace

// One bounded step: makes the draft's graph if there is none yet, adds some rows, seals it if they are the
// last, looks some up.
class GraphKeeper::Job final : public MaintenanceJob {
 public:
  struct Step {
    std::unique_ptr<Graph> graph;
    std::shared_ptr<const PublishedGraph> base;
    size_t capacity = 0;
    std::vector<Row> to_add;
    bool seals = false;
    std::vector<Row> to_look_up;
  };

  Job(std::shared_ptr<RowArena> arena, const IndexOptions& options, Step step)
      : arena_(std::move(arena)), options_(options), step_(std::move(step)) {}

  void run_until(const std::atomic<bool>& stop) override {
    status_ = build(stop);
    if (status_.ok()) look_up(stop);
    if (stop) status_ = Status::unavailable("the job was stopped");
  }

  const Status& status() const noexcept { return status_; }
  const std::vector<Row>& found() const noexcept { return found_; }
  std::unique_ptr<Graph> take_graph() { return std::move(step_.graph); }

 private:
  Status build(const std::atomic<bool>& stop) {
    if (step_.graph == nullptr) {
      auto made = step_.base != nullptr ? step_.base->graph->clone(step_.capacity)
                                        : Graph::create(arena_, options_, step_.capacity);
      if (!made.ok()) return made.status();
      step_.graph = std::move(made).value();
    }
    for (Row row : step_.to_add) {
      if (stop) return {};
      FERRO_RETURN_IF_ERROR(step_.graph->add(row));
    }
    return step_.seals ? step_.graph->seal() : Status();
  }

  void look_up(const std::atomic<bool>& stop) {
    std::vector<Graph::Hit> hits;
    for (Row row : step_.to_look_up) {
      if (stop || !step_.graph->search(arena_->vector(row), options_.ef_search, hits)) return;
      if (!hits.empty() && hits[0].score >= kFound) found_.push_back(row);
    }
  }

  const std::shared_ptr<RowArena> arena_;
  const IndexOptions options_;
  Step step_;
  std::vector<Row> found_;
  Status status_ = Status::internal("the job was not run");
};

GraphKeeper::GraphKeeper(std::shared_ptr<RowArena> arena, const IndexOptions& options,
                         const IndexTuning& tuning, size_t rows_min, sync::EpochDomain& epochs)
    : arena_(std::move(arena)), options_(options), tuning_(tuning), rows_min_(rows_min), epochs_(epochs) {}

GraphKeeper::~GraphKeeper() = default;

size_t GraphKeeper::tail_rows() const noexcept {
  const size_t covered = covered_live_.load(std::memory_order_relaxed);
  const size_t live = arena_->live_rows();
  return live > covered ? live - covered : 0;
}

bool GraphKeeper::pins(Row row) const noexcept {
  return (current_ != nullptr && current_->rows.contains(row)) ||
         (draft_.has_value() && draft_->rows.contains(row));
}

bool GraphKeeper::keeps_dead_row(Row row) {
  if (current_ != nullptr && current_->rows.contains(row)) --current_live_;
  if (current_ != nullptr && current_->covered.contains(row)) {
    covered_live_.store(covered_live_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  }
  if (!pins(row)) return false;
  ++pinned_dead_;
  return true;
}

// Where rows die faster than a graph can be built anew, memory goes first: codes serve well enough until it
// is.
void GraphKeeper::unpin_if_too_many_are_dead() {
  const size_t dead_max = arena_->live_rows() / tuning_.pinned_dead_divisor;
  if (pinned_dead_ > dead_max && current_ != nullptr) publish(nullptr);
  if (pinned_dead_ > dead_max && draft_.has_value()) drop_draft();
}

GraphKeeper::Draft::Draft() = default;

// Decides whether a new version of the graph is worth building, and starts its draft.
bool GraphKeeper::plan_draft() {
  if (plans_to_skip_ > 0) {
    --plans_to_skip_;
    return false;
  }
  const size_t live = arena_->live_rows();
  if (current_ == nullptr) {
    if (live < rows_min_ || live == 0) return false;
    draft_.emplace();
    // Rows that arrive while the first graph is built join it, up to the capacity that the options name.
    draft_->capacity = std::max(live, std::min(options_.max_elements, 2 * live));
    return true;
  }
  if (live < rows_min_ / 2) {
    publish(nullptr);
    return false;
  }
  const size_t size = current_->graph->size();
  const size_t dead = size - current_live_;
  if (dead > size / tuning_.dead_divisor) {
    draft_.emplace();
    draft_->capacity = live + live / 8;
    draft_->is_rebuild = true;
    return true;
  }
  const size_t fresh = live - current_live_;
  if (fresh < std::max(tuning_.fold_rows_min, size / tuning_.fold_divisor)) return false;
  draft_.emplace();
  draft_->base = current_;
  draft_->rows = current_->rows;
  draft_->covered = current_->covered;
  draft_->size = size;
  draft_->capacity = size + fresh + fresh / 8;
  return true;
}

size_t GraphKeeper::job_rows() const noexcept {
  return std::max<size_t>(1, tuning_.job_floats / arena_->dimension());
}

// Live rows that the draft lacks, up to the size of one job and the room that is left.
std::vector<Row> GraphKeeper::next_batch() const {
  const size_t wanted = std::min(job_rows(), draft_->capacity - draft_->size);
  std::vector<Row> batch;
  for_each_live_word(*arena_, &draft_->rows, [&](const RowArena::Chunk&, Row first, uint64_t live) {
    for (; live != 0 && batch.size() < wanted; live &= live - 1) {
      batch.push_back(first + static_cast<Row>(__builtin_ctzll(live)));
    }
  });
  return batch;
}

std::vector<Row> GraphKeeper::next_to_look_up() {
  const size_t end =
      std::min(draft_->looked_up + job_rows() * tuning_.look_ups_per_add, draft_->added.size());
  const auto at = [this](size_t i) { return draft_->added.begin() + static_cast<std::ptrdiff_t>(i); };
  std::vector<Row> rows(at(draft_->looked_up), at(end));
  draft_->looked_up = end;
  return rows;
}

std::unique_ptr<MaintenanceJob> GraphKeeper::begin() {
  if (job_is_out_) return nullptr;
  unpin_if_too_many_are_dead();
  if (!draft_.has_value() && !plan_draft()) return nullptr;
  Job::Step step;
  if (!draft_->is_complete) {
    step.to_add = next_batch();
    for (Row row : step.to_add) draft_->rows.insert(row);
    draft_->added.insert(draft_->added.end(), step.to_add.begin(), step.to_add.end());
    draft_->size += step.to_add.size();
    draft_->is_complete = step.seals = step.to_add.size() < job_rows();
  }
  if (draft_->size == 0) {  // everything was removed meanwhile
    drop_draft();
    return nullptr;
  }
  if (draft_->is_complete) step.to_look_up = next_to_look_up();
  step.base = draft_->base;
  step.capacity = draft_->capacity;
  step.graph = std::move(draft_->graph);
  job_is_out_ = true;
  account();
  return std::make_unique<Job>(arena_, options_, std::move(step));
}

void GraphKeeper::finish(std::unique_ptr<MaintenanceJob> job) {
  auto* mine = dynamic_cast<Job*>(job.get());
  FERRO_ASSERT(mine != nullptr && job_is_out_ && draft_.has_value(),
               "a job that this index did not hand out");
  job_is_out_ = false;
  if (!mine->status().ok()) {
    failures_ = std::min<size_t>(failures_ + 1, 10);
    plans_to_skip_ = size_t{1} << failures_;
    drop_draft();
    return;
  }
  draft_->graph = mine->take_graph();
  for (Row row : mine->found()) draft_->covered.insert(row);
  if (!draft_->is_complete || draft_->looked_up < draft_->added.size()) return;
  failures_ = 0;
  if (draft_->is_rebuild) rebuilds_.store(rebuilds() + 1, std::memory_order_relaxed);
  auto next = std::make_shared<const PublishedGraph>(
      PublishedGraph{std::move(draft_->graph), std::move(draft_->rows), std::move(draft_->covered)});
  draft_.reset();
  publish(std::move(next));
}

Status GraphKeeper::adopt(std::unique_ptr<Graph> graph, RowSet covered) {
  if (job_is_out_) return {StatusCode::failed_precondition, "a graph is being built already"};
  if (draft_.has_value()) drop_draft();
  RowSet rows;
  for (uint32_t i = 0; i < graph->size(); ++i) {
    const Row row = graph->row(i);
    rows.insert(row);
    if (!arena_->is_live(row)) ++pinned_dead_;
  }
  publish(std::make_shared<const PublishedGraph>(
      PublishedGraph{std::move(graph), std::move(rows), std::move(covered)}));
  return {};
}

void GraphKeeper::publish(std::shared_ptr<const PublishedGraph> next) {
  const RowSet live = live_rows_of(*arena_);
  std::shared_ptr<const PublishedGraph> old = std::exchange(current_, std::move(next));
  published_.store(current_.get(), std::memory_order_release);
  current_live_ = current_ == nullptr ? 0 : current_->rows.count_common(live);
  covered_live_.store(current_ == nullptr ? 0 : current_->covered.count_common(live),
                      std::memory_order_relaxed);
  if (old != nullptr) release(old->rows, live, old);
  account();
}

void GraphKeeper::drop_draft() {
  const RowSet rows = std::move(draft_->rows);
  draft_.reset();
  release(rows, live_rows_of(*arena_), nullptr);
  account();
}

void GraphKeeper::release(const RowSet& rows, const RowSet& live,
                          std::shared_ptr<const PublishedGraph> keep_alive) {
  std::vector<Row> dead;
  rows.for_each([&](Row row) {
    if (!live.contains(row) && !pins(row)) dead.push_back(row);
  });
  pinned_dead_ -= dead.size();
  epochs_.retire([arena = arena_, dead = std::move(dead), keep_alive = std::move(keep_alive)] {
    for (Row row : dead) arena->recycle(row);
  });
}

void GraphKeeper::account() {
  size_t bytes =
      current_ != nullptr ? current_->graph->bytes() + current_->rows.bytes() + current_->covered.bytes() : 0;
  if (draft_.has_value()) {
    bytes += draft_->size * Graph::building_bytes_per_row(options_) + draft_->rows.bytes() +
             draft_->covered.bytes() + draft_->added.capacity() * sizeof(Row);
  }
  bytes_.store(bytes, std::memory_order_relaxed);
}

}  // namespace ferro::node::index
