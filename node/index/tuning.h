// Where the index changes its way of searching. Measured: docs/decisions/0002-index-family.md. Tests use
// small ones.
#pragma once

#include <cstddef>

namespace ferro::node::index {

struct IndexTuning {
  // Up to this many rows an exact scan is as fast as comparing codes first.
  size_t flat_rows_max = 256;
  // Codes of fewer dimensions say too little to be worth their memory.
  size_t coded_dimension_min = 64;
  // A graph is built from this many rows on, and dropped below half as many.
  size_t graph_rows_min = 512;                // index.kind = hnsw
  size_t graph_rows_min_automatic = 300'000;  // index.kind = auto
  // Rows outside the graph that are worth a new version of it: at least the first, and this share of the
  // graph.
  size_t fold_rows_min = 512;
  size_t fold_divisor = 16;
  // Dead rows of this share of the graph are worth building it anew.
  size_t dead_divisor = 5;
  // Dead rows that a graph may keep in memory, as a share of the live ones, before it is given up.
  size_t pinned_dead_divisor = 2;
  // Floats of vectors that one maintenance job adds to a graph: about half a second, so that
  // the jobs of other namespaces need not wait long for the one that is running.
  size_t job_floats = 200'000;
  // Rows that one job looks up for each that it may add: each takes a fraction of adding one.
  size_t look_ups_per_add = 4;
};

}  // namespace ferro::node::index
