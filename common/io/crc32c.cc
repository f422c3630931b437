#include "common/io/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <cstddef>

namespace ferro::io {

uint32_t crc32c(Bytes bytes, uint32_t previous) noexcept {
  constexpr size_t kPieceBytesMax = size_t{1} << 30;  // isa-l takes the length as an int
  uint32_t state = ~previous;
  while (!bytes.empty()) {
    const size_t piece = std::min(bytes.size(), kPieceBytesMax);
    // isa-l's parameter lacks a const; it only reads.
    state = crc32_iscsi(const_cast<unsigned char*>(bytes.data()), static_cast<int>(piece), state);
    bytes = bytes.subspan(piece);
  }
  return ~state;
}

}  // namespace ferro::io
