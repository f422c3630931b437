// GET /cluster/status: the members' part of the contract, and what an operator steers by.
#include <string>
#include <utility>

#include "node/api/answer.h"
#include "node/api/cluster_json.h"
#include "node/api/handlers.h"
#include "node/api/json_write.h"

namespace ferro::node::api {
namespace {

constexpr size_t kGenerationsShown = 16;  // the newest; a rotation has two

// One node is a cluster of one.
cluster::ClusterStatus alone(const std::string& node_id, bool ready) {
  cluster::ClusterStatus status;
  status.state = ready ? "ready" : "not_ready";
  status.nodes = {node_id};
  status.ring_members = 1;
  return status;
}

// In words of operators: what the process is up to comes before what the cluster says of it.
void append_state(const Backend& backend, const cluster::ClusterStatus& status, JsonWriter& json) {
  const Status readiness = backend.engine.readiness();
  std::string_view state = status.state == "leaving" ? "draining" : std::string_view(status.state);
  std::string reason = status.reason;
  if (!readiness.ok()) {
    state = "not_ready";
    reason = readiness.message();
  }
  if (backend.stopping.load()) state = "draining";
  json.key("state").string(state);
  if (!reason.empty()) json.key("reason").string(printable(reason));
}

void append_positions(const engine::EngineFigures& figures, JsonWriter& json) {
  json.key("wal").begin_object().key("sequence").number(figures.wal_sequence);
  json.key("bytes").number(figures.wal_bytes).key("segments").number(figures.wal_segments).end_object();
  json.key("snapshot").begin_object().key("number").number(figures.snapshot_number);
  json.key("wal_sequence").number(figures.snapshot_wal_sequence).key("bytes").number(figures.snapshot_bytes);
  json.key("kept").number(figures.snapshots_kept);
  json.key("created_at").number(figures.snapshot_created_at_ms / 1000);
  json.key("last_attempt_failed").boolean(figures.snapshot_failed);
  json.key("running").boolean(figures.snapshot_running).end_object();
  json.key("entry_count").number(figures.live_entries).key("dead_entries").number(figures.dead_entries);
  json.key("memory").begin_object().key("bytes").number(figures.memory_bytes);
  json.key("max_bytes").number(figures.memory_max_bytes).end_object();
}

void append_tokens(const security::TokenSource& source, JsonWriter& json) {
  const auto tokens = source.current();
  json.key("auth").begin_object().key("enabled").boolean(source.enabled());
  json.key("token_generation").number(tokens->newest_generation()).key("tokens").number(tokens->size());
  json.key("generations").begin_array();
  const std::vector<security::GenerationUse> uses = tokens->generations();
  for (size_t i = uses.size() - std::min(uses.size(), kGenerationsShown); i < uses.size(); ++i) {
    json.begin_object().key("generation").number(uses[i].generation).key("tokens").number(uses[i].tokens);
    json.key("last_used_at");
    uses[i].last_used_unix == 0 ? json.null() : json.number(uses[i].last_used_unix);
    json.end_object();
  }
  json.end_array().key("reloads").number(source.reloads());
  json.key("last_reload_failed").boolean(source.last_poll_failed()).end_object();
}

// Without TLS on the public port there is but one.
void append_certificates(const ApiOptions& options, JsonWriter& json) {
  const auto node = options.node_credentials ? options.node_credentials() : std::nullopt;
  const auto served = options.certificate ? options.certificate() : std::nullopt;
  if (served || node) {
    json.key("certificate").begin_object();
    if (served) {
      json.key("fingerprint_sha256").string(served->fingerprint_sha256);
      json.key("not_after").number(served->not_after_unix);
    } else {
      append_credentials(*node, json);
    }
    json.end_object();
  }
  if (node) {
    json.key("node_certificate").begin_object();
    append_credentials(*node, json);
    json.end_object();
  }
}

}  // namespace

void handle_cluster_status(Call&& call) {
  const Backend& backend = call.backend;
  const std::string& node_id = backend.engine.options().node_id;
  const bool clustered = backend.cluster != nullptr;
  const cluster::ClusterStatus status =
      clustered ? backend.cluster->status() : alone(node_id, backend.engine.readiness().ok());
  std::string body;
  body.reserve(4096 + status.partitions.size() * 128 + status.peers.size() * 1024);
  JsonWriter json(body);
  json.begin_object().key("mode").string(clustered ? "clustered" : "single");
  json.key("node_id").string(node_id).key("self_node_id").string(node_id);
  append_state(backend, status, json);
  append_members(status, json);
  json.key("read_repair_enabled").boolean(backend.options.read_repair_enabled);
  if (clustered) append_replication(status, backend.options, json);
  append_partitions(status, call.caller.fixed_scope, json);
  append_positions(backend.engine.figures(), json);
  append_certificates(backend.options, json);
  append_tokens(backend.tokens, json);
  json.key("started_at").number(backend.started_at_ms / 1000);
  json.key("version").string(backend.options.version).end_object();
  call.reply(json_answer(std::move(body)));
}

}  // namespace ferro::node::api
