// Reads the bodies of the API: one JSON object, or {"items": [...]} of them.
//
// The whole body is checked before anything is done with it: grammar, UTF-8, surrogates, depth, also inside
// fields that nobody asked for. Of a key given twice the last counts. Fields of the wrong type become the
// `problem` of their object, so that one bad item leaves the others of a batch alone. docs/api.md, "Bodies".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace ferro::node::api {

// The fields that the API knows. A route reads a set of them; all others are ignored, whatever they hold.
enum class Field : uint8_t {
  embedding,
  embedding_b64,
  response,
  query_text,
  model_id,
  cache_scope,
  conversation_id,
  id,
  uuid,
  ttl_seconds,
  top_k,
  threshold,
  cost,
  dry_run,
  tags,
  attributes,
};

std::string_view name_of(Field field);

class FieldSet {
 public:
  constexpr FieldSet(std::initializer_list<Field> fields) {
    for (const Field field : fields) bits_ |= bit(field);
  }
  constexpr bool has(Field field) const { return (bits_ & bit(field)) != 0; }

 private:
  static constexpr uint32_t bit(Field field) { return uint32_t{1} << static_cast<unsigned>(field); }
  uint32_t bits_ = 0;
};

// One object as read: right types, nothing else checked yet. Views and spans live until the reader reads
// again.
struct Fields {
  std::optional<std::span<float>> embedding;  // finite float32 values, 1..kDimensionMax
  std::optional<std::string_view> embedding_b64, response, query_text, model_id, cache_scope, conversation_id,
      id, uuid;
  std::optional<int64_t> ttl_seconds, top_k;  // a number beyond 64 bits is the nearest end
  std::optional<double> threshold, cost;      // finite
  std::optional<bool> dry_run;
  std::optional<std::vector<std::string_view>> tags;
  std::optional<std::vector<std::pair<std::string_view, std::string_view>>>
      attributes;  // as sent, names unique
  Status problem;  // the first field of a wrong type, or that this is no object
};

// Buffers and parser, reused from one request to the next. One a thread; not thread-safe.
class JsonReader {
 public:
  static JsonReader& of_this_thread();
  JsonReader();
  ~JsonReader();

  // invalid_argument if the body is not one JSON object; wrong types are in `out.problem`.
  Status read_object(std::string_view body, const FieldSet& known, Fields& out);
  // invalid_argument if the body is not {"items": [...]} with at most `items_max` items.
  Status read_items(std::string_view body, const FieldSet& known, size_t items_max, std::vector<Fields>& out);
  // Frees what a large body needed. To be called when its fields are done with.
  void forget_large_body() noexcept;

 private:
  struct State;
  // Copies the body and finds its structure; `object` of the returned state is ready to be walked.
  Result<State*> open(std::string_view body);

  std::unique_ptr<State> state_;
  std::unique_ptr<State> large_;  // of a large body, dropped after it
};

}  // namespace ferro::node::api
