// POST /query and POST /query/batch. A query runs to its end on the core that read it.
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "node/api/answer.h"
#include "node/api/fields.h"
#include "node/api/handlers.h"
#include "node/api/json_read.h"
#include "node/api/json_write.h"
#include "node/api/parameters.h"

namespace ferro::node::api {
namespace {

void append_attributes(const model::Attributes& attributes, JsonWriter& json) {
  json.key("attributes").begin_object();
  for (const auto& [name, value] : attributes) json.key(name).string(value);
  json.end_object();
}

// What a hit and each of its matches have in common, in an object that the caller opened.
void append_hit(const store::Hit& hit, int64_t now_ms, JsonWriter& json) {
  json.key("id").string(hit.id).key("response").string(hit.response);
  json.key("similarity").number(hit.similarity).key("exact_match").boolean(hit.exact_match);
  json.key("query_text").string(hit.query_text);
  append_attributes(hit.attributes, json);
  json.key("age_seconds").number(std::max<int64_t>(0, now_ms - hit.inserted_at_ms) / 1000);
  if (hit.expires_at_ms != 0) {
    // Rounded up: what is served has a moment left.
    json.key("ttl_remaining").number((std::max<int64_t>(0, hit.expires_at_ms - now_ms) + 999) / 1000);
  }
}

void append_lookup(const engine::LookupRequest& request, const engine::LookupResult& result,
                   std::string& out) {
  JsonWriter json(out);
  json.begin_object().key("hit").boolean(!result.hits.empty());
  if (!result.hits.empty()) {
    append_hit(result.hits.front(), result.now_ms, json);
    if (request.ns.is_conversation()) {
      json.key("scope").string(result.from_conversation ? "conversation" : "global");
    }
  }
  if (request.top_k > 1) {
    json.key("matches").begin_array();
    for (const store::Hit& hit : result.hits) {
      json.begin_object();
      append_hit(hit, result.now_ms, json);
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
}

// Looks up what the fields ask for and appends the answer.
Status answer_query(const Fields& fields, const Call& call, std::string& out) {
  thread_local std::vector<float> scratch;
  FERRO_ASSIGN_OR_RETURN(Lookup lookup, lookup_of(fields, call.caller, scratch));
  lookup.request.attributes = lookup.attributes.empty() ? nullptr : &lookup.attributes;
  FERRO_ASSIGN_OR_RETURN(const engine::LookupResult result, call.backend.engine.lookup(lookup.request));
  append_lookup(lookup.request, result, out);
  return {};
}

Status read_and_answer_query(const Call& call, std::string& out) {
  FERRO_RETURN_IF_ERROR(check_routing_switches(call.request));
  thread_local Fields fields;
  FERRO_RETURN_IF_ERROR(JsonReader::of_this_thread().read_object(call.request.body, kQueryFields, fields));
  return answer_query(fields, call, out);
}

}  // namespace

void handle_query(Call&& call) {
  const int64_t started_ns = call.backend.clock.steady_ns();
  std::string body;
  const Status status = read_and_answer_query(call, body);
  if (!status.ok()) return call.reply(error_answer(status));
  call.backend.metrics.observe_query_ns(static_cast<uint64_t>(call.backend.clock.steady_ns() - started_ns));
  call.reply(json_answer(std::move(body)));
}

void handle_query_batch(Call&& call) {
  std::vector<Fields> items;
  Status status = check_routing_switches(call.request);
  if (status.ok()) {
    status = JsonReader::of_this_thread().read_items(call.request.body, kQueryFields,
                                                     call.backend.options.max_batch_items, items);
  }
  if (!status.ok()) return call.reply(error_answer(status));

  std::string body = R"({"results":[)";
  for (const Fields& item : items) {
    if (body.back() != '[') body += ',';
    if (body.size() > limits::kBatchAnswerBytesMax) {
      append_item_error(
          {StatusCode::too_large, "the answers before this one fill the batch: ask for it in another"}, body);
      continue;
    }
    const int64_t started_ns = call.backend.clock.steady_ns();
    const Status answered = answer_query(item, call, body);
    if (!answered.ok()) {
      append_item_error(answered, body);
      continue;
    }
    call.backend.metrics.observe_query_ns(static_cast<uint64_t>(call.backend.clock.steady_ns() - started_ns));
  }
  body += "]}";
  call.reply(json_answer(std::move(body)));
}

}  // namespace ferro::node::api
