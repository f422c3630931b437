// AVX-512 with VPOPCNTDQ. See kernel_table.h for what such a file may not use.
#include <immintrin.h>

#include "node/index/kernel_table.h"
#include "node/index/kernels_x86.h"

namespace ferro::node::index {

namespace {

__m512i count_differing(const uint64_t* code, const uint64_t* query, size_t words) noexcept {
  __m512i sum = _mm512_setzero_si512();
  size_t i = 0;
  for (; i + 8 <= words; i += 8) {
    const __m512i differing = _mm512_xor_si512(_mm512_loadu_si512(code + i), _mm512_loadu_si512(query + i));
    sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(differing));
  }
  if (i < words) {
    const auto mask = static_cast<__mmask8>((1U << (words - i)) - 1U);
    const __m512i differing =
        _mm512_xor_si512(_mm512_maskz_loadu_epi64(mask, code + i), _mm512_maskz_loadu_epi64(mask, query + i));
    sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(differing));
  }
  return sum;
}

// Lane i of the result is the sum of the lanes of v[i]: three halving steps over all eight at once.
__m512i sums_of_eight(const __m512i* v) noexcept {
  __m512i pair[4];
  for (int i = 0; i < 4; ++i) {
    pair[i] = _mm512_add_epi64(_mm512_unpacklo_epi64(v[2 * i], v[2 * i + 1]),
                               _mm512_unpackhi_epi64(v[2 * i], v[2 * i + 1]));
  }
  __m512i quad[2];
  for (int i = 0; i < 2; ++i) {
    quad[i] = _mm512_add_epi64(_mm512_shuffle_i64x2(pair[2 * i], pair[2 * i + 1], 0x88),
                               _mm512_shuffle_i64x2(pair[2 * i], pair[2 * i + 1], 0xDD));
  }
  return _mm512_add_epi64(_mm512_shuffle_i64x2(quad[0], quad[1], 0x88),
                          _mm512_shuffle_i64x2(quad[0], quad[1], 0xDD));
}

size_t hamming_select_popcnt(const uint64_t* codes, size_t words, const uint64_t* query, uint64_t live,
                             uint32_t first_row, uint32_t bound, Candidate* out) noexcept {
  size_t found = 0;
  const __m512i limit = _mm512_set1_epi64(static_cast<int64_t>(bound));
  for (uint32_t group = 0; group < 64 && (live >> group) != 0; group += 8) {
    const auto wanted = static_cast<__mmask8>((live >> group) & 0xFFU);
    if (wanted == 0) continue;
    // A dead row's lane reads a live one instead and is masked out of the result.
    const auto stand_in = static_cast<uint32_t>(__builtin_ctz(wanted));
    __m512i sums[8];
    for (uint32_t i = 0; i < 8; ++i) {
      const uint32_t at = group + (((wanted >> i) & 1U) != 0 ? i : stand_in);
      sums[i] = count_differing(codes + at * words, query, words);
    }
    const __m512i distances = sums_of_eight(sums);
    uint32_t near = _mm512_mask_cmple_epu64_mask(wanted, distances, limit);
    if (near == 0) continue;
    alignas(64) uint64_t values[8];
    _mm512_store_si512(values, distances);
    for (; near != 0; near &= near - 1) {
      const auto lane = static_cast<uint32_t>(__builtin_ctz(near));
      out[found++] = {first_row + group + lane, static_cast<uint32_t>(values[lane])};
    }
  }
  return found;
}

}  // namespace

const Kernels kAvx512PopcntKernels = {"avx512",        dot_avx512,  hamming_select_popcnt,
                                      hadamard_avx512, flip_avx512, sign_bits_avx512};

}  // namespace ferro::node::index
