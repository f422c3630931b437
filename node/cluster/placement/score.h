// How much a member wants a partition, in integers alone: the same on every machine, compiler and libm.
// Private to node/cluster/placement.
#pragma once

#include <cstdint>
#include <string_view>

namespace ferro::node::cluster {

// 64 bits that stand for this member.
uint64_t hash_of_member(std::string_view id) noexcept;

// -log2((x + 1) / 2^64) with 32 bits behind the point, rounded up: 0 for the largest x, 64 * 2^32 for 0. Each
// squaring of the mantissa yields the next bit of the logarithm.
uint64_t negative_log2(uint64_t x) noexcept;

// The distance of a member from a partition: an exponentially distributed number, scaled by 1 / weight, so
// that the nearest of several members is each of them with a chance of its weight over all weights.
// `weight` > 0.
uint64_t distance(uint64_t member_hash, uint16_t partition, uint32_t weight) noexcept;

}  // namespace ferro::node::cluster
