#include "node/app/engine_options.h"

#include "node/app/environment.h"

namespace ferro::node::app {

namespace {

index::IndexKind index_kind(const std::string& name) {
  if (name == "flat") return index::IndexKind::flat;
  if (name == "hnsw") return index::IndexKind::hnsw;
  return index::IndexKind::automatic;
}

}  // namespace

engine::EngineOptions engine_options(const config::Config& config, bool salvage) {
  engine::EngineOptions options;
  options.data_folder = config.wal_path;
  options.node_id = config.node_id;
  options.cluster_id = config.cluster.id;
  options.index.kind = index_kind(config.index.kind);
  options.index.max_nb_connection = config.hnsw.max_nb_connection;
  options.index.ef_construction = config.hnsw.ef_construction;
  options.index.ef_search = config.hnsw.ef_search;
  options.index.max_elements = config.hnsw.max_elements;
  options.default_threshold = static_cast<float>(config.hnsw.default_threshold);
  options.max_entries_per_namespace = config.hnsw.max_entries_per_namespace.value_or(0);
  options.memory_max_bytes =
      config.memory.max_bytes != 0 ? config.memory.max_bytes : config::default_memory_budget();
  options.default_ttl_seconds = config.default_ttl_seconds.value_or(0);
  options.conversation_ttl_seconds = config.conversation_ttl_seconds.value_or(0);
  options.expire_scan_interval_ms = config.expire_scan_interval_secs * 1000;
  options.wal_segment_bytes = config.wal.segment_bytes;
  options.wal_sync = config.wal.sync;
  options.wal_batch_size = config.wal_batch_size;
  options.wal_batch_timeout_ms = config.wal_batch_timeout_ms;
  options.compact_interval_inserts = config.compact_interval_inserts;
  options.snapshot_retention = config.snapshot.retention;
  options.salvage = salvage;
  options.boot_id = boot_id();
  // A node alone has nobody who could bring a deleted entry back.
  if (config.cluster.enabled)
    options.tombstone_retention_ms = static_cast<int64_t>(config.cluster.tombstone_retention_seconds) * 1000;
  return options;
}

http::ServerOptions server_options(const config::Config& config) {
  http::ServerOptions options;
  options.bind = config.http.bind;
  options.port = config.port;
  options.threads = config.http.threads;
  options.max_connections = config.http.max_connections;
  options.max_body_bytes = config.http.max_body_bytes;
  options.max_header_bytes = config.http.max_header_bytes;
  options.max_inflight_requests = config.http.max_inflight_requests;
  options.read_timeout_seconds = config.http.read_timeout_seconds;
  options.write_timeout_seconds = config.http.write_timeout_seconds;
  options.idle_timeout_seconds = config.http.idle_timeout_seconds;
  options.shutdown_timeout_seconds = config.http.shutdown_timeout_seconds;
  return options;
}

}  // namespace ferro::node::app
