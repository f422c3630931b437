#include "node/api/lookup_json.h"

#include <algorithm>

#include "node/api/json_write.h"

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

}  // namespace

void append_lookup(const LookupShape& shape, const engine::LookupResult& result, std::string& out) {
  JsonWriter json(out);
  json.begin_object().key("hit").boolean(!result.hits.empty());
  if (!result.hits.empty()) {
    append_hit(result.hits.front(), result.now_ms, json);
    if (shape.names_conversation) {
      json.key("scope").string(result.from_conversation ? "conversation" : "global");
    }
  }
  if (shape.with_matches) {
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

}  // namespace ferro::node::api
