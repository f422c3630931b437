// The life of an index's graph: when one is built, extended, rebuilt and dropped, and which rows it pins.
//
// Readers see one immutable published graph or none. Changes are made to a draft in bounded steps, each a
// MaintenanceJob on a background thread; the finished draft replaces the published graph by a pointer swap.
// Rows of the published graph and of the draft are pinned: dead ones keep their vector, since walks lead
// through them, and are recycled when no graph in force has them.
//
// Owner: AdaptiveIndex. Thread rule: `published` and the counters from any thread (inside a guard); the rest
// from the writer thread.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "common/sync/epoch.h"
#include "node/index/graph.h"
#include "node/index/row_arena.h"
#include "node/index/row_set.h"
#include "node/index/tuning.h"
#include "node/index/vector_index.h"

namespace ferro::node::index {

struct PublishedGraph {
  std::unique_ptr<const Graph> graph;
  RowSet rows;     // all that were added to it
  RowSet covered;  // those of them that walks find: no need to look for them elsewhere
};

class GraphKeeper {
 public:
  // `rows_min`: live rows from which on a graph is kept.
  GraphKeeper(std::shared_ptr<RowArena> arena, const IndexOptions& options, const IndexTuning& tuning,
              size_t rows_min, sync::EpochDomain& epochs);
  ~GraphKeeper();

  // --- any thread, inside a guard ---
  const PublishedGraph* published() const noexcept { return published_.load(std::memory_order_acquire); }
  // Live rows that the published graph does not cover; recent.
  size_t tail_rows() const noexcept;
  size_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }
  uint64_t rebuilds() const noexcept { return rebuilds_.load(std::memory_order_relaxed); }

  // --- writer ---
  // The row was unpublished. True: pinned, the keeper recycles it in time; false: the caller does.
  bool keeps_dead_row(Row row);
  std::unique_ptr<MaintenanceJob> begin();
  void finish(std::unique_ptr<MaintenanceJob> job);
  // Publishes a graph that was loaded. failed_precondition while a job is out.
  Status adopt(std::unique_ptr<Graph> graph, RowSet covered);
  bool job_is_out() const noexcept { return job_is_out_; }

 private:
  class Job;
  struct Draft {
    Draft();  // defined outside: clang wants the members' initial values complete before std::optional asks
    std::unique_ptr<Graph> graph;                // null until the first job made it
    std::shared_ptr<const PublishedGraph> base;  // what it extends; null = built from nothing
    RowSet rows;                                 // of the base and of all batches so far
    RowSet covered;          // of the base, and of the batches what was looked up and found
    std::vector<Row> added;  // all batches so far
    size_t looked_up = 0;    // how many of those
    size_t size = 0;
    size_t capacity = 0;
    bool is_complete = false;  // nothing more is to be added
    bool is_rebuild = false;
  };

  void unpin_if_too_many_are_dead();
  bool plan_draft();
  size_t job_rows() const noexcept;
  std::vector<Row> next_batch() const;
  std::vector<Row> next_to_look_up();
  void publish(std::shared_ptr<const PublishedGraph> next);
  void drop_draft();
  // Recycles the rows of `rows` that are not in `live` and in no graph in force, after a grace period;
  // `keep_alive` goes with them.
  void release(const RowSet& rows, const RowSet& live, std::shared_ptr<const PublishedGraph> keep_alive);
  bool pins(Row row) const noexcept;
  void account();

  const std::shared_ptr<RowArena> arena_;
  const IndexOptions options_;
  const IndexTuning tuning_;
  const size_t rows_min_;
  sync::EpochDomain& epochs_;

  std::shared_ptr<const PublishedGraph> current_;  // owns what published_ points at
  std::atomic<const PublishedGraph*> published_{nullptr};
  std::atomic<size_t> covered_live_{0};  // live rows in the published graph
  std::atomic<size_t> bytes_{0};
  std::atomic<uint64_t> rebuilds_{0};
  size_t current_live_ = 0;  // live rows in the published graph
  std::optional<Draft> draft_;
  size_t pinned_dead_ = 0;  // dead rows that graphs in force keep from being used again
  bool job_is_out_ = false;
  size_t failures_ = 0;       // of jobs, in a row
  size_t plans_to_skip_ = 0;  // after a failure, so that a lasting one does not burn the processor
};

}  // namespace ferro::node::index
