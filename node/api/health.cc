// GET /health, /livez and /readyz: open to everybody, cheap, and without secrets.
#include <string>
#include <utility>

#include "node/api/answer.h"
#include "node/api/handlers.h"
#include "node/api/json_write.h"

namespace ferro::node::api {
namespace {

// A node that is being emptied answers well, but will be gone: balancers are to look elsewhere before it is.
Status cluster_readiness(const cluster::ClusterNode& node) {
  FERRO_RETURN_IF_ERROR(node.readiness());
  const std::string state = node.status().state;
  if (state != "leaving" && state != "drained") return {};
  return Status::unavailable("the node is being drained before it leaves the cluster");
}

}  // namespace

void handle_health(Call&& call) {
  const engine::Engine& engine = call.backend.engine;
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("status").string("ok").key("node_id").string(engine.options().node_id);
  json.key("entry_count").number(engine.store().live_entries(engine.now_ms())).end_object();
  call.reply(json_answer(std::move(body)));
}

void handle_livez(Call&& call) {
  call.reply(json_answer(R"({"status":"ok"})"));
}

void handle_readyz(Call&& call) {
  Status readiness = call.backend.engine.readiness();
  if (readiness.ok() && call.backend.cluster != nullptr) readiness = cluster_readiness(*call.backend.cluster);
  if (call.backend.stopping.load()) readiness = Status::unavailable("the node is shutting down");
  if (readiness.ok()) return call.reply(json_answer(R"({"status":"ready"})"));
  http::Response response = error_answer(503, readiness.message());
  response.body.clear();
  JsonWriter json(response.body);
  json.begin_object().key("status").string("not_ready").key("reason").string(readiness.message());
  json.key("error").string(readiness.message()).end_object();
  call.reply(std::move(response));
}

}  // namespace ferro::node::api
