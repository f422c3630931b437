#include <algorithm>

#include "node/cluster/wire/fields.h"
#include "node/cluster/wire/parts.h"

namespace ferro::node::cluster {

void FieldWriter::always(uint64_t tag, std::string_view value) {
  ByteWriter out(out_);
  out.varint(tag);
  out.text(value);
}

void FieldWriter::varint(uint64_t tag, uint64_t value) {
  const size_t start = begin(tag);
  ByteWriter(out_).varint(value);
  end(start);
}

void FieldWriter::each(uint64_t tag, const std::vector<std::string>& values) {
  for (const std::string& value : values) always(tag, value);
}

size_t FieldWriter::begin(uint64_t tag) {
  ByteWriter(out_).varint(tag);
  return out_.size();
}

void FieldWriter::end(size_t start) {
  std::string length;
  ByteWriter(length).varint(out_.size() - start);
  out_.insert(start, length);
}

void FieldWriter::hash(uint64_t tag, uint64_t value) {
  if (value == 0) return;
  const size_t start = begin(tag);
  ByteWriter(out_).u64(value);
  end(start);
}

void FieldWriter::stamp(uint64_t tag, const Hlc& value) {
  if (value == Hlc{}) return;
  const size_t start = begin(tag);
  ByteWriter out(out_);
  out.u64(value.ticks);
  out.u32(value.node);
  end(start);
}

void FieldWriter::flag(uint64_t tag, bool value, bool otherwise) {
  if (value == otherwise) return;
  const char byte = value ? 1 : 0;
  always(tag, {&byte, 1});
}

void FieldWriter::similarity(uint64_t tag, float value) {
  always(tag, {reinterpret_cast<const char*>(&value), sizeof value});
}

void FieldWriter::optional_similarity(uint64_t tag, const std::optional<float>& value) {
  if (value) similarity(tag, *value);
}

void FieldWriter::optional_cosine(uint64_t share_tag, uint64_t tag, const std::optional<float>& value) {
  if (!value) return;
  const float share = std::clamp(*value, 0.0F, 1.0F);
  similarity(share_tag, share);
  if (share != *value) similarity(tag, *value);
}

void FieldWriter::real(uint64_t tag, double value) {
  if (value != 0.0) always(tag, {reinterpret_cast<const char*>(&value), sizeof value});
}

void FieldWriter::optional_cost(uint64_t tag, const std::optional<double>& value) {
  if (value) always(tag, {reinterpret_cast<const char*>(&*value), sizeof *value});
}

void FieldWriter::unit_vector(uint64_t tag, const std::vector<float>& value) {
  if (value.empty()) return;
  always(tag, {reinterpret_cast<const char*>(value.data()), value.size() * sizeof(float)});
}

void FieldWriter::attributes(uint64_t tag, const model::Attributes& values) {
  for (const auto& [name, value] : values) {
    const size_t start = begin(tag);
    ByteWriter out(out_);
    out.text(name);
    out.raw(as_bytes(value));
    end(start);
  }
}

void FieldWriter::key(uint64_t tag, const model::NamespaceKey& value) {
  message(tag, value);
}

void FieldWriter::partitions(uint64_t tag, const model::PartitionSet& value) {
  if (value.none()) return always(tag, {});
  std::string bits(model::kPartitions / 8, '\0');
  for (size_t p = 0; p < model::kPartitions; ++p) {
    if (value[p]) bits[p / 8] = static_cast<char>(static_cast<uint8_t>(bits[p / 8]) | (1U << (p % 8)));
  }
  always(tag, bits);
}

void FieldWriter::status(uint64_t tag, const Status& value) {
  if (!value.ok()) message(tag, StatusFields{wire_code(value.code()), value.message()});
}

}  // namespace ferro::node::cluster
