#include "node/api/json_walk.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <span>
#include <string>

#include "common/base/limits.h"
#include "node/api/float_array.h"

namespace ferro::node::api {

namespace ondemand = simdjson::ondemand;
using simdjson::ondemand::json_type;

namespace {

constexpr std::array<std::string_view, 16> kFieldNames = {
    "embedding", "embedding_b64", "response",    "query_text", "model_id",  "cache_scope", "conversation_id",
    "id",        "uuid",          "ttl_seconds", "top_k",      "threshold", "cost",        "dry_run",
    "tags",      "attributes"};

}  // namespace

std::string_view name_of(Field field) {
  return kFieldNames[static_cast<size_t>(field)];
}

namespace {

std::optional<Field> field_named(std::string_view name) {
  const auto* const found = std::find(kFieldNames.begin(), kFieldNames.end(), name);
  if (found == kFieldNames.end()) return std::nullopt;
  return static_cast<Field>(found - kFieldNames.begin());
}

std::string_view trimmed_token(std::string_view token) {
  const size_t end = token.find_last_not_of(" \t\r\n");
  return end == std::string_view::npos ? std::string_view() : token.substr(0, end + 1);
}

// The first problem of an object stays. Bodies may hold millions of them: their texts are made only for that
// one.
template <typename MakeText>
void note(Fields& out, MakeText&& make_text) {
  if (out.problem.ok()) out.problem = Status::invalid(make_text());
}

void note_type(Fields& out, Field field, std::string_view expected) {
  note(out, [&] { return std::string(name_of(field)) + " must be " + std::string(expected); });
}

std::string place_of(size_t index) {
  return "embedding[" + std::to_string(index) + "]";
}

bool is_null(ondemand::value value) {
  bool null = false;
  return value.is_null().get(null) == simdjson::SUCCESS && null;
}

}  // namespace

bool JsonWalk::read_fields(ondemand::object object, int level, Fields& out) {
  for (auto result : object) {
    ondemand::field pair;
    std::string_view key;
    if (!take(result, pair) || pair.unescaped_key().get(key) != simdjson::SUCCESS) return false;
    const std::optional<Field> field = field_named(key);
    const bool fine = field && known_.has(*field) ? read_field(*field, pair.value(), level + 1, out)
                                                  : check(pair.value(), level + 1);
    if (!fine) return false;
  }
  return true;
}

bool JsonWalk::read_item(ondemand::value value, int level, Fields& out) {
  json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  if (type != json_type::object) {
    note(out, [] { return std::string("an item must be a JSON object"); });
    return check(value, level);
  }
  ondemand::object object;
  return value.get_object().get(object) == simdjson::SUCCESS && read_fields(object, level, out);
}

bool JsonWalk::check(ondemand::value value, int level) {
  if (level > limits::kJsonDepthMax) {
    too_deep_ = true;
    return false;
  }
  json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  switch (type) {
    case json_type::object:
      return check_object(value, level);
    case json_type::array:
      return check_array(value, level);
    case json_type::string:
      return value.get_string().error() == simdjson::SUCCESS;
    case json_type::number:
      return is_json_number(trimmed_token(value.raw_json_token()));
    case json_type::boolean:
      return value.get_bool().error() == simdjson::SUCCESS;
    case json_type::null:
      return is_null(value);
  }
  return false;
}

bool JsonWalk::check_object(ondemand::value value, int level) {
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return false;
  for (auto result : object) {
    ondemand::field pair;
    if (!take(result, pair)) return false;
    if (pair.unescaped_key().error() != simdjson::SUCCESS || !check(pair.value(), level + 1)) return false;
  }
  return true;
}

bool JsonWalk::check_array(ondemand::value value, int level) {
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return false;
  for (auto result : array) {
    ondemand::value element;
    if (!take(result, element) || !check(element, level + 1)) return false;
  }
  return true;
}

bool JsonWalk::read_field(Field field, ondemand::value value, int level, Fields& out) {
  json_type type{};
  if (value.type().get(type) != simdjson::SUCCESS) return false;
  switch (field) {
    case Field::embedding:
      return read_embedding(value, type, level, out);
    case Field::embedding_b64:
      return read_text(field, value, type, level, out, out.embedding_b64);
    case Field::response:
      return read_text(field, value, type, level, out, out.response);
    case Field::query_text:
      return read_text(field, value, type, level, out, out.query_text);
    case Field::model_id:
      return read_text(field, value, type, level, out, out.model_id);
    case Field::cache_scope:
      return read_text(field, value, type, level, out, out.cache_scope);
    case Field::conversation_id:
      return read_text(field, value, type, level, out, out.conversation_id);
    case Field::id:
      return read_text(field, value, type, level, out, out.id);
    case Field::uuid:
      return read_text(field, value, type, level, out, out.uuid);
    case Field::ttl_seconds:
      return read_integer(field, value, type, level, out, out.ttl_seconds);
    case Field::top_k:
      return read_integer(field, value, type, level, out, out.top_k);
    case Field::threshold:
      return read_number(field, value, type, level, out, out.threshold);
    case Field::cost:
      return read_number(field, value, type, level, out, out.cost);
    case Field::dry_run:
      return read_flag(field, value, type, level, out, out.dry_run);
    case Field::tags:
      return read_tags(value, type, level, out);
    case Field::attributes:
      return read_attributes(value, type, level, out);
  }
  return false;
}

bool JsonWalk::read_other(Field field, ondemand::value value, json_type type, int level, Fields& out,
                          std::string_view expected) {
  if (type != json_type::null) note_type(out, field, expected);
  return check(value, level);
}

bool JsonWalk::read_text(Field field, ondemand::value value, json_type type, int level, Fields& out,
                         std::optional<std::string_view>& target) {
  target.reset();
  if (type != json_type::string) return read_other(field, value, type, level, out, "a string");
  return value.get_string().get(target.emplace()) == simdjson::SUCCESS;
}

bool JsonWalk::read_flag(Field field, ondemand::value value, json_type type, int level, Fields& out,
                         std::optional<bool>& target) {
  target.reset();
  if (type != json_type::boolean) return read_other(field, value, type, level, out, "true or false");
  return value.get_bool().get(target.emplace()) == simdjson::SUCCESS;
}

bool JsonWalk::read_integer(Field field, ondemand::value value, json_type type, int level, Fields& out,
                            std::optional<int64_t>& target) {
  target.reset();
  if (type != json_type::number) return read_other(field, value, type, level, out, "a whole number");
  const std::string_view token = trimmed_token(value.raw_json_token());
  if (!is_json_integer(token)) {
    note_type(out, field, "a whole number");
    return is_json_number(token);
  }
  int64_t number = 0;
  if (std::from_chars(token.data(), token.data() + token.size(), number).ec != std::errc()) {
    number =
        token.starts_with('-') ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
  }
  target = number;
  return true;
}

bool JsonWalk::read_number(Field field, ondemand::value value, json_type type, int level, Fields& out,
                           std::optional<double>& target) {
  target.reset();
  if (type != json_type::number) return read_other(field, value, type, level, out, "a number");
  const std::string_view token = trimmed_token(value.raw_json_token());
  if (!is_json_number(token)) return false;
  if (!read_double(token, target.emplace())) note_type(out, field, "a finite number");
  return true;
}

bool JsonWalk::read_embedding(ondemand::value value, json_type type, int level, Fields& out) {
  out.embedding.reset();
  if (type != json_type::array) {
    return read_other(Field::embedding, value, type, level, out, "an array of numbers");
  }
  ondemand::array array;
  std::string_view text;
  if (value.get_array().get(array) != simdjson::SUCCESS || array.raw_json().get(text) != simdjson::SUCCESS) {
    return false;
  }
  const size_t before = floats_.size();
  if (!read_float_array(trimmed_token(text), limits::kDimensionMax, floats_)) {
    if (array.reset().error() != simdjson::SUCCESS || !read_floats_one_by_one(array, level, out))
      return false;
  }
  out.embedding = std::span<float>(floats_).subspan(before);
  return true;
}

bool JsonWalk::read_floats_one_by_one(ondemand::array array, int level, Fields& out) {
  size_t count = 0;
  for (auto result : array) {
    ondemand::value element;
    json_type type{};
    if (!take(result, element) || element.type().get(type) != simdjson::SUCCESS) return false;
    const size_t index = count++;
    if (type != json_type::number) {
      note(out, [&] { return place_of(index) + " must be a number"; });
      if (!check(element, level + 1)) return false;
      continue;
    }
    const std::string_view token = trimmed_token(element.raw_json_token());
    float number = 0.0F;
    if (!is_json_number(token)) return false;
    if (!read_float(token, number)) {
      note(out, [&] { return place_of(index) + " does not fit into a 32-bit float"; });
    }
    if (count <= limits::kDimensionMax) floats_.push_back(number);
  }
  if (count == 0 || count > limits::kDimensionMax) {
    note(out, [&] {
      return "embedding holds " + std::to_string(count) + " numbers: send 1 to " +
             std::to_string(limits::kDimensionMax);
    });
  }
  return true;
}

bool JsonWalk::read_tags(ondemand::value value, json_type type, int level, Fields& out) {
  out.tags.reset();
  if (type != json_type::array) {
    return read_other(Field::tags, value, type, level, out, "an array of strings");
  }
  ondemand::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return false;
  auto& tags = out.tags.emplace();
  for (auto result : array) {
    ondemand::value element;
    json_type element_type{};
    if (!take(result, element) || element.type().get(element_type) != simdjson::SUCCESS) {
      return false;
    }
    if (element_type != json_type::string) {
      note_type(out, Field::tags, "an array of strings");
      if (!check(element, level + 1)) return false;
      continue;
    }
    std::string_view tag;
    if (element.get_string().get(tag) != simdjson::SUCCESS) return false;
    if (tags.size() < limits::kTagsMax) {
      tags.push_back(tag);
    } else {
      note(out,
           [] { return "tags holds more than " + std::to_string(limits::kTagsMax) + " tags: send fewer"; });
    }
  }
  return true;
}

bool JsonWalk::read_attributes(ondemand::value value, json_type type, int level, Fields& out) {
  constexpr std::string_view kExpected = "an object of strings";
  out.attributes.reset();
  if (type != json_type::object) return read_other(Field::attributes, value, type, level, out, kExpected);
  ondemand::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) return false;
  auto& attributes = out.attributes.emplace();
  for (auto result : object) {
    ondemand::field pair;
    std::string_view name;
    if (!take(result, pair) || pair.unescaped_key().get(name) != simdjson::SUCCESS) return false;
    json_type pair_type{};
    if (pair.value().type().get(pair_type) != simdjson::SUCCESS) return false;
    if (pair_type != json_type::string) {
      note_type(out, Field::attributes, kExpected);
      if (!check(pair.value(), level + 1)) return false;
      continue;
    }
    std::string_view text;
    if (pair.value().get_string().get(text) != simdjson::SUCCESS) return false;
    const auto known = std::find_if(attributes.begin(), attributes.end(),
                                    [&](const auto& attribute) { return attribute.first == name; });
    if (known != attributes.end()) {
      known->second = text;
    } else if (attributes.size() < limits::kAttributesMax) {
      attributes.emplace_back(name, text);
    } else {
      note(out, [] {
        return "attributes holds more than " + std::to_string(limits::kAttributesMax) + " names: send fewer";
      });
    }
  }
  return true;
}

}  // namespace ferro::node::api
