// Turns unit vectors into 1-bit codes: a fixed pseudo-random rotation, then the signs of the coordinates.
// Each bit of two codes differs with probability angle / pi (Charikar 2002), so the Hamming distance
// estimates the angle.
//
// The rotation is rounds of random sign flips and fast Walsh-Hadamard transforms (Ailon and Chazelle 2006),
// O(D log D). A dimension that is no power of two takes its rounds on the leading and the trailing
// power-of-two block by turns; the blocks overlap by half or more, so everything mixes. The flips are
// constants: codes of one dimension compare across namespaces and runs, and nothing is stored. Stateless and
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace ferro::node::index {

// 64-bit words in a code of this dimension.
size_t code_words(size_t dimension) noexcept;
// Writes code_words(unit_vector.size()) words. Equal vectors get equal codes.
void encode(std::span<const float> unit_vector, uint64_t* code) noexcept;
// The largest distance between codes of two vectors with this cosine that has to be reckoned with: the
// expected distance plus so many standard deviations that exceeding it is negligible (measured in
// docs/decisions/0002).
uint32_t distance_bound(float cosine, size_t code_bits) noexcept;

}  // namespace ferro::node::index
