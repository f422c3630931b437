// POST /admin/invalidate: by radius, or by tags, attributes and scope.
#include <string>
#include <utility>
#include <vector>

#include "node/api/answer.h"
#include "node/api/fields.h"
#include "node/api/handlers.h"
#include "node/api/json_read.h"
#include "node/api/json_write.h"
#include "node/api/parameters.h"
#include "node/model/text.h"

namespace ferro::node::api {
namespace {

// What deletes must be named in full and without contradiction: a forgotten part must not widen it.
Result<engine::InvalidateRequest::Radius> radius_of(const Fields& fields, const Caller& caller) {
  if (fields.tags || fields.attributes) {
    return Status::invalid("a radius does not combine with tags or attributes: send two requests");
  }
  if (!fields.model_id)
    return Status::invalid("model_id is missing: a radius lies in one namespace, name it");
  if (!fields.threshold)
    return Status::invalid("threshold is missing: say how similar an entry must be to go");
  engine::InvalidateRequest::Radius radius;
  FERRO_ASSIGN_OR_RETURN(radius.ns, namespace_for(caller, *fields.model_id, fields.cache_scope.value_or(""),
                                                  fields.conversation_id.value_or("")));
  FERRO_ASSIGN_OR_RETURN(const std::optional<float> threshold, threshold_of(fields));
  radius.threshold = *threshold;
  FERRO_ASSIGN_OR_RETURN(const std::span<const float> vector, unit_vector_of(fields, radius.unit_vector));
  if (fields.embedding) radius.unit_vector.assign(vector.begin(), vector.end());
  return radius;
}

Result<store::Selector> selector_of(const Fields& fields, const Caller& caller) {
  if (fields.model_id || fields.conversation_id || fields.threshold) {
    return Status::invalid(
        "model_id, conversation_id and threshold belong to a radius: add its embedding, or name "
        "tags, attributes or cache_scope alone");
  }
  if ((fields.tags && fields.tags->empty()) || (fields.attributes && fields.attributes->empty())) {
    return Status::invalid("tags or attributes is empty: name at least one, or leave the field out");
  }
  const bool names_scope = fields.cache_scope && !model::trim(*fields.cache_scope).empty();
  if (!fields.tags && !fields.attributes && !names_scope) {
    return Status::invalid(
        "nothing is named: send an embedding with threshold and model_id, or tags, attributes or "
        "cache_scope");
  }
  store::Selector selector;
  if (fields.tags) {
    FERRO_RETURN_IF_ERROR(check_tags(*fields.tags));
    selector.any_tag.assign(fields.tags->begin(), fields.tags->end());
  }
  FERRO_ASSIGN_OR_RETURN(selector.all_attributes, attributes_of(fields));
  FERRO_ASSIGN_OR_RETURN(selector.scope, scope_for(caller, fields.cache_scope));
  return selector;
}

Result<engine::InvalidateRequest> read_invalidate(const Call& call) {
  Fields fields;
  FERRO_RETURN_IF_ERROR(
      JsonReader::of_this_thread().read_object(call.request.body, kInvalidateFields, fields));
  FERRO_RETURN_IF_ERROR(fields.problem);
  engine::InvalidateRequest request;
  request.dry_run = fields.dry_run.value_or(false);
  if (fields.embedding || fields.embedding_b64) {
    FERRO_ASSIGN_OR_RETURN(request.radius, radius_of(fields, call.caller));
  } else {
    FERRO_ASSIGN_OR_RETURN(request.selector, selector_of(fields, call.caller));
  }
  return request;
}

std::string invalidated_json(const std::vector<std::string>& ids, bool dry_run) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("deleted_count").number(ids.size()).key("invalidated_count").number(ids.size());
  json.key("uuids").begin_array();
  for (const std::string& id : ids) json.string(id);
  json.end_array();
  if (dry_run) json.key("dry_run").boolean(true);
  json.end_object();
  return body;
}

}  // namespace

void handle_invalidate(Call&& call) {
  const Result<Routing> routing = routing_of(call.request);
  if (!routing.ok()) return call.reply(error_answer(routing.status()));
  Result<engine::InvalidateRequest> request = read_invalidate(call);
  if (!request.ok()) return call.reply(error_answer(request.status()));
  const auto answer = [dry_run = request->dry_run](http::Reply& reply,
                                                   const Result<std::vector<std::string>>& ids) {
    reply(ids.ok() ? json_answer(invalidated_json(*ids, dry_run)) : error_answer(ids.status()));
  };
  call.backend.cache.invalidate(*std::move(request), routing->reach,
                                on_own_core<Result<std::vector<std::string>>>(std::move(call.reply), answer));
}

}  // namespace ferro::node::api
