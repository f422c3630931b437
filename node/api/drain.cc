// POST and DELETE /admin/drain: empties this node before it leaves its cluster, or thinks better of it.
#include <string>
#include <utility>

#include "node/api/answer.h"
#include "node/api/cluster_json.h"
#include "node/api/handlers.h"
#include "node/api/json_write.h"

namespace ferro::node::api {
namespace {

http::Response nobody_else() {
  return error_answer(
      409,
      "this node runs alone, nobody can take over its entries: set cluster.enabled and cluster.seed_nodes");
}

http::Response progress(std::string_view word, const cluster::ClusterStatus& status, unsigned http_status) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("status").string(word).key("drained").boolean(status.drained);
  append_transfer("drain", status.drain, json);
  json.end_object();
  return json_answer(std::move(body), http_status);
}

}  // namespace

// 202 while entries are on their way, 200 when nothing is left that only this node holds.
void handle_start_drain(Call&& call) {
  cluster::ClusterNode* const node = call.backend.cluster;
  if (node == nullptr) return call.reply(nobody_else());
  node->start_drain(
      on_own_core<Status>(std::move(call.reply), [node](http::Reply& reply, const Status& started) {
        if (!started.ok()) return reply(error_answer(started));
        const cluster::ClusterStatus status = node->status();
        reply(status.drained ? progress("drained", status, 200) : progress("draining", status, 202));
      }));
}

void handle_cancel_drain(Call&& call) {
  cluster::ClusterNode* const node = call.backend.cluster;
  if (node == nullptr) return call.reply(nobody_else());
  node->cancel_drain(
      on_own_core<Status>(std::move(call.reply), [node](http::Reply& reply, const Status& done) {
        reply(done.ok() ? progress("cancelled", node->status(), 200) : error_answer(done));
      }));
}

}  // namespace ferro::node::api
