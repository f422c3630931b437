// GET and DELETE /entry/{id}, GET /internal/entry/{id}.
#include "node/api/entry.h"

#include <algorithm>
#include <utility>

#include "node/api/answer.h"
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

// The newest entry of the id that the caller may see, or its namespace names.
Result<store::EntryView> find_entry(const Call& call, bool with_vector) {
  FERRO_ASSIGN_OR_RETURN(const NamespaceFilter filter, namespace_filter(call.request, call.caller));
  std::vector<store::EntryView> entries = call.backend.engine.find(call.segment, with_vector);
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const store::EntryView& entry) { return filter.admits(entry.ns); });
  if (found == entries.end()) return entry_not_found();
  return std::move(*found);
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
  if (!with_vector.ok()) return call.reply(error_answer(with_vector.status()));
  const Result<store::EntryView> entry = find_entry(call, *with_vector);
  if (!entry.ok()) return call.reply(error_answer(entry.status()));
  call.reply(json_answer(entry_json(*entry, ModelName::model)));
}

void handle_read_internal_entry(Call&& call) {
  const Result<store::EntryView> entry = find_entry(call, true);
  if (!entry.ok()) return call.reply(error_answer(entry.status()));
  call.reply(json_answer(entry_json(*entry, ModelName::printed_namespace)));
}

void handle_delete_entry(Call&& call) {
  Status status = check_routing_switches(call.request);
  Result<NamespaceFilter> filter = namespace_filter(call.request, call.caller);
  if (status.ok()) status = filter.status();
  if (!status.ok()) return call.reply(error_answer(status));
  call.backend.engine.remove({std::move(call.segment), std::move(filter->ns), std::move(filter->scope)},
                             [reply = share(std::move(call.reply))](const Result<uint64_t>& removed) {
                               if (removed.ok()) {
                                 return (*reply)(json_answer(R"({"status":"deleted","deleted":true})"));
                               }
                               const bool gone = removed.status().code() == StatusCode::not_found;
                               (*reply)(error_answer(gone ? entry_not_found() : removed.status()));
                             });
}

}  // namespace ferro::node::api
