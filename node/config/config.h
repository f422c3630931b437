// The effective configuration: every key of docs/configuration.md, typed and checked. A value once loaded;
// read-only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace ferro::node::config {

// Of the protocol between nodes: node_app holds them against those that node/cluster speaks.
inline constexpr uint64_t kProtocolVersionOldest = 1, kProtocolVersionNewest = 3;

struct Config {
  // top level
  uint16_t port = 3000;
  std::string node_id;  // empty = stored in the data folder, made once
  std::string wal_path = "./ferrocache.wal";
  Secret auth_token;
  std::string auth_token_file;
  uint64_t wal_batch_size = 256;
  uint64_t wal_batch_timeout_ms = 1;
  uint64_t compact_interval_inserts = 10'000;
  uint64_t expire_scan_interval_secs = 60;
  std::optional<uint64_t> conversation_ttl_seconds;
  std::optional<uint64_t> default_ttl_seconds;

  struct Hnsw {
    uint64_t max_nb_connection = 16, ef_construction = 200, ef_search = 32, max_elements = 100'000;
    double default_threshold = 0.92;
    std::optional<uint64_t> max_entries_per_namespace;
  } hnsw;
  struct Index {
    std::string kind = "auto";  // auto, flat, hnsw
  } index;
  struct Http {
    std::string bind = "0.0.0.0";
    uint64_t threads = 0;  // 0 = cores
    uint64_t max_connections = 10'000;
    uint64_t max_body_bytes = 33'554'432, max_header_bytes = 65'536;
    bool metrics_auth = false;
    // Seconds without progress before a connection is closed: reading a request, writing an answer, idle
    // keep-alive.
    uint64_t read_timeout_seconds = 30, write_timeout_seconds = 30, idle_timeout_seconds = 120;
    uint64_t max_inflight_requests = 4096;  // admitted at once, beyond: 503
    uint64_t shutdown_timeout_seconds = 20;
    struct Tls {
      std::string cert_path, key_path, client_ca_path;
    } tls;
  } http;
  struct Limits {
    uint64_t max_response_bytes = 1'048'576, max_batch_items = 1000;
  } limits;
  struct Memory {
    uint64_t max_bytes = 0;  // 0 = 80 % of the cgroup's or machine's memory
  } memory;
  struct Wal {
    uint64_t segment_bytes = 16'777'216;
    bool sync = true;
  } wal;
  struct Snapshot {
    uint64_t retention = 2;
  } snapshot;
  struct Metrics {
    uint64_t max_namespaces = 100;
  } metrics;
  struct Log {
    std::string level = "info";   // trace, debug, info, warn, error, off
    std::string format = "auto";  // auto (text on a terminal, else json), text, json
  } log;
  struct Cluster {
    bool enabled = false;
    std::string id = "ferrocache";
    std::vector<std::string> seed_nodes;
    std::string gossip_addr, api_addr;
    uint64_t virtual_nodes = 64, replication_factor = 2, max_replication_retries = 3;
    double phi_threshold = 8.0;
    bool read_repair_enabled = true, dead_node_removal_enabled = true;
    std::string write_consistency = "all";  // one, quorum, all
    uint64_t re_replicate_after_seconds = 30, request_timeout_ms = 1000;
    uint64_t hint_max_bytes = 268'435'456, hint_max_age_seconds = 3600;
    uint64_t repair_interval_seconds = 30, repair_bytes_per_second = 33'554'432;
    uint64_t tombstone_retention_seconds = 86'400, forget_after_seconds = 3600;
    uint64_t gossip_interval_ms = 500;
    uint64_t protocol_version_max = kProtocolVersionNewest;
    uint64_t split_entries = 250'000, split_bytes = uint64_t{2} << 30;
    struct Tls {
      bool enabled = false;
      std::string ca_cert_path, node_cert_path, node_key_path;
      uint64_t internal_port = 0;  // 0 = port + 1000
    } tls;
  } cluster;
};

// The ports beside `port`, 0 = any free one (only where `port` itself is 0): of the HTTP API under mutual TLS
// and of the node-to-node protocol.
inline constexpr uint64_t kInternalPortOffset = 1000, kGossipPortOffset = 2000;
uint64_t internal_port_of(const Config& config);
uint64_t gossip_port_of(const Config& config);

enum class Mode : uint8_t { run, check_config, print_config, help, version, health };

// What the command line asked for.
struct Invocation {
  Mode mode = Mode::run;
  bool salvage = false;
  Config config;
  std::string printed;  // for print_config: one `key = value  # source` line a key, secrets masked
};

using Environment = std::map<std::string, std::string>;

// Precedence: command line > environment > file > default. The Status message is one line naming the key, the
// value and the allowed range. Reads the named file, or ferrocache.toml in the working directory if there is
// one.
Result<Invocation> load(const std::vector<std::string>& arguments, const Environment& environment);
std::string help_text();
// Names of the keys whose values differ: what a reload would change.
std::vector<std::string> changed_keys(const Config& before, const Config& after);
// 80 % of the smaller of the cgroup's limit (v2, v1) and the machine's memory.
uint64_t default_memory_budget();

}  // namespace ferro::node::config
