#include "node/model/operation.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "common/base/limits.h"
#include "node/model/text.h"

// Format: docs/formats/operation.md. Tags rise within an operation, so a repeated singular field is refused
// and an operation has exactly one encoding.
namespace ferro::node::model {

namespace {

constexpr uint8_t kFormatVersion = 1;

// A drop of some slots is a kind of its own: whoever does not know it must not take it for one of all.
enum class Kind : uint8_t { put = 1, remove = 2, drop_namespace = 3, drop_slots = 4 };

enum class Tag : uint64_t {
  model_id = 1,
  scope = 2,
  conversation = 3,
  id = 4,
  version = 5,
  vector = 6,
  query_text = 7,
  response = 8,
  inserted_at_ms = 9,
  expires_at_ms = 10,
  tag = 11,        // repeated
  attribute = 12,  // repeated
  cost = 13,
  reason = 14,
  deleted_at_ms = 15,
  slots = 16,
};

// How far a stored vector's squared length may be from 1: rounding of 4,096 floats stays a hundred times
// below.
constexpr double kUnitLengthTolerance = 1e-4;

// Tags of later builds may repeat too: this one cannot know.
bool may_repeat(uint64_t tag) noexcept {
  return tag == static_cast<uint64_t>(Tag::tag) || tag == static_cast<uint64_t>(Tag::attribute) ||
         tag > static_cast<uint64_t>(Tag::slots);
}

class FieldWriter {
 public:
  explicit FieldWriter(std::string& out) : out_(out) {}

  void text(Tag tag, std::string_view value) {
    if (!value.empty()) always(tag, value);
  }
  void number(Tag tag, int64_t value) {
    if (value == 0) return;
    head(tag, sizeof value);
    out_.u64(static_cast<uint64_t>(value));
  }
  void version(const Hlc& version) {
    head(Tag::version, sizeof version.ticks + sizeof version.node);
    out_.u64(version.ticks);
    out_.u32(version.node);
  }
  void slots(SlotSet value) {
    head(Tag::slots, sizeof value);
    out_.u64(value);
  }
  void cost(double value) {
    head(Tag::cost, sizeof value);
    out_.f64(value);
  }
  void always(Tag tag, std::string_view value) {
    head(tag, value.size());
    out_.raw(as_bytes(value));
  }
  void attribute(const std::string& name, const std::string& value) {
    head(Tag::attribute, 1 + name.size() + value.size());
    out_.u8(static_cast<uint8_t>(name.size()));
    out_.raw(as_bytes(name));
    out_.raw(as_bytes(value));
  }
  void key(const NamespaceKey& key) {
    text(Tag::model_id, key.model_id);
    text(Tag::scope, key.scope);
    text(Tag::conversation, key.conversation);
  }

