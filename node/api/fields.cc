#include "node/api/fields.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/base/limits.h"
#include "node/api/base64.h"
#include "node/index/kernels.h"
#include "node/model/text.h"

namespace ferro::node::api {
namespace {

Status missing(std::string_view field, std::string_view what) {
  return Status::invalid(std::string(field) + " is missing: send " + std::string(what));
}

Status out_of_range(std::string_view field, std::string_view range) {
  return Status::invalid(std::string(field) + " must be " + std::string(range));
}

Status foreign_scope(const Caller& caller) {
  return {StatusCode::permission_denied, "this token is limited to cache_scope '" + *caller.fixed_scope +
                                             "': leave cache_scope out or send that one"};
}

bool is_attribute_name(std::string_view name) {
  constexpr std::string_view kOthers = "_.-";
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  };
  return !name.empty() && name.size() <= limits::kAttributeNameBytesMax &&
         std::all_of(name.begin(), name.end(), fits);
}

// Empty = the server makes one.
Result<std::string> id_of(const Fields& fields) {
  const auto& id = fields.id ? fields.id : fields.uuid;
  if (!id) return std::string();
  if (fields.id && fields.uuid && *fields.id != *fields.uuid) {
    return Status::invalid("id and uuid differ: send one of them, or the same value in both");
  }
  if (!is_entry_id(*id)) {
    return out_of_range(fields.id ? "id" : "uuid", "1 to " + std::to_string(limits::kIdBytesMax) +
                                                       " visible ASCII characters, no spaces");
  }
  return std::string(*id);
}

Result<std::optional<uint64_t>> ttl_of(const Fields& fields) {
  if (!fields.ttl_seconds) return std::optional<uint64_t>();
  if (*fields.ttl_seconds < 1 || *fields.ttl_seconds > limits::kTtlSecondsMax) {
    return out_of_range("ttl_seconds", "a whole number from 1 to " + std::to_string(limits::kTtlSecondsMax) +
                                           "; leave it out for no expiry");
  }
  return std::optional<uint64_t>(static_cast<uint64_t>(*fields.ttl_seconds));
}

// In order, each once.
std::vector<std::string> tags_of(const Fields& fields) {
  std::vector<std::string> tags;
  if (!fields.tags) return tags;
  for (const std::string_view tag : *fields.tags) {
    if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.emplace_back(tag);
  }
  return tags;
}

Result<model::NamespaceKey> namespace_of(const Fields& fields, const Caller& caller) {
  if (!fields.model_id) return missing("model_id", "the name of the embedding model");
  return namespace_for(caller, *fields.model_id, fields.cache_scope.value_or(std::string_view()),
                       fields.conversation_id.value_or(std::string_view()));
}

}  // namespace

Result<model::NamespaceKey> namespace_for(const Caller& caller, std::string_view model_id,
                                          std::string_view scope, std::string_view conversation) {
  FERRO_ASSIGN_OR_RETURN(model::NamespaceKey key, model::make_namespace_key(model_id, scope, conversation));
  if (caller.fixed_scope && key.scope != *caller.fixed_scope) {
    if (!key.scope.empty()) return foreign_scope(caller);
    key.scope = *caller.fixed_scope;
  }
  return key;
}

Result<std::optional<std::string>> scope_for(const Caller& caller, std::optional<std::string_view> scope) {
  // Any model does: the scope's own rules are the same under all of them.
  FERRO_ASSIGN_OR_RETURN(const model::NamespaceKey key,
                         namespace_for(caller, "any", scope.value_or(std::string_view()), {}));
  return key.scope.empty() ? std::optional<std::string>() : std::optional<std::string>(key.scope);
}

Result<std::span<const float>> unit_vector_of(const Fields& fields, std::vector<float>& scratch) {
  if (fields.embedding && fields.embedding_b64) {
    return Status::invalid("embedding and embedding_b64 are both there: send exactly one of them");
  }
  std::span<float> vector;
  if (fields.embedding) {
    vector = *fields.embedding;
  } else if (fields.embedding_b64) {
    FERRO_RETURN_IF_ERROR(decode_floats(*fields.embedding_b64, limits::kDimensionMax, scratch));
    vector = scratch;
  } else {
    return missing("embedding", "an array of numbers, or embedding_b64");
  }
  if (vector.empty()) {
    return Status::invalid("the embedding is empty: send 1 to " + std::to_string(limits::kDimensionMax) +
                           " numbers");
  }
  if (!index::normalise(vector)) {
    return Status::invalid("the embedding must hold finite numbers that are not all zero");
  }
  return std::span<const float>(vector);
}

