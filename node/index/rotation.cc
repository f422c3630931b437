#include "node/index/rotation.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>

#include "common/base/limits.h"
#include "node/index/kernel_table.h"

namespace ferro::node::index {

namespace {

constexpr size_t kWordBits = 64;
// Enough that even vectors with one or two non-zero coordinates come out without structure: one full mixing
// leaves sums of few terms that cancel exactly; see RotationTest.
constexpr size_t kRounds = 6;

constexpr size_t padded_dimension(size_t dimension) {
  return (dimension + kWordBits - 1) / kWordBits * kWordBits;
}

using Flips = std::array<std::array<uint64_t, limits::kDimensionMax / kWordBits>, kRounds>;

// SplitMix64 (Steele, Lea, Flood 2014) from a fixed seed.
constexpr Flips make_flips() {
  Flips flips{};
  uint64_t state = 0x6665'7272'6f63'6163;
  for (auto& round : flips) {
    for (uint64_t& word : round) {
      state += 0x9E37'79B9'7F4A'7C15;
      uint64_t mixed = (state ^ (state >> 30)) * 0xBF58'476D'1CE4'E5B9;
      mixed = (mixed ^ (mixed >> 27)) * 0x94D0'49BB'1331'11EB;
      word = mixed ^ (mixed >> 31);
    }
  }
  return flips;
}

constexpr Flips kFlips = make_flips();

}  // namespace

size_t code_words(size_t dimension) noexcept {
  return padded_dimension(dimension) / kWordBits;
}

void encode(std::span<const float> unit_vector, uint64_t* code) noexcept {
  const Kernels& kernels = best_kernels();
  const size_t padded = padded_dimension(unit_vector.size());
  const size_t block = std::bit_floor(padded);
  const float scale = 1.0F / std::sqrt(static_cast<float>(block));
  alignas(64) std::array<float, limits::kDimensionMax> values;
  std::copy(unit_vector.begin(), unit_vector.end(), values.begin());
  std::fill(values.begin() + static_cast<long>(unit_vector.size()),
            values.begin() + static_cast<long>(padded), 0.0F);
  for (size_t round = 0; round < kRounds; ++round) {
    float* start = values.data() + (round % 2 == 0 ? 0 : padded - block);
    kernels.flip(start, kFlips[round].data(), scale, block);
    kernels.hadamard(start, block);
  }
  kernels.sign_bits(values.data(), padded, code);
}

uint32_t distance_bound(float cosine, size_t code_bits) noexcept {
  constexpr double kDeviations = 5.0;
  constexpr double kSlack = 4.0;  // for tiny angles, where the distribution is not normal
  const double share = std::acos(std::clamp(static_cast<double>(cosine), -1.0, 1.0)) / std::numbers::pi;
  const auto bits = static_cast<double>(code_bits);
  const double bound = bits * share + kDeviations * std::sqrt(bits * share * (1.0 - share)) + kSlack;
  return static_cast<uint32_t>(std::min(bound, bits));
}

}  // namespace ferro::node::index
