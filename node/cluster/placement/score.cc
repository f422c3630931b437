#include "node/cluster/placement/score.h"

#include <xxhash.h>

#include <bit>

namespace ferro::node::cluster {

namespace {

constexpr unsigned kFractionBits = 32;
// The logarithm needs 39 bits; what is left of 64 keeps heavy weights apart.
constexpr unsigned kScaleBits = 25;

// The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection that spreads every bit.
uint64_t mix(uint64_t x) noexcept {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9;
  x ^= x >> 27;
  x *= 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

uint64_t high_product(uint64_t a, uint64_t b) noexcept {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>((static_cast<Wide>(a) * b) >> 64);
}

}  // namespace

uint64_t hash_of_member(std::string_view id) noexcept {
  return XXH3_64bits(id.data(), id.size());
}

uint64_t negative_log2(uint64_t x) noexcept {
  if (x == UINT64_MAX) return 0;
  const uint64_t number = x + 1;
  const auto whole = static_cast<unsigned>(63 - std::countl_zero(number));
  uint64_t log2 = whole;
  // 1 <= mantissa < 2, with 63 bits behind the point.
  uint64_t mantissa = number << (63 - whole);
  for (unsigned bit = 0; bit < kFractionBits; ++bit) {
    const uint64_t square = high_product(mantissa, mantissa);  // 62 bits behind the point, 1 <= square < 4
    const bool two = (square >> 63) != 0;
    log2 = (log2 << 1) | (two ? 1U : 0U);
    mantissa = two ? square : square << 1;
  }
  return (uint64_t{64} << kFractionBits) - log2;
}

uint64_t distance(uint64_t member_hash, uint16_t partition, uint32_t weight) noexcept {
  // Twice: a partition changes 10 bits, and the difference of two members must not survive.
  const uint64_t hash = mix(mix(member_hash ^ partition) + 0x9E3779B97F4A7C15 * (partition + uint64_t{1}));
  return (negative_log2(hash) << kScaleBits) / weight;
}

}  // namespace ferro::node::cluster
