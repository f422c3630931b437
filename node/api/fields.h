// What the fields of a body mean: bounds, combinations, namespaces, vectors. Every error says what to change.
// Pure functions over what json_read.h read; thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "node/api/call.h"
#include "node/api/json_read.h"
#include "node/engine/engine.h"
#include "node/model/namespace_key.h"
#include "node/model/operation.h"

namespace ferro::node::api {

inline constexpr FieldSet kInsertFields = {Field::embedding,
                                           Field::embedding_b64,
                                           Field::response,
                                           Field::query_text,
                                           Field::model_id,
                                           Field::cache_scope,
                                           Field::id,
                                           Field::uuid,
                                           Field::ttl_seconds,
                                           Field::tags,
                                           Field::conversation_id,
                                           Field::attributes,
                                           Field::cost};
inline constexpr FieldSet kQueryFields = {Field::embedding,  Field::embedding_b64, Field::model_id,
                                          Field::threshold,  Field::query_text,    Field::cache_scope,
                                          Field::attributes, Field::top_k,         Field::conversation_id};
inline constexpr FieldSet kInvalidateFields = {Field::embedding,   Field::embedding_b64,   Field::threshold,
                                               Field::model_id,    Field::conversation_id, Field::tags,
                                               Field::cache_scope, Field::attributes,      Field::dry_run};

// The namespace that the parts name; a caller with a fixed scope gets that one or permission_denied.
Result<model::NamespaceKey> namespace_for(const Caller& caller, std::string_view model_id,
                                          std::string_view scope, std::string_view conversation);
// The scope alone, where no model is named: nullopt = every scope.
Result<std::optional<std::string>> scope_for(const Caller& caller, std::optional<std::string_view> scope);

// The one vector that the fields carry, scaled to length 1 in place; `scratch` holds it if it came as base64.
Result<std::span<const float>> unit_vector_of(const Fields& fields, std::vector<float>& scratch);
// 0..1, or absent.
Result<std::optional<float>> threshold_of(const Fields& fields);
// 1..kIdBytesMax visible ASCII characters: what an entry can be called.
bool is_entry_id(std::string_view text) noexcept;
Status check_tags(const std::vector<std::string_view>& tags);
// Sorted by name.
Result<model::Attributes> attributes_of(const Fields& fields);

// A whole item of /insert.
Result<engine::InsertRequest> insert_request_of(const Fields& fields, const Caller& caller,
                                                uint64_t response_bytes_max);

// A whole item of /query. `fields` and `scratch` outlive it.
struct Lookup {
  engine::LookupRequest request;
  model::Attributes attributes;
};
Result<Lookup> lookup_of(const Fields& fields, const Caller& caller, std::vector<float>& scratch);

}  // namespace ferro::node::api
