#include <algorithm>
#include <cmath>
#include <cstring>

#include "common/base/limits.h"
#include "node/cluster/wire/fields.h"
#include "node/cluster/wire/parts.h"
#include "node/model/text.h"

namespace ferro::node::cluster {

namespace {

// As for a stored vector: rounding of 4,096 floats stays a hundred times below.
constexpr double kUnitLengthTolerance = 1e-4;
// Of two vectors whose lengths are off by as much.
constexpr float kCosineMax = 1.001F;

bool is_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= limits::kIdBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool is_attribute_name(std::string_view name) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= limits::kAttributeNameBytesMax &&
         std::all_of(name.begin(), name.end(), allowed);
}

bool is_unit_vector(const std::vector<float>& vector) noexcept {
  double squares = 0.0;
  for (const float value : vector) squares += static_cast<double>(value) * static_cast<double>(value);
  return std::abs(squares - 1.0) <= kUnitLengthTolerance;  // false for NaN and infinity, too
}

}  // namespace

Status FieldReader::finish() {
  while (load()) next_.reset();
  return fault_;
}

void FieldReader::require(bool condition, std::string_view otherwise) {
  if (!condition && fault_.ok()) {
    fault_ = Status::invalid(std::string(otherwise));
    in_ = ByteReader({});
    next_.reset();
  }
}

void FieldReader::fail(uint64_t tag, std::string_view what) {
  require(false, "field " + std::to_string(tag) + ": " + std::string(what));
}

bool FieldReader::load() {
  if (next_) return true;
  if (in_.done()) return false;
  const uint64_t tag = in_.varint();
  const std::string_view value = in_.text();
  if (in_.failed()) {
    require(false, "it is cut short");
    return false;
  }
  if (tag == 0 || tag < last_tag_ || (tag == last_tag_ && !last_may_repeat_)) {
    fail(tag, "it is out of order");
    return false;
  }
  last_tag_ = tag;
  last_may_repeat_ = true;  // until it turns out to be one that may not
  next_.emplace(tag, value);
  return true;
}

std::optional<std::string_view> FieldReader::take(uint64_t tag, bool repeated) {
  while (load() && next_->first < tag) next_.reset();
  if (!next_ || next_->first != tag) return std::nullopt;
  last_may_repeat_ = repeated;
  const std::string_view value = next_->second;
  next_.reset();
  return value;
}

bool FieldReader::varint(uint64_t tag, uint64_t& value, uint64_t min, uint64_t max) {
  const auto field = take(tag);
  if (!field) return false;
  ByteReader in(as_bytes(*field));
  const uint64_t number = in.varint();
  if (in.failed() || !in.done()) {
    fail(tag, "it is not a number");
    return false;
  }
  if (number < min || number > max) {
    fail(tag, "the number is out of range");
    return false;
  }
  value = number;
  return true;
}

template <typename T>
std::optional<T> FieldReader::fixed(uint64_t tag) {
  const auto field = take(tag);
  if (!field) return std::nullopt;
  if (field->size() != sizeof(T)) {
    fail(tag, "it has a wrong size");
    return std::nullopt;
  }
  T value;
  std::memcpy(&value, field->data(), sizeof(T));
  return value;
}

void FieldReader::optional_number(uint64_t tag, std::optional<uint64_t>& value, uint64_t min, uint64_t max) {
  uint64_t number = 0;
  if (varint(tag, number, min, max)) value = number;
}

void FieldReader::time(uint64_t tag, int64_t& value) {
  uint64_t number = 0;
  if (varint(tag, number, 0, INT64_MAX)) value = static_cast<int64_t>(number);
}

void FieldReader::hash(uint64_t tag, uint64_t& value) {
  if (const auto bits = fixed<uint64_t>(tag)) value = *bits;
}

void FieldReader::stamp(uint64_t tag, Hlc& value) {
  const auto field = take(tag);
  if (!field) return;
  ByteReader in(as_bytes(*field));
  value.ticks = in.u64();
  value.node = in.u32();
  if (in.failed() || !in.done()) fail(tag, "the stamp has a wrong size");
}

void FieldReader::flag(uint64_t tag, bool& value, bool /*otherwise*/) {
  const auto byte = fixed<uint8_t>(tag);
  if (!byte) return;
  if (*byte > 1) return fail(tag, "it is neither yes nor no");
  value = *byte == 1;
}

void FieldReader::similarity(uint64_t tag, float& value) {
  const auto number = fixed<float>(tag);
  if (!number) return;
  if (!(*number >= 0.0F && *number <= 1.0F)) return fail(tag, "it must be a number from 0 to 1");
  value = *number;
}

void FieldReader::optional_similarity(uint64_t tag, std::optional<float>& value) {
  float number = -1.0F;
  similarity(tag, number);
  if (number >= 0.0F) value = number;
}

void FieldReader::optional_cosine(uint64_t share_tag, uint64_t tag, std::optional<float>& value) {
  optional_similarity(share_tag, value);
  const auto number = fixed<float>(tag);
  if (!number) return;
  const bool below = *number >= -kCosineMax && *number < 0.0F && value == 0.0F;
  const bool above = *number > 1.0F && *number <= kCosineMax && value == 1.0F;
  if (!below && !above) return fail(tag, "it is not a cosine beyond its share");
  value = *number;
}

