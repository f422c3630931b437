// GET /cluster/status of a node that stands alone: the members' part of the contract and what an operator
// looks at.
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "node/api/answer.h"
#include "node/api/handlers.h"

namespace ferro::node::api {
namespace {

using nlohmann::ordered_json;

void add_state(const Backend& backend, ordered_json& answer) {
  const Status readiness = backend.engine.readiness();
  const bool draining = backend.stopping.load();
  answer["state"] = draining ? "draining" : readiness.ok() ? "ready" : "not_ready";
  if (!readiness.ok()) answer["reason"] = readiness.message();
}

void add_positions(const engine::EngineFigures& figures, ordered_json& answer) {
  answer["wal"] = {
      {"sequence", figures.wal_sequence}, {"bytes", figures.wal_bytes}, {"segments", figures.wal_segments}};
  answer["snapshot"] = {{"number", figures.snapshot_number},
                        {"wal_sequence", figures.snapshot_wal_sequence},
                        {"bytes", figures.snapshot_bytes},
                        {"kept", figures.snapshots_kept},
                        {"created_at", figures.snapshot_created_at_ms / 1000},
                        {"last_attempt_failed", figures.snapshot_failed}};
  answer["entry_count"] = figures.live_entries;
  answer["memory"] = {{"bytes", figures.memory_bytes}, {"max_bytes", figures.memory_max_bytes}};
}

void add_credentials(const Backend& backend, ordered_json& answer) {
  const auto certificate = backend.options.certificate ? backend.options.certificate() : std::nullopt;
  if (certificate) {
    answer["certificate"] = {{"fingerprint_sha256", certificate->fingerprint_sha256},
                             {"not_after", certificate->not_after_unix}};
  }
  const auto tokens = backend.tokens.current();
  answer["auth"] = {{"enabled", backend.tokens.enabled()},
                    {"token_generation", tokens->newest_generation()},
                    {"tokens", tokens->size()},
                    {"reloads", backend.tokens.reloads()},
                    {"last_reload_failed", backend.tokens.last_poll_failed()}};
}

}  // namespace

void handle_cluster_status(Call&& call) {
  const Backend& backend = call.backend;
  const std::string& node_id = backend.engine.options().node_id;
  ordered_json answer = {{"mode", "single"}, {"node_id", node_id}, {"self_node_id", node_id}};
  answer["nodes"] = {node_id};
  answer["node_count"] = 1;
  answer["peers"] = ordered_json::array();
  answer["peer_health"] = ordered_json::object();
  answer["dead_nodes"] = ordered_json::array();
  answer["ring_size"] = 1;
  answer["read_repair_enabled"] = backend.options.read_repair_enabled;
  answer["partitions"] = ordered_json::array();
  add_state(backend, answer);
  add_positions(backend.engine.figures(), answer);
  add_credentials(backend, answer);
  answer["version"] = backend.options.version;
  call.reply(json_answer(answer.dump(-1, ' ', false, ordered_json::error_handler_t::replace)));
}

}  // namespace ferro::node::api
