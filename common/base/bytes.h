// Little-endian encoding and bounds-checked decoding for file and wire formats.
//
// ByteReader works on bytes from disk or network: every read checks what is left, a failed read makes the
// reader `failed()` for good and yields zero values, so a decoder checks once at its end.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace ferro {

using Bytes = std::span<const uint8_t>;

inline Bytes as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Appends to a std::string that the caller owns and that outlives the writer.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void u8(uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u16(uint16_t value) { fixed(&value, sizeof value); }
  void u32(uint32_t value) { fixed(&value, sizeof value); }
  void u64(uint64_t value) { fixed(&value, sizeof value); }
  void f64(double value) { fixed(&value, sizeof value); }
  // LEB128: seven bits a byte, low first, at most ten bytes.
  void varint(uint64_t value);
  // varint length, then the bytes.
  void text(std::string_view value);
  void raw(Bytes value) { out_.append(as_text(value)); }
  size_t size() const noexcept { return out_.size(); }

 private:
  void fixed(const void* value, size_t size) { out_.append(static_cast<const char*>(value), size); }
  std::string& out_;
};

// Reads from a span that outlives the reader and every view it hands out.
class ByteReader {
 public:
  explicit ByteReader(Bytes in) : in_(in) {}

  uint8_t u8() { return fixed<uint8_t>(); }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  double f64() { return fixed<double>(); }
  uint64_t varint();
  std::string_view text();
  Bytes raw(size_t size);

  size_t left() const noexcept { return in_.size(); }
  bool done() const noexcept { return in_.empty(); }
  bool failed() const noexcept { return failed_; }

 private:
  template <typename T>
  T fixed() {
    T value{};
    if (Bytes part = raw(sizeof(T)); part.size() == sizeof(T)) std::memcpy(&value, part.data(), sizeof(T));
    return value;
  }
  Bytes in_;
  bool failed_ = false;
};

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "formats are little-endian and written as they stand");

}  // namespace ferro
