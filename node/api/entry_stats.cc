// GET /admin/entry-stats: the most-read entries of each namespace.
#include <string>
#include <utility>

#include "common/base/limits.h"
#include "node/api/answer.h"
#include "node/api/handlers.h"
#include "node/api/json_write.h"
#include "node/model/namespace_key.h"

namespace ferro::node::api {
namespace {

bool may_see(const Caller& caller, const std::string& printed_name) {
  if (!caller.fixed_scope) return true;
  const Result<model::NamespaceKey> key = model::parse_printed_name(printed_name);
  return key.ok() && key->scope == *caller.fixed_scope;
}

std::string tops_json(const Caller& caller, cache::TopList tops) {
  const bool more = tops.size() > limits::kNamespacesListedMax;
  if (more) tops.resize(limits::kNamespacesListedMax);
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("namespaces").begin_object();
  for (const auto& [name, entries] : tops) {
    if (!may_see(caller, name)) continue;
    json.key(name).begin_array();
    for (const store::TopEntry& entry : entries) {
      json.begin_object().key("uuid").string(entry.id).key("access_count").number(entry.access_count);
      json.key("last_accessed_at").number(entry.last_accessed_at_ms / 1000);
      json.key("query_text_preview").string(entry.query_text_preview).end_object();
    }
    json.end_array();
  }
  json.end_object().key("namespaces_truncated").boolean(more).end_object();
  return body;
}

}  // namespace

void handle_entry_stats(Call&& call) {
  const auto answer = [caller = std::move(call.caller)](http::Reply& reply,
                                                        const Result<cache::TopList>& tops) {
    reply(tops.ok() ? json_answer(tops_json(caller, *tops)) : error_answer(tops.status()));
  };
  call.backend.cache.top_entries(limits::kEntryStatsTop, limits::kNamespacesListedMax + 1,
                                 on_own_core<Result<cache::TopList>>(std::move(call.reply), answer));
}

}  // namespace ferro::node::api
