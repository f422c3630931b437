// SHA-256 and comparison without a timing side channel. Pure functions; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "common/base/bytes.h"

namespace ferro::crypto {

using Sha256Digest = std::array<uint8_t, 32>;

Sha256Digest sha256(Bytes data);
std::string to_hex(Bytes data);  // lower case

// True if equal. The time depends on the lengths alone, never on where the first difference stands.
bool constant_time_equal(Bytes a, Bytes b) noexcept;
// The same for digests, word by word: a token is compared with every known one.
inline bool digests_equal(const Sha256Digest& a, const Sha256Digest& b) noexcept {
  std::array<uint64_t, 4> x, y;
  static_assert(sizeof x == sizeof a);
  std::memcpy(x.data(), a.data(), sizeof x);
  std::memcpy(y.data(), b.data(), sizeof y);
  return ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3])) == 0;
}

}  // namespace ferro::crypto
