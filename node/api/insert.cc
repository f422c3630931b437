// POST /insert and POST /insert/batch.
#include <utility>
#include <vector>

#include "node/api/answer.h"
#include "node/api/fields.h"
#include "node/api/handlers.h"
#include "node/api/json_read.h"
#include "node/api/json_write.h"
#include "node/api/parameters.h"

namespace ferro::node::api {
namespace {

void append_inserted(std::string_view id, std::string& out) {
  JsonWriter json(out);
  json.begin_object().key("id").string(id).key("status").string("ok").end_object();
}

// Some of a batch's items never reach the cache; the answer has them all in their order. `refused`: one an
// item; ok = the next of the results.
http::Response batch_answer(const std::vector<Status>& refused,
                            const std::vector<Result<std::string>>& results) {
  std::string body = R"({"results":[)";
  body.reserve(body.size() + refused.size() * 64);
  auto next = results.begin();
  for (size_t i = 0; i < refused.size(); ++i) {
    if (i > 0) body += ',';
    const Status status = refused[i].ok() ? next->status() : refused[i];
    if (status.ok()) {
      append_inserted(**next, body);
    } else {
      append_item_error(status, body);
    }
    if (refused[i].ok()) ++next;
  }
  body += "]}";
  return json_answer(std::move(body));
}

Result<engine::InsertRequest> read_insert(const Call& call) {
  Fields fields;
  FERRO_RETURN_IF_ERROR(JsonReader::of_this_thread().read_object(call.request.body, kInsertFields, fields));
  return insert_request_of(fields, call.caller, call.backend.options.max_response_bytes);
}

}  // namespace

void handle_insert(Call&& call) {
  const int64_t started_ns = call.backend.clock.steady_ns();
  const Result<Routing> routing = routing_of(call.request);
  if (!routing.ok()) return call.reply(error_answer(routing.status()));
  Result<engine::InsertRequest> request = read_insert(call);
  if (!request.ok()) return call.reply(error_answer(request.status()));
  call.backend.cache.insert(
      *std::move(request), routing->reach,
      [&backend = call.backend, started_ns, reply = share(std::move(call.reply))](Result<std::string> id) {
        if (!id.ok()) return (*reply)(error_answer(id.status()));
        std::string body;
        append_inserted(*id, body);
        backend.metrics.observe_insert_ns(static_cast<uint64_t>(backend.clock.steady_ns() - started_ns));
        (*reply)(json_answer(std::move(body)));
      });
}

void handle_insert_batch(Call&& call) {
  const ApiOptions& options = call.backend.options;
  std::vector<Fields> items;
  const Result<Routing> routing = routing_of(call.request);
  Status status = routing.status();
  if (status.ok()) {
    status = JsonReader::of_this_thread().read_items(call.request.body, kInsertFields,
                                                     options.max_batch_items, items);
  }
  if (!status.ok()) return call.reply(error_answer(status));

  std::vector<engine::InsertRequest> requests;
  std::vector<Status> refused;
  requests.reserve(items.size());
  refused.reserve(items.size());
  for (const Fields& item : items) {
    Result<engine::InsertRequest> request = insert_request_of(item, call.caller, options.max_response_bytes);
    refused.push_back(request.status());
    if (request.ok()) requests.push_back(*std::move(request));
  }
  const auto answer = [refused = std::move(refused)](http::Reply& reply,
                                                     const std::vector<Result<std::string>>& results) {
    reply(batch_answer(refused, results));
  };
  if (requests.empty()) return answer(call.reply, {});
  call.backend.cache.insert_batch(
      std::move(requests), routing->reach,
      on_own_core<std::vector<Result<std::string>>>(std::move(call.reply), answer));
}

}  // namespace ferro::node::api
