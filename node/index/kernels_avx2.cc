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

namespace {

// Below so many words POPCNT of one word after the other is faster than counting four codes at once.
constexpr size_t kWordsAtOnceMin = 8;

size_t select_by_word(const uint64_t* codes, size_t words, const uint64_t* query, uint64_t live,
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

// Differing bits of each byte, by a table of the sixteen half bytes (W. Mula).
__m256i bits_by_byte(__m256i value) noexcept {
  const __m256i bits_of = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2,
                                           2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low_half = _mm256_set1_epi8(0x0F);
  const __m256i low = _mm256_shuffle_epi8(bits_of, _mm256_and_si256(value, low_half));
  const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(value, 4), low_half);
  return _mm256_add_epi8(low, _mm256_shuffle_epi8(bits_of, upper));
}

const __m256i* as_vector(const uint64_t* words) noexcept {
  return reinterpret_cast<const __m256i*>(words);
}

// How far each of four codes is from the query, byte by byte: a byte counts at most eight for each four
// words, so the 64 words of the longest code fit.
void count_differing(const uint64_t* const* codes, size_t words, const uint64_t* query,
                     __m256i* counts) noexcept {
#pragma GCC unroll 4
  for (int row = 0; row < 4; ++row) counts[row] = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 4 <= words; i += 4) {
    const __m256i wanted = _mm256_loadu_si256(as_vector(query + i));
#pragma GCC unroll 4
    for (int row = 0; row < 4; ++row) {
      const __m256i differing = _mm256_xor_si256(_mm256_loadu_si256(as_vector(codes[row] + i)), wanted);
      counts[row] = _mm256_add_epi8(counts[row], bits_by_byte(differing));
    }
  }
  if (i == words) return;
  const __m256i mask =
      _mm256_cmpgt_epi64(_mm256_set1_epi64x(static_cast<int64_t>(words - i)), _mm256_setr_epi64x(0, 1, 2, 3));
  const auto rest = [mask](const uint64_t* from) {
    return _mm256_maskload_epi64(reinterpret_cast<const long long*>(from), mask);
  };
  const __m256i wanted = rest(query + i);
#pragma GCC unroll 4
  for (int row = 0; row < 4; ++row) {
    const __m256i differing = _mm256_xor_si256(rest(codes[row] + i), wanted);
    counts[row] = _mm256_add_epi8(counts[row], bits_by_byte(differing));
  }
}

// Lane i of the result is the sum of the bytes of v[i].
__m256i sums_of_four(const __m256i* v) noexcept {
  __m256i sums[4];
  for (int i = 0; i < 4; ++i) sums[i] = _mm256_sad_epu8(v[i], _mm256_setzero_si256());
  const __m256i first =
      _mm256_add_epi64(_mm256_unpacklo_epi64(sums[0], sums[1]), _mm256_unpackhi_epi64(sums[0], sums[1]));
  const __m256i second =
      _mm256_add_epi64(_mm256_unpacklo_epi64(sums[2], sums[3]), _mm256_unpackhi_epi64(sums[2], sums[3]));
  return _mm256_add_epi64(_mm256_permute2x128_si256(first, second, 0x20),
                          _mm256_permute2x128_si256(first, second, 0x31));
}

}  // namespace

size_t hamming_select_avx2(const uint64_t* codes, size_t words, const uint64_t* query, uint64_t live,
                           uint32_t first_row, uint32_t bound, Candidate* out) noexcept {
  if (words < kWordsAtOnceMin) return select_by_word(codes, words, query, live, first_row, bound, out);
  size_t found = 0;
  const __m256i limit = _mm256_set1_epi64x(static_cast<int64_t>(bound));
  for (uint32_t group = 0; group < 64 && (live >> group) != 0; group += 4) {
    const auto wanted = static_cast<uint32_t>((live >> group) & 0xFU);
    if (wanted == 0) continue;
    // A dead row's lane reads a live one instead and is masked out of the result.
    const auto stand_in = static_cast<uint32_t>(__builtin_ctz(wanted));
    const uint64_t* rows[4];
    for (uint32_t i = 0; i < 4; ++i)
      rows[i] = codes + (group + (((wanted >> i) & 1U) != 0 ? i : stand_in)) * words;
    __m256i counts[4];
    count_differing(rows, words, query, counts);
    const __m256i distances = sums_of_four(counts);
    const __m256i far = _mm256_cmpgt_epi64(distances, limit);
    uint32_t near = wanted & ~static_cast<uint32_t>(_mm256_movemask_pd(_mm256_castsi256_pd(far)));
    if (near == 0) continue;
    alignas(32) uint64_t values[4];
    _mm256_store_si256(reinterpret_cast<__m256i*>(values), distances);
    for (; near != 0; near &= near - 1) {
      const auto lane = static_cast<uint32_t>(__builtin_ctz(near));
      out[found++] = {first_row + group + lane, static_cast<uint32_t>(values[lane])};
    }
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