 private:
  void head(Tag tag, size_t size) {
    out_.varint(static_cast<uint64_t>(tag));
    out_.varint(size);
  }
  ByteWriter out_;
};

void write(const PutOp& op, FieldWriter& out) {
  out.key(op.ns);
  out.text(Tag::id, op.id);
  out.version(op.version);
  out.text(Tag::vector, {reinterpret_cast<const char*>(op.vector.data()), op.vector.size() * sizeof(float)});
  out.text(Tag::query_text, op.query_text);
  out.text(Tag::response, op.response);
  out.number(Tag::inserted_at_ms, op.inserted_at_ms);
  out.number(Tag::expires_at_ms, op.expires_at_ms);
  for (const std::string& tag : op.tags) out.always(Tag::tag, tag);
  for (const auto& [name, value] : op.attributes) out.attribute(name, value);
  if (op.has_cost) out.cost(op.cost);
}

void write(const DeleteOp& op, FieldWriter& out) {
  out.key(op.ns);
  out.text(Tag::id, op.id);
  out.version(op.version);
  const auto reason = static_cast<char>(op.reason);
  out.always(Tag::reason, {&reason, 1});
  out.number(Tag::deleted_at_ms, op.deleted_at_ms);
}

void write(const DropNamespaceOp& op, FieldWriter& out) {
  out.key(op.ns);
  out.version(op.version);
  if (op.slots != kAllSlots) out.slots(op.slots);
}

Kind kind_of(const Operation& op) noexcept {
  const auto* drop = std::get_if<DropNamespaceOp>(&op);
  if (drop != nullptr && drop->slots != kAllSlots) return Kind::drop_slots;
  return static_cast<Kind>(op.index() + 1);
}

Status bad(std::string_view what) {
  return Status::data_loss("operation: " + std::string(what));
}

Status check_id(std::string_view id) {
  const bool visible = std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~'; });
  return !id.empty() && id.size() <= limits::kIdBytesMax && visible ? Status() : bad("the id is not valid");
}

Status check_vector(const std::vector<float>& vector) {
  double squares = 0.0;
  for (const float value : vector) squares += static_cast<double>(value) * static_cast<double>(value);
  // Also false for NaN and infinity.
  return std::abs(squares - 1.0) <= kUnitLengthTolerance ? Status()
                                                         : bad("the vector is not a finite unit vector");
}

bool is_attribute_name(std::string_view name) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= limits::kAttributeNameBytesMax &&
         std::all_of(name.begin(), name.end(), allowed);
}

// All fields of any kind as they arrive; sizes are checked here, meaning in the take_ functions.
struct Fields {
  PutOp put;
  std::optional<Hlc> version;
  std::optional<uint8_t> reason;
  int64_t deleted_at_ms = 0;
  std::optional<SlotSet> slots;
  bool put_only = false;  // saw a field that only an entry has
  bool has_id = false;
};

Status read_version(ByteReader value, Fields& fields) {
  Hlc version;
  version.ticks = value.u64();
  version.node = value.u32();
  if (value.failed() || !value.done()) return bad("the version has a wrong size");
  fields.version = version;
  return {};
}

Status read_time(ByteReader value, int64_t& out) {
  const uint64_t time = value.u64();
  if (value.failed() || !value.done() || time == 0 || time > INT64_MAX) return bad("a time is not valid");
  out = static_cast<int64_t>(time);
  return {};
}

Status read_vector(Bytes value, PutOp& put) {
  if (value.empty() || value.size() % sizeof(float) != 0 ||
      value.size() / sizeof(float) > limits::kDimensionMax) {
    return bad("the vector has a wrong size");
  }
  put.vector.resize(value.size() / sizeof(float));
  std::memcpy(put.vector.data(), value.data(), value.size());
  return check_vector(put.vector);
}

Status read_tag(std::string_view value, PutOp& put) {
  if (value.empty() || value.size() > limits::kTagBytesMax || !is_valid_utf8(value))
    return bad("a tag is not valid");
  if (put.tags.size() == limits::kTagsMax) return bad("there are too many tags");
  put.tags.emplace_back(value);
  return {};
}

Status read_attribute(ByteReader value, PutOp& put) {
  const std::string_view name = as_text(value.raw(value.u8()));
  const std::string_view text = as_text(value.raw(value.left()));
  if (value.failed() || !is_attribute_name(name)) return bad("an attribute name is not valid");
  if (text.size() > limits::kAttributeValueBytesMax || !is_valid_utf8(text))
    return bad("an attribute is not valid");
  if (put.attributes.size() == limits::kAttributesMax) return bad("there are too many attributes");
  if (!put.attributes.empty() && put.attributes.back().first >= name)
    return bad("attributes are not in order");
  put.attributes.emplace_back(name, text);
  return {};
}

Status read_cost(ByteReader value, PutOp& put) {
  put.cost = value.f64();
  put.has_cost = true;
  return !value.failed() && value.done() && std::isfinite(put.cost) ? Status() : bad("the cost is not valid");
}

Status read_slots(ByteReader value, Fields& fields) {
  fields.slots = value.u64();
  const bool some = *fields.slots != 0 && *fields.slots != kAllSlots;
  return !value.failed() && value.done() && some ? Status() : bad("the slots are not valid");
}

Status read_text(std::string_view value, std::string& out) {
  if (value.empty() || !is_valid_utf8(value)) return bad("a text is empty or not UTF-8");
  out = value;
  return {};
}

Status read_field(uint64_t tag, Bytes value, Fields& fields) {
  const std::string_view text = as_text(value);
  fields.put_only |= tag >= static_cast<uint64_t>(Tag::vector) && tag <= static_cast<uint64_t>(Tag::cost);
  switch (static_cast<Tag>(tag)) {
    case Tag::model_id:
      return read_text(text, fields.put.ns.model_id);
    case Tag::scope:
      return read_text(text, fields.put.ns.scope);
    case Tag::conversation:
      return read_text(text, fields.put.ns.conversation);
    case Tag::id:
      fields.has_id = true;
      fields.put.id = text;
      return check_id(text);
    case Tag::version:
      return read_version(ByteReader(value), fields);
    case Tag::vector:
      return read_vector(value, fields.put);
    case Tag::query_text:
      return read_text(text, fields.put.query_text);
    case Tag::response:
      return read_text(text, fields.put.response);
    case Tag::inserted_at_ms:
      return read_time(ByteReader(value), fields.put.inserted_at_ms);
    case Tag::expires_at_ms:
      return read_time(ByteReader(value), fields.put.expires_at_ms);
    case Tag::tag:
      return read_tag(text, fields.put);
    case Tag::attribute:
      return read_attribute(ByteReader(value), fields.put);
    case Tag::cost:
      return read_cost(ByteReader(value), fields.put);
    case Tag::reason:
      if (value.size() != 1) return bad("the reason has a wrong size");
      fields.reason = value[0];
      return {};
    case Tag::deleted_at_ms:
      return read_time(ByteReader(value), fields.deleted_at_ms);
    case Tag::slots:
      return read_slots(ByteReader(value), fields);
  }
  return {};  // of a later build: skipped
}

Status read_fields(ByteReader& in, Fields& fields) {
  uint64_t last = 0;
  while (!in.done() && !in.failed()) {
    const uint64_t tag = in.varint();
    const std::string_view value = in.text();
    if (in.failed()) break;
    if (tag < last || tag == 0 || (tag == last && !may_repeat(tag))) return bad("fields are not in order");
    last = tag;
    FERRO_RETURN_IF_ERROR(read_field(tag, as_bytes(value), fields));
  }
  return in.failed() ? bad("it is cut short") : Status();
}

Result<Operation> build(Kind kind, Fields fields) {
  if (!fields.version) return bad("the version is missing");
  if (const Status key = check_namespace_key(fields.put.ns); !key.ok()) return bad(key.message());
  if (kind != Kind::put && fields.put_only) return bad("a field belongs to another kind");
  if (kind != Kind::remove && (fields.reason || fields.deleted_at_ms != 0))
    return bad("a field belongs to another kind");
  const bool drop = kind == Kind::drop_namespace || kind == Kind::drop_slots;
  if (fields.slots.has_value() != (kind == Kind::drop_slots)) return bad("the slots are missing or too much");
  if (fields.has_id == drop) return bad("the id is missing or too much");
  if (kind == Kind::put) {
    if (fields.put.vector.empty()) return bad("the vector is missing");
    fields.put.version = *fields.version;
    return Operation(std::move(fields.put));
  }
  if (drop) {
    return Operation(
        DropNamespaceOp{std::move(fields.put.ns), *fields.version, fields.slots.value_or(kAllSlots)});
  }
  if (!fields.reason || *fields.reason > static_cast<uint8_t>(DeleteReason::moved)) {
    return bad("the reason is not valid");
  }
  return Operation(DeleteOp{std::move(fields.put.ns), std::move(fields.put.id), *fields.version,
                            static_cast<DeleteReason>(*fields.reason), fields.deleted_at_ms});
}

}  // namespace