void FieldReader::real(uint64_t tag, double& value) {
  const auto number = fixed<double>(tag);
  if (!number) return;
  if (!std::isfinite(*number)) return fail(tag, "the number is not finite");
  value = *number;
}

void FieldReader::optional_cost(uint64_t tag, std::optional<double>& value) {
  const auto number = fixed<double>(tag);
  if (!number) return;
  if (!std::isfinite(*number)) return fail(tag, "the cost is not finite");
  value = *number;
}

void FieldReader::unit_vector(uint64_t tag, std::vector<float>& value) {
  const auto field = take(tag);
  if (!field) return;
  if (field->empty() || field->size() % sizeof(float) != 0 ||
      field->size() / sizeof(float) > limits::kDimensionMax) {
    return fail(tag, "the vector has a wrong size");
  }
  value.resize(field->size() / sizeof(float));
  std::memcpy(value.data(), field->data(), field->size());
  if (!is_unit_vector(value)) fail(tag, "the vector is not a finite unit vector");
}

void FieldReader::bytes(uint64_t tag, std::string& value, size_t bytes_max) {
  const auto field = take(tag);
  if (!field) return;
  if (field->size() > bytes_max) return fail(tag, "it is too long");
  value = *field;
}

void FieldReader::text(uint64_t tag, std::string& value, size_t bytes_max) {
  bytes(tag, value, bytes_max);
  if (!model::is_valid_utf8(value)) fail(tag, "it is not UTF-8");
}

void FieldReader::optional_id(uint64_t tag, std::string& value) {
  const auto field = take(tag);
  if (!field) return;
  if (!is_id(*field)) return fail(tag, "an id has 1 to 128 visible ASCII characters");
  value = *field;
}

void FieldReader::id(uint64_t tag, std::string& value) {
  optional_id(tag, value);
  if (value.empty()) fail(tag, "the id is missing");
}

void FieldReader::ids(uint64_t tag, std::vector<std::string>& values, bool empty_allowed, size_t max) {
  while (const auto field = take(tag, true)) {
    if (values.size() == max) return fail(tag, "there are too many of them");
    if (!is_id(*field) && !(empty_allowed && field->empty())) {
      return fail(tag, "an id has 1 to 128 visible ASCII characters");
    }
    values.emplace_back(*field);
  }
}

void FieldReader::blobs(uint64_t tag, std::vector<std::string>& values) {
  while (const auto field = take(tag, true)) {
    if (values.size() == kWireItemsMax) return fail(tag, "there are too many of them");
    if (field->empty()) return fail(tag, "it is empty");
    values.emplace_back(*field);
  }
}

void FieldReader::tags(uint64_t tag, std::vector<std::string>& values) {
  while (const auto field = take(tag, true)) {
    if (values.size() == limits::kTagsMax) return fail(tag, "there are too many tags");
    if (field->empty() || field->size() > limits::kTagBytesMax || !model::is_valid_utf8(*field)) {
      return fail(tag, "a tag has 1 to 128 bytes of UTF-8");
    }
    values.emplace_back(*field);
  }
}

void FieldReader::attributes(uint64_t tag, model::Attributes& values) {
  while (const auto field = take(tag, true)) {
    ByteReader in(as_bytes(*field));
    const std::string_view name = in.text();
    const std::string_view value = as_text(in.raw(in.left()));
    if (in.failed() || !is_attribute_name(name)) return fail(tag, "the name of an attribute is not valid");
    if (value.size() > limits::kAttributeValueBytesMax || !model::is_valid_utf8(value)) {
      return fail(tag, "the value of an attribute is not valid");
    }
    if (values.size() == limits::kAttributesMax) return fail(tag, "there are too many attributes");
    if (!values.empty() && values.back().first >= name) return fail(tag, "attributes are not in order");
    values.emplace_back(name, value);
  }
}

void FieldReader::scope(uint64_t tag, std::optional<std::string>& value) {
  const auto field = take(tag);
  if (!field) return;
  value.emplace(*field);
  const Status status = model::check_namespace_key({"any", *value, {}});
  if (!status.ok()) fail(tag, status.message());
}

void FieldReader::key(uint64_t tag, model::NamespaceKey& value) {
  message(tag, value);
  const Status status = model::check_namespace_key(value);  // of an absent one, too
  if (!status.ok()) fail(tag, status.message());
}

void FieldReader::optional_key(uint64_t tag, std::optional<model::NamespaceKey>& value) {
  optional_message(tag, value);
  if (!value) return;
  const Status status = model::check_namespace_key(*value);
  if (!status.ok()) fail(tag, status.message());
}

void FieldReader::partitions(uint64_t tag, model::PartitionSet& value) {
  std::optional<model::PartitionSet> set;
  optional_partitions(tag, set);
  if (set) value = *set;
}

void FieldReader::optional_partitions(uint64_t tag, std::optional<model::PartitionSet>& value) {
  const auto field = take(tag);
  if (!field) return;
  if (!field->empty() && field->size() != model::kPartitions / 8)
    return fail(tag, "the set has a wrong size");
  value.emplace();
  for (size_t p = 0; p < field->size() * 8; ++p) {
    (*value)[p] = ((static_cast<uint8_t>((*field)[p / 8]) >> (p % 8)) & 1U) != 0;
  }
}

void FieldReader::status(uint64_t tag, Status& value) {
  StatusFields fields;
  message(tag, fields);
  if (fields.code != 0) value = Status(status_code(fields.code), std::move(fields.message));
}

}  // namespace ferro::node::cluster
