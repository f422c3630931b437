// The seed of a test that draws at random.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

namespace ferro::fakes {

// What FERRO_TEST_SEED says, which repeats a run (continuous integration sets it, so that a change lands or
// not by what it does), otherwise a new one at each call. The caller shows it on failure with a SCOPED_TRACE.
inline uint64_t test_seed() {
  const char* const wanted = std::getenv("FERRO_TEST_SEED");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : std::random_device{}();
}

}  // namespace ferro::fakes
