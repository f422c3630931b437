// AVX-512 F, BW, DQ, VL. See kernel_table.h for what such a file may not use.
#include <immintrin.h>

#include "node/index/kernel_table.h"
#include "node/index/kernels_x86.h"

namespace ferro::node::index {

float dot_avx512(const float* a, const float* b, size_t dimension) noexcept {
  __m512 sum0 = _mm512_setzero_ps();
  __m512 sum1 = sum0;
  __m512 sum2 = sum0;
  __m512 sum3 = sum0;
  size_t i = 0;
  for (; i + 64 <= dimension; i += 64) {
    sum0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), sum0);
    sum1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16), sum1);
    sum2 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 32), _mm512_loadu_ps(b + i + 32), sum2);
    sum3 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 48), _mm512_loadu_ps(b + i + 48), sum3);
  }
  for (; i + 16 <= dimension; i += 16) {
    sum0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), sum0);
  }
  if (i < dimension) {
    const auto mask = static_cast<__mmask16>((1U << (dimension - i)) - 1U);
    sum1 = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i), sum1);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sum0, sum1), _mm512_add_ps(sum2, sum3)));
}

namespace {

// The first four stages pair neighbours within one register.
__m512 hadamard_16(__m512 v) noexcept {
  const __m512 zero = _mm512_setzero_ps();
  const auto turn = [zero](__m512 x, __mmask16 negative) { return _mm512_mask_sub_ps(x, negative, zero, x); };
  v = _mm512_add_ps(_mm512_permute_ps(v, 0xB1), turn(v, 0xAAAA));
  v = _mm512_add_ps(_mm512_permute_ps(v, 0x4E), turn(v, 0xCCCC));
  v = _mm512_add_ps(_mm512_shuffle_f32x4(v, v, 0xB1), turn(v, 0xF0F0));
  return _mm512_add_ps(_mm512_shuffle_f32x4(v, v, 0x4E), turn(v, 0xFF00));
}

}  // namespace

void hadamard_avx512(float* values, size_t size) noexcept {
  for (size_t i = 0; i < size; i += 16)
    _mm512_storeu_ps(values + i, hadamard_16(_mm512_loadu_ps(values + i)));
  for (size_t half = 16; half < size; half *= 2) {
    for (size_t start = 0; start < size; start += 2 * half) {
      for (size_t i = start; i < start + half; i += 16) {
        const __m512 low = _mm512_loadu_ps(values + i);
        const __m512 high = _mm512_loadu_ps(values + i + half);
        _mm512_storeu_ps(values + i, _mm512_add_ps(low, high));
        _mm512_storeu_ps(values + i + half, _mm512_sub_ps(low, high));
      }
    }
  }
}

void flip_avx512(float* values, const uint64_t* signs, float scale, size_t size) noexcept {
  const __m512 plus = _mm512_set1_ps(scale);
  const __m512 minus = _mm512_set1_ps(-scale);
  for (size_t i = 0; i < size; i += 16) {
    const auto negative = static_cast<__mmask16>(signs[i / 64] >> (i % 64));
    const __m512 factor = _mm512_mask_blend_ps(negative, plus, minus);
    _mm512_storeu_ps(values + i, _mm512_mul_ps(_mm512_loadu_ps(values + i), factor));
  }
}

void sign_bits_avx512(const float* values, size_t size, uint64_t* bits) noexcept {
  for (size_t word = 0; word < size / 64; ++word) {
    uint64_t value = 0;
    for (size_t i = 0; i < 64; i += 16) {
      const __m512i lanes = _mm512_castps_si512(_mm512_loadu_ps(values + word * 64 + i));
      value |= static_cast<uint64_t>(_mm512_movepi32_mask(lanes)) << i;
    }
    bits[word] = value;
  }
}

}  // namespace ferro::node::index
