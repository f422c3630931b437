// The graph as bytes, to travel in snapshots beside the entries that it links.
//
// Format, little-endian: u32 magic "FGRF", u16 version 1, u32 dimension, u32 max_nb_connection, u32 elements,
// u32 entry element; then each element: u32 ordinal of its entry in the snapshot, or 0xFFFFFFFF followed by
// `dimension` f32 (a dead row that walks lead through); u8 flags (1 = walks find it); u8 level; for each
// level from 0: u16 links, each u32. Nothing behind it. Integrity is the snapshot's checksum; decoding still
// takes no byte on trust, since a wrong link would be a wild read.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "node/index/graph.h"
#include "node/index/row_arena.h"
#include "node/index/row_set.h"
#include "node/index/vector_index.h"

namespace ferro::node::index {

// See VectorIndex::save_graph. Inside a guard.
void encode_graph(const Graph& graph, const RowSet& covered, const RowArena& arena,
                  const std::function<uint32_t(Row)>& ordinal_of, std::string& out);

struct DecodedGraph {
  GraphParts parts;  // rows: kNoRow for those in `dead`
  struct DeadVector {
    uint32_t element;
    Bytes vector;  // dimension f32, into the decoded bytes
  };
  std::vector<DeadVector> dead;
  RowSet covered;  // live rows only
};

// `row_of[ordinal]` = live row of that entry. data_loss says what is wrong; failed_precondition if it was
// built with another max_nb_connection.
Result<DecodedGraph> decode_graph(Bytes saved, const RowArena& arena, size_t max_nb_connection,
                                  std::span<const Row> row_of);

}  // namespace ferro::node::index
