// The records that the engine keeps in snapshot files: docs/formats/snapshot.md, "Records of the node".
#pragma once

#include <string>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/time/hlc.h"
#include "node/model/namespace_key.h"

namespace ferro::node::engine {

enum class SnapshotRecord : uint8_t {
  entry = 1,        // an encoded put
  graph = 2,        // a namespace and its index graph, after the namespace's entries
  clock = 3,        // the newest stamp ever issued or seen
  removal = 4,      // an encoded delete or drop: a tombstone or floor, after all entries
  collected = 128,  // up to when deletes have been given up, after the removals
};

// Types from here on may be skipped by a reader that does not know them; unknown lower ones may not.
inline constexpr uint8_t kOptionalRecordMin = 128;

void encode_graph_record(const model::NamespaceKey& ns, std::string_view graph, std::string& out);
struct GraphRecord {
  model::NamespaceKey ns;
  Bytes graph;  // into the payload
};
Result<GraphRecord> decode_graph_record(Bytes payload);

void encode_clock_record(const Hlc& newest, std::string& out);
Result<Hlc> decode_clock_record(Bytes payload);

void encode_collected_record(int64_t upto_ms, std::string& out);
Result<int64_t> decode_collected_record(Bytes payload);

}  // namespace ferro::node::engine
