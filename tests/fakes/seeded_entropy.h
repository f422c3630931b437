// While one lives, every random byte that this process draws from OpenSSL follows from a seed, so that ids
// and whatever else the product draws are the same in every run of a simulation. Never beside anything that
// needs real randomness. One at a time, one thread.
#pragma once

#include <cstdint>

namespace ferro::fakes {

class SeededEntropy {
 public:
  explicit SeededEntropy(uint64_t seed);
  ~SeededEntropy();
  SeededEntropy(const SeededEntropy&) = delete;
  SeededEntropy& operator=(const SeededEntropy&) = delete;
};

}  // namespace ferro::fakes
