#include "node/engine/snapshot_records.h"

namespace ferro::node::engine {

void encode_graph_record(const model::NamespaceKey& ns, std::string_view graph, std::string& out) {
  ByteWriter writer(out);
  writer.text(ns.model_id);
  writer.text(ns.scope);
  writer.text(ns.conversation);
  writer.raw(as_bytes(graph));
}

Result<GraphRecord> decode_graph_record(Bytes payload) {
  ByteReader reader(payload);
  GraphRecord record;
  record.ns.model_id = reader.text();
  record.ns.scope = reader.text();
  record.ns.conversation = reader.text();
  record.graph = reader.raw(reader.left());
  if (reader.failed() || record.ns.model_id.empty())
    return Status::data_loss("a graph record cannot be read");
  return record;
}

void encode_clock_record(const Hlc& newest, std::string& out) {
  ByteWriter writer(out);
  writer.u64(newest.ticks);
  writer.u32(newest.node);
}

Result<Hlc> decode_clock_record(Bytes payload) {
  ByteReader reader(payload);
  Hlc newest;
  newest.ticks = reader.u64();
  newest.node = reader.u32();
  if (reader.failed() || !reader.done()) return Status::data_loss("a clock record cannot be read");
  return newest;
}

void encode_collected_record(int64_t upto_ms, std::string& out) {
  ByteWriter(out).u64(static_cast<uint64_t>(upto_ms));
}

Result<int64_t> decode_collected_record(Bytes payload) {
  ByteReader reader(payload);
  const uint64_t upto_ms = reader.u64();
  if (reader.failed() || !reader.done() || upto_ms > INT64_MAX) {
    return Status::data_loss("a record of collected deletes cannot be read");
  }
  return static_cast<int64_t>(upto_ms);
}

}  // namespace ferro::node::engine