const Hlc& version_of(const Operation& op) {
  return std::visit([](const auto& it) -> const Hlc& { return it.version; }, op);
}

const NamespaceKey& namespace_of(const Operation& op) {
  return std::visit([](const auto& it) -> const NamespaceKey& { return it.ns; }, op);
}

int64_t deleted_at_ms(const DeleteOp& op) noexcept {
  return std::max(op.deleted_at_ms, op.version.wall_ms());
}

void encode(const Operation& op, std::string& out) {
  out.push_back(static_cast<char>(kFormatVersion));
  out.push_back(static_cast<char>(kind_of(op)));
  FieldWriter writer(out);
  std::visit([&writer](const auto& it) { write(it, writer); }, op);
}

Result<Operation> decode(Bytes bytes) {
  ByteReader in(bytes);
  const uint8_t format = in.u8();
  const uint8_t kind = in.u8();
  if (in.failed()) return bad("it is cut short");
  if (format != kFormatVersion)
    return bad("format version " + std::to_string(format) + " is not known to this build");
  if (kind < static_cast<uint8_t>(Kind::put) || kind > static_cast<uint8_t>(Kind::drop_slots)) {
    return bad("kind " + std::to_string(kind) + " is not known to this build");
  }
  Fields fields;
  FERRO_RETURN_IF_ERROR(read_fields(in, fields));
  return build(static_cast<Kind>(kind), std::move(fields));
}

}  // namespace ferro::node::model
