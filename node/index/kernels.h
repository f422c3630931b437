// Dot products of float32 vectors with the widest instructions the machine has (AVX-512, AVX2+FMA, portable),
// chosen once at run time. Pointers need no alignment. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ferro::node::index {

float dot(const float* a, const float* b, size_t dimension) noexcept;
// Scales to length 1 in place; the length is summed in double. False if a value is not finite or all are
// zero: then the content is unspecified. Any other magnitude does, denormal numbers included.
bool normalise(std::span<float> vector) noexcept;
// "avx512", "avx2" or "portable".
std::string_view instruction_set() noexcept;

}  // namespace ferro::node::index
