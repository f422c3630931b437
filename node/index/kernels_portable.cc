// Plain C++: runs everywhere, and says what the others must compute.
#include "node/index/kernel_table.h"

namespace ferro::node::index {

namespace {

// Independent sums, so that the compiler may keep them in vector registers of any width.
constexpr size_t kLanes = 16;

float dot_portable(const float* a, const float* b, size_t dimension) noexcept {
  float sums[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= dimension; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  float rest = 0.0F;
  for (; i < dimension; ++i) rest += a[i] * b[i];
  for (size_t width = kLanes / 2; width > 0; width /= 2) {
    for (size_t lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
  }
  return sums[0] + rest;
}

size_t hamming_select_portable(const uint64_t* codes, size_t words, const uint64_t* query, uint64_t live,
                               uint32_t first_row, uint32_t bound, Candidate* out) noexcept {
  size_t found = 0;
  for (; live != 0; live &= live - 1) {
    const auto at = static_cast<uint32_t>(__builtin_ctzll(live));
    const uint64_t* code = codes + at * words;
    uint32_t distance = 0;
    for (size_t i = 0; i < words; ++i) {
      distance += static_cast<uint32_t>(__builtin_popcountll(code[i] ^ query[i]));
    }
    if (distance <= bound) out[found++] = {first_row + at, distance};
  }
  return found;
}

void hadamard_portable(float* values, size_t size) noexcept {
  for (size_t half = 1; half < size; half *= 2) {
    for (size_t start = 0; start < size; start += 2 * half) {
      float* low = values + start;
      float* high = low + half;
      for (size_t i = 0; i < half; ++i) {
        const float sum = low[i] + high[i];
        high[i] = low[i] - high[i];
        low[i] = sum;
      }
    }
  }
}

void flip_portable(float* values, const uint64_t* signs, float scale, size_t size) noexcept {
  for (size_t i = 0; i < size; ++i) values[i] *= (signs[i / 64] >> (i % 64) & 1U) != 0 ? -scale : scale;
}

void sign_bits_portable(const float* values, size_t size, uint64_t* bits) noexcept {
  for (size_t word = 0; word < size / 64; ++word) {
    uint64_t value = 0;
    for (size_t i = 0; i < 64; ++i)
      value |= static_cast<uint64_t>(__builtin_signbit(values[word * 64 + i]) != 0) << i;
    bits[word] = value;
  }
}

}  // namespace

const Kernels kPortableKernels = {"portable",        dot_portable,  hamming_select_portable,
                                  hadamard_portable, flip_portable, sign_bits_portable};

}  // namespace ferro::node::index
