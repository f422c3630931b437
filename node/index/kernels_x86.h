// Kernels that more than one x86 set uses.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ferro::node::index {

struct Candidate;

float dot_avx512(const float* a, const float* b, size_t dimension) noexcept;
void hadamard_avx512(float* values, size_t size) noexcept;
void flip_avx512(float* values, const uint64_t* signs, float scale, size_t size) noexcept;
void sign_bits_avx512(const float* values, size_t size, uint64_t* bits) noexcept;
size_t hamming_select_avx2(const uint64_t* codes, size_t words, const uint64_t* query, uint64_t live,
                           uint32_t first_row, uint32_t bound, Candidate* out) noexcept;

}  // namespace ferro::node::index
