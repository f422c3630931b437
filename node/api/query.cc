// POST /query. Runs to its end on the core that read it if the cache answers at once, as it does when this
// node holds the namespace.
#include <utility>
#include <vector>

#include "node/api/answer.h"
#include "node/api/fields.h"
#include "node/api/handlers.h"
#include "node/api/json_read.h"
#include "node/api/lookup_json.h"
#include "node/api/parameters.h"

namespace ferro::node::api {
namespace {

// `fields` and `scratch` outlive the lookup.
Result<Lookup> read_query(const Call& call, Fields& fields, std::vector<float>& scratch) {
  FERRO_RETURN_IF_ERROR(JsonReader::of_this_thread().read_object(call.request.body, kQueryFields, fields));
  return lookup_of(fields, call.caller, scratch);
}

}  // namespace

void handle_query(Call&& call) {
  const int64_t started_ns = call.backend.clock.steady_ns();
  thread_local Fields fields;
  thread_local std::vector<float> scratch;
  const Result<Routing> routing = routing_of(call.request);
  if (!routing.ok()) return call.reply(error_answer(routing.status()));
  Result<Lookup> lookup = read_query(call, fields, scratch);
  if (!lookup.ok()) return call.reply(error_answer(lookup.status()));
  engine::LookupRequest& request = lookup->request;
  request.attributes = lookup->attributes.empty() ? nullptr : &lookup->attributes;

  const auto answer = [&backend = call.backend, started_ns, shape = LookupShape(request)](
                          http::Reply& reply, const Result<engine::LookupResult>& result) {
    if (!result.ok()) return reply(error_answer(result.status()));
    std::string body;
    append_lookup(shape, *result, body);
    if (!result->hits.empty()) backend.metrics.observe_hit(result->hits.front());
    backend.metrics.observe_query_ns(static_cast<uint64_t>(backend.clock.steady_ns() - started_ns));
    reply(json_answer(std::move(body)));
  };
  call.backend.cache.lookup(request, {routing->reach, routing->read_repair},
                            on_own_core<Result<engine::LookupResult>>(std::move(call.reply), answer));
}

}  // namespace ferro::node::api
