// GET and DELETE /entry/{id}, GET /internal/entry/{id}.
#include "node/api/entry.h"

#include <algorithm>
#include <utility>

#include "node/api/answer.h"
#include "node/api/fields.h"
#include "node/api/handlers.h"
#include "node/api/json_write.h"
#include "node/api/parameters.h"

namespace ferro::node::api {
namespace {

Status entry_not_found() {
  return Status::not_found("entry not found");
}

void append_texts(const store::EntryView& entry, JsonWriter& json) {
  json.key("tags").begin_array();
  for (const std::string& tag : entry.tags) json.string(tag);
  json.end_array().key("attributes").begin_object();
  for (const auto& [attribute, value] : entry.attributes) json.key(attribute).string(value);
  json.end_object();
}

// Answers the newest entry of the id that the caller may see, or its namespace names.
void read_entry(Call&& call, cache::Reach reach, bool with_vector, ModelName name) {
  Result<NamespaceFilter> filter = namespace_filter(call.request, call.caller);
  if (!filter.ok()) return call.reply(error_answer(filter.status()));
  if (!is_entry_id(call.segment)) return call.reply(error_answer(entry_not_found()));  // nobody is asked
  cache::FindRequest request{std::move(call.segment), filter->ns, with_vector};
  const auto answer = [filter = *std::move(filter), name](
                          http::Reply& reply, const Result<std::vector<store::EntryView>>& entries) {
    if (!entries.ok()) return reply(error_answer(entries.status()));
    const auto found = std::find_if(entries->begin(), entries->end(),
                                    [&](const store::EntryView& entry) { return filter.admits(entry.ns); });
    reply(found == entries->end() ? error_answer(entry_not_found()) : json_answer(entry_json(*found, name)));
  };
  call.backend.cache.find(std::move(request), reach,
                          on_own_core<Result<std::vector<store::EntryView>>>(std::move(call.reply), answer));
}

}  // namespace

std::string entry_json(const store::EntryView& entry, ModelName name) {
  std::string body;
  body.reserve(entry.response.size() + entry.query_text.size() + 512);
  JsonWriter json(body);
  json.begin_object().key("id").string(entry.id);
  json.key("response").string(entry.response).key("query_text").string(entry.query_text);
  json.key("model_id").string(name == ModelName::model ? entry.ns.model_id : model::printed_name(entry.ns));
  if (!entry.ns.scope.empty()) json.key("cache_scope").string(entry.ns.scope);
  if (entry.ns.is_conversation()) json.key("conversation_id").string(entry.ns.conversation);
  append_texts(entry, json);
  if (entry.has_cost) json.key("cost").number(entry.cost);
  json.key("inserted_at").number(entry.inserted_at_ms / 1000);
  if (entry.expires_at_ms != 0) json.key("expires_at").number(entry.expires_at_ms / 1000);
  json.key("last_accessed_at").number(entry.last_accessed_at_ms / 1000);
  json.key("access_count").number(entry.access_count);
  if (!entry.vector.empty()) {
    json.key("embedding").begin_array();
    for (const float value : entry.vector) json.number(value);
    json.end_array();
  }
  json.end_object();
  return body;
}

void handle_read_entry(Call&& call) {
  const Result<bool> with_vector = switch_parameter(call.request, "vector");
  const Result<Routing> routing = routing_of(call.request);
  if (!with_vector.ok()) return call.reply(error_answer(with_vector.status()));
  if (!routing.ok()) return call.reply(error_answer(routing.status()));
  read_entry(std::move(call), routing->reach, *with_vector, ModelName::model);
}

void handle_read_internal_entry(Call&& call) {
  read_entry(std::move(call), cache::Reach::here, true, ModelName::printed_namespace);
}

void handle_delete_entry(Call&& call) {
  const Result<Routing> routing = routing_of(call.request);
  Result<NamespaceFilter> filter = namespace_filter(call.request, call.caller);
  if (!routing.ok()) return call.reply(error_answer(routing.status()));
  if (!filter.ok()) return call.reply(error_answer(filter.status()));
  if (!is_entry_id(call.segment)) return call.reply(error_answer(entry_not_found()));
  engine::RemoveRequest request;
  request.id = std::move(call.segment);
  request.ns = std::move(filter->ns);
  request.scope = std::move(filter->scope);
  call.backend.cache.remove(std::move(request), routing->reach,
                            [reply = share(std::move(call.reply))](const Result<uint64_t>& removed) {
                              if (removed.ok()) {
                                return (*reply)(json_answer(R"({"status":"deleted","deleted":true})"));
                              }
                              const bool gone = removed.status().code() == StatusCode::not_found;
                              (*reply)(error_answer(gone ? entry_not_found() : removed.status()));
                            });
}

}  // namespace ferro::node::api
