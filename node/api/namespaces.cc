// GET /namespaces, DELETE /namespaces/{name} and DELETE /namespaces?model_id=...
#include <utility>
#include <vector>

#include "common/base/limits.h"
#include "node/api/answer.h"
#include "node/api/fields.h"
#include "node/api/handlers.h"
#include "node/api/json_write.h"
#include "node/api/parameters.h"

namespace ferro::node::api {
namespace {

struct Listing {
  std::string prefix, after;
  size_t limit = 0;
};

Result<Listing> read_listing(const http::Request& request) {
  Listing listing;
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

// One page of what the caller may see, and whether there is more behind it. Names of other scopes show
// nowhere, not even in `next`; for that a caller with a fixed scope pays a walk over the namespaces in
// between.
std::vector<store::NamespaceStats> visible_page(const engine::Engine& engine, const Caller& caller,
                                                const Listing& listing, bool& more) {
  const int64_t now_ms = engine.now_ms();
  const size_t wanted = listing.limit + 1;
  const size_t step = caller.fixed_scope ? limits::kNamespacesListedMax : wanted;
  std::vector<store::NamespaceStats> page;
  std::string after = listing.after;
  for (bool last = false; !last && page.size() < wanted;) {
    std::vector<store::NamespaceStats> part = engine.store().namespaces(now_ms, listing.prefix, after, step);
    last = part.size() < step;
    if (!part.empty()) after = model::printed_name(part.back().key);
    for (store::NamespaceStats& stats : part) {
      if (page.size() < wanted && (!caller.fixed_scope || stats.key.scope == *caller.fixed_scope)) {
        page.push_back(std::move(stats));
      }
    }
  }
  more = page.size() == wanted;
  if (more) page.pop_back();
  return page;
}

std::string list_namespaces(const engine::Engine& engine, const Caller& caller, const Listing& listing) {
  bool more = false;
  const std::vector<store::NamespaceStats> page = visible_page(engine, caller, listing, more);
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("namespaces").begin_array();
  for (const store::NamespaceStats& stats : page)
    append_namespace(stats, model::printed_name(stats.key), json);
  json.end_array();
  if (more) json.key("next").string(model::printed_name(page.back().key));
  json.end_object();
  return body;
}

void drop(Call&& call, const Result<model::NamespaceKey>& ns) {
  if (!ns.ok()) return call.reply(error_answer(ns.status()));
  call.backend.engine.drop_namespace(*ns, [reply = share(std::move(call.reply))](
                                              const Result<uint64_t>& dropped) {
    if (!dropped.ok()) return (*reply)(error_answer(dropped.status()));
    std::string body;
    JsonWriter json(body);
    json.begin_object().key("status").string("deleted").key("deleted_count").number(*dropped).end_object();
    (*reply)(json_answer(std::move(body)));
  });
}

}  // namespace

void handle_list_namespaces(Call&& call) {
  const Result<Listing> listing = read_listing(call.request);
  if (!listing.ok()) return call.reply(error_answer(listing.status()));
  call.reply(json_answer(list_namespaces(call.backend.engine, call.caller, *listing)));
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
