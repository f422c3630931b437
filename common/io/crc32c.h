// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), the checksum of every file format here. Runs at
// memory speed (isa-l picks the instruction set when first called). crc32c("123456789") = 0xE3069283.
#pragma once

#include <cstdint>

#include "common/base/bytes.h"

namespace ferro::io {

// `previous` continues a checksum: crc32c(b, crc32c(a)) is the checksum of a followed by b.
uint32_t crc32c(Bytes bytes, uint32_t previous = 0) noexcept;

}  // namespace ferro::io
