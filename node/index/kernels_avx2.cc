// AVX2, FMA and POPCNT (x86-64-v3). See kernel_table.h for what such a file may not use.
#include <immintrin.h>

#include "node/index/kernel_table.h"
#include "node/index/kernels_x86.h"

namespace ferro::node::index {

namespace {

float sum_of(__m256 value) noexcept {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps(value, 1));
  const __m128 quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
}

float dot_avx2(const float* a, const float* b, size_t dimension) noexcept {
  __m256 sum0 = _mm256_setzero_ps();
  __m256 sum1 = sum0;
  __m256 sum2 = sum0;
  __m256 sum3 = sum0;
  size_t i = 0;
  for (; i + 32 <= dimension; i += 32) {
    sum0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sum0);
    sum1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), sum1);
    sum2 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16), sum2);
    sum3 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24), sum3);
  }
  for (; i + 8 <= dimension; i += 8) {
    sum0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sum0);
  }
  float rest = 0.0F;
  for (; i < dimension; ++i) rest += a[i] * b[i];
  return sum_of(_mm256_add_ps(_mm256_add_ps(sum0, sum1), _mm256_add_ps(sum2, sum3))) + rest;
}

}  // namespace

// Codes are short (6 to 24 words), so POPCNT beats counting by table look-up.
size_t hamming_select_avx2(const uint64_t* codes, size_t words, const uint64_t* query, uint64_t live,
                           uint32_t first_row, uint32_t bound, Candidate* out) noexcept {
  size_t found = 0;
  for (; live != 0; live &= live - 1) {
    const auto at = static_cast<uint32_t>(__builtin_ctzll(live));
    const uint64_t* code = codes + at * words;
    uint64_t even = 0;
    uint64_t odd = 0;
    size_t i = 0;
    for (; i + 2 <= words; i += 2) {
      even += static_cast<uint64_t>(__builtin_popcountll(code[i] ^ query[i]));
      odd += static_cast<uint64_t>(__builtin_popcountll(code[i + 1] ^ query[i + 1]));
    }
    if (i < words) even += static_cast<uint64_t>(__builtin_popcountll(code[i] ^ query[i]));
    const auto distance = static_cast<uint32_t>(even + odd);
    if (distance <= bound) out[found++] = {first_row + at, distance};
  }
  return found;
}

namespace {

// The first three stages pair neighbours within one register.
__m256 hadamard_8(__m256 v) noexcept {
  const __m256 sign1 =
      _mm256_castsi256_ps(_mm256_setr_epi32(0, INT32_MIN, 0, INT32_MIN, 0, INT32_MIN, 0, INT32_MIN));
  const __m256 sign2 =
      _mm256_castsi256_ps(_mm256_setr_epi32(0, 0, INT32_MIN, INT32_MIN, 0, 0, INT32_MIN, INT32_MIN));
  const __m256 sign4 =
      _mm256_castsi256_ps(_mm256_setr_epi32(0, 0, 0, 0, INT32_MIN, INT32_MIN, INT32_MIN, INT32_MIN));
  v = _mm256_add_ps(_mm256_permute_ps(v, 0xB1), _mm256_xor_ps(v, sign1));
  v = _mm256_add_ps(_mm256_permute_ps(v, 0x4E), _mm256_xor_ps(v, sign2));
  return _mm256_add_ps(_mm256_permute2f128_ps(v, v, 0x01), _mm256_xor_ps(v, sign4));
}

void hadamard_avx2(float* values, size_t size) noexcept {
  for (size_t i = 0; i < size; i += 8) _mm256_storeu_ps(values + i, hadamard_8(_mm256_loadu_ps(values + i)));
  for (size_t half = 8; half < size; half *= 2) {
    for (size_t start = 0; start < size; start += 2 * half) {
      for (size_t i = start; i < start + half; i += 8) {
        const __m256 low = _mm256_loadu_ps(values + i);
        const __m256 high = _mm256_loadu_ps(values + i + half);
        _mm256_storeu_ps(values + i, _mm256_add_ps(low, high));
        _mm256_storeu_ps(values + i + half, _mm256_sub_ps(low, high));
      }
    }
  }
}

void flip_avx2(float* values, const uint64_t* signs, float scale, size_t size) noexcept {
  const __m256i lane_bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256 factor = _mm256_set1_ps(scale);
  for (size_t i = 0; i < size; i += 8) {
    const __m256i byte = _mm256_set1_epi32(static_cast<int>(signs[i / 64] >> (i % 64) & 0xFFU));
    const __m256i set = _mm256_cmpeq_epi32(_mm256_and_si256(byte, lane_bits), lane_bits);
    const __m256 sign = _mm256_castsi256_ps(_mm256_slli_epi32(set, 31));
    _mm256_storeu_ps(values + i, _mm256_mul_ps(_mm256_loadu_ps(values + i), _mm256_xor_ps(factor, sign)));
  }
}

void sign_bits_avx2(const float* values, size_t size, uint64_t* bits) noexcept {
  for (size_t word = 0; word < size / 64; ++word) {
    uint64_t value = 0;
    for (size_t i = 0; i < 64; i += 8) {
      const auto byte = static_cast<uint32_t>(_mm256_movemask_ps(_mm256_loadu_ps(values + word * 64 + i)));
      value |= static_cast<uint64_t>(byte) << i;
    }
    bits[word] = value;
  }
}

}  // namespace

const Kernels kAvx2Kernels = {"avx2",        dot_avx2,  hamming_select_avx2,
                              hadamard_avx2, flip_avx2, sign_bits_avx2};

}  // namespace ferro::node::index
