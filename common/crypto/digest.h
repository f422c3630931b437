// SHA-256 and comparison without a timing side channel. Pure functions; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "common/base/bytes.h"

namespace ferro::crypto {

using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest sha256(Bytes data);
std::string to_hex(Bytes data);  // lower case

// True if equal. The time depends on the lengths alone, never on where the first difference stands.
bool constant_time_equal(Bytes a, Bytes b) noexcept;

}  // namespace ferro::crypto
