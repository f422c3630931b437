// Unpredictable bits from OpenSSL's generator. Thread-safe.
#pragma once

#include <cstdint>

namespace ferro::crypto {

// Aborts if the operating system has no entropy to give, which it only lacks when it is broken.
uint64_t random_u64();

}  // namespace ferro::crypto
