#include "common/base/bytes.h"

namespace ferro {

void ByteWriter::varint(uint64_t value) {
  while (value >= 0x80) {
    u8(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  u8(static_cast<uint8_t>(value));
}

void ByteWriter::text(std::string_view value) {
  varint(value.size());
  out_.append(value);
}

uint64_t ByteReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint8_t byte = u8();
    if (failed_) return 0;
    if (shift == 63 && byte > 1) break;  // more than 64 bits
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  failed_ = true;
  in_ = {};
  return 0;
}

std::string_view ByteReader::text() {
  const uint64_t size = varint();
  if (size > in_.size()) {
    failed_ = true;
    in_ = {};
    return {};
  }
  return as_text(raw(static_cast<size_t>(size)));
}

Bytes ByteReader::raw(size_t size) {
  if (failed_ || size > in_.size()) {
    failed_ = true;
    in_ = {};
    return {};
  }
  Bytes part = in_.first(size);
  in_ = in_.subspan(size);
  return part;
}

}  // namespace ferro
