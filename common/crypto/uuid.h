// Ids that the server makes: version 4 UUIDs whose first 16 bits tell the partition that owns the entry, so
// that reading or deleting by id can ask its owner at once.
//
// Octets 0-1 hold the partition XOR octets 14-15; the version and variant bits stand where RFC 9562 puts
// them; the other 106 bits are random. Each bit by itself looks random, and two ids made anywhere collide
// with the chance of 106 random bits. A node without a cluster makes ids of partition 0. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ferro::crypto {

// 36 characters, lower case. internal if the system has no randomness to give.
Result<std::string> make_uuid(uint16_t partition = 0);
// Of an id made by make_uuid; nothing if it cannot be one (wrong shape, upper case, another version). An id
// that a client chose may pass by chance: the answer is where to look first, not a proof.
std::optional<uint16_t> partition_of_uuid(std::string_view uuid) noexcept;

}  // namespace ferro::crypto
