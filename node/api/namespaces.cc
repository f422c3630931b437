// GET /namespaces, DELETE /namespaces/{name} and DELETE /namespaces?model_id=...
#include <utility>

#include "common/base/limits.h"
#include "node/api/answer.h"
#include "node/api/fields.h"
#include "node/api/handlers.h"
#include "node/api/json_write.h"
#include "node/api/parameters.h"
#include "node/api/visible_namespaces.h"

namespace ferro::node::api {
namespace {

Result<cache::ListRequest> read_listing(const http::Request& request) {
  cache::ListRequest listing;
  listing.prefix = request.parameter("prefix").value_or("");
  listing.after = request.parameter("after").value_or("");
  FERRO_ASSIGN_OR_RETURN(listing.limit, count_parameter(request, "limit", limits::kNamespacesListed, 1,
                                                        limits::kNamespacesListedMax));
  return listing;
}

void append_namespace(const store::NamespaceStats& stats, const std::string& name, JsonWriter& json) {
  json.begin_object().key("name").string(name).key("model_id").string(stats.key.model_id);
  if (!stats.key.scope.empty()) json.key("cache_scope").string(stats.key.scope);
  if (stats.key.is_conversation()) json.key("conversation_id").string(stats.key.conversation);
  json.key("entry_count").number(stats.entry_count).key("dimension").number(stats.dimension);
  json.key("bytes").number(stats.bytes).end_object();
}

std::string listing_json(const VisibleNamespaces& visible) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("namespaces").begin_array();
  for (const store::NamespaceStats& stats : visible.page)
    append_namespace(stats, model::printed_name(stats.key), json);
  json.end_array();
  if (visible.more) json.key("next").string(model::printed_name(visible.page.back().key));
  json.end_object();
  return body;
}

void drop(Call&& call, const Result<model::NamespaceKey>& ns) {
  if (!ns.ok()) return call.reply(error_answer(ns.status()));
  call.backend.cache.drop_namespace(*ns, [reply =
                                              share(std::move(call.reply))](const Result<uint64_t>& dropped) {
    if (!dropped.ok()) return (*reply)(error_answer(dropped.status()));
    std::string body;
    JsonWriter json(body);
    json.begin_object().key("status").string("deleted").key("deleted_count").number(*dropped).end_object();
    (*reply)(json_answer(std::move(body)));
  });
}

}  // namespace

void handle_list_namespaces(Call&& call) {
  Result<cache::ListRequest> listing = read_listing(call.request);
  if (!listing.ok()) return call.reply(error_answer(listing.status()));
  const auto answer = [](http::Reply& reply, const Result<VisibleNamespaces>& visible) {
    reply(visible.ok() ? json_answer(listing_json(*visible)) : error_answer(visible.status()));
  };
  list_visible_namespaces(call.backend.cache, std::move(call.caller.fixed_scope), *std::move(listing),
                          on_own_core<Result<VisibleNamespaces>>(std::move(call.reply), answer));
}

void handle_drop_named_namespace(Call&& call) {
  Result<model::NamespaceKey> ns = model::parse_printed_name(call.segment);
  if (ns.ok() && call.caller.fixed_scope && ns->scope.empty()) {
    ns = Status(StatusCode::permission_denied, "this token is limited to cache_scope '" +
                                                   *call.caller.fixed_scope + "': name a namespace of it");
  } else if (ns.ok()) {
    ns = namespace_for(call.caller, ns->model_id, ns->scope, ns->conversation);
  }
  drop(std::move(call), ns);
}

void handle_drop_namespace(Call&& call) {
  Result<NamespaceFilter> filter = namespace_filter(call.request, call.caller);
  if (!filter.ok()) return call.reply(error_answer(filter.status()));
  if (!filter->ns) {
    return call.reply(error_answer(400,
                                   "model_id is missing: name the namespace as /namespaces/{name} or as "
                                   "?model_id=...&cache_scope=...&conversation_id=..."));
  }
  drop(std::move(call), *std::move(filter->ns));
}

}  // namespace ferro::node::api
