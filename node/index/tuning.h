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
  size_t graph_rows_min_automatic = 200'000;  // index.kind = auto
  // Rows outside the graph that are worth a new version of it: at least the first, and this share of the
  // graph.
  size_t fold_rows_min = 512;
  size_t fold_divisor = 16;
  // Dead rows of this share of the graph are worth building it anew.
  size_t dead_divisor = 5;
  // Dead rows that a graph may keep in memory, as a share of the live ones, before it is given up.
  size_t pinned_dead_divisor = 2;
  // Rows that one maintenance job adds: about half a second, so that a stopping node need not wait long.
  size_t job_rows = 1024;
  // Rows that one maintenance job looks up in a finished graph, each a fraction of adding one.
  size_t job_look_ups = 4096;
};

}  // namespace ferro::node::index