Result<std::optional<float>> threshold_of(const Fields& fields) {
  if (!fields.threshold) return std::optional<float>();
  if (!(*fields.threshold >= 0.0 && *fields.threshold <= 1.0)) {
    return out_of_range("threshold", "a number from 0 to 1");
  }
  return std::optional<float>(static_cast<float>(*fields.threshold));
}

bool is_entry_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= limits::kIdBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

Status check_tags(const std::vector<std::string_view>& tags) {
  for (const std::string_view tag : tags) {
    if (tag.empty() || tag.size() > limits::kTagBytesMax) {
      return out_of_range("each of tags", "1 to " + std::to_string(limits::kTagBytesMax) + " bytes long");
    }
  }
  return {};
}

Result<model::Attributes> attributes_of(const Fields& fields) {
  model::Attributes attributes;
  if (!fields.attributes) return attributes;
  for (const auto& [name, value] : *fields.attributes) {
    if (!is_attribute_name(name)) {
      return out_of_range(
          "each name in attributes",
          "1 to " + std::to_string(limits::kAttributeNameBytesMax) + " characters of A-Z a-z 0-9 _ . -");
    }
    if (value.size() > limits::kAttributeValueBytesMax) {
      return out_of_range("each value in attributes",
                          "at most " + std::to_string(limits::kAttributeValueBytesMax) + " bytes long");
    }
    attributes.emplace_back(name, value);
  }
  std::sort(attributes.begin(), attributes.end());
  return attributes;
}

Result<engine::InsertRequest> insert_request_of(const Fields& fields, const Caller& caller,
                                                uint64_t response_bytes_max) {
  FERRO_RETURN_IF_ERROR(fields.problem);
  if (!fields.response) return missing("response", "the text to store");
  if (!fields.query_text) return missing("query_text", "the question, or an empty string");
  if (fields.response->size() > response_bytes_max) {
    return Status(StatusCode::too_large, "response has " + std::to_string(fields.response->size()) +
                                             " bytes: store at most " + std::to_string(response_bytes_max) +
                                             " (limits.max_response_bytes)");
  }
  engine::InsertRequest request;
  FERRO_ASSIGN_OR_RETURN(request.ns, namespace_of(fields, caller));
  FERRO_ASSIGN_OR_RETURN(request.id, id_of(fields));
  FERRO_ASSIGN_OR_RETURN(request.ttl_seconds, ttl_of(fields));
  FERRO_ASSIGN_OR_RETURN(request.attributes, attributes_of(fields));
  if (fields.tags) FERRO_RETURN_IF_ERROR(check_tags(*fields.tags));
  request.tags = tags_of(fields);
  request.cost = fields.cost;

  FERRO_ASSIGN_OR_RETURN(const std::span<const float> vector, unit_vector_of(fields, request.unit_vector));
  if (fields.embedding) request.unit_vector.assign(vector.begin(), vector.end());
  request.query_text = *fields.query_text;
  request.response = *fields.response;
  return request;
}

Result<Lookup> lookup_of(const Fields& fields, const Caller& caller, std::vector<float>& scratch) {
  FERRO_RETURN_IF_ERROR(fields.problem);
  Lookup lookup;
  FERRO_ASSIGN_OR_RETURN(lookup.request.ns, namespace_of(fields, caller));
  FERRO_ASSIGN_OR_RETURN(lookup.request.threshold, threshold_of(fields));
  FERRO_ASSIGN_OR_RETURN(lookup.attributes, attributes_of(fields));
  if (fields.top_k) {
    if (*fields.top_k < 1 || *fields.top_k > static_cast<int64_t>(limits::kTopKMax)) {
      return out_of_range("top_k", "a whole number from 1 to " + std::to_string(limits::kTopKMax));
    }
    lookup.request.top_k = static_cast<size_t>(*fields.top_k);
  }
  FERRO_ASSIGN_OR_RETURN(lookup.request.unit_vector, unit_vector_of(fields, scratch));
  lookup.request.query_text = fields.query_text.value_or(std::string_view());
  return lookup;
}

}  // namespace ferro::node::api
