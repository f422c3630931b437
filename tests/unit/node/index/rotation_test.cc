#include "node/index/rotation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "node/index/kernels.h"
#include "tests/unit/node/index/vectors.h"

namespace ferro::node::index {
namespace {

constexpr unsigned kSeed = 31337;
using Vectors = std::vector<std::vector<float>>;

// Over all pairs: how far the distance strays from what the angle promises, in standard deviations of a
// binomial.
struct Deviation {
  double mean = 0.0;
  double deviation = 0.0;
  size_t beyond_bound = 0;
};

Deviation measure(const Vectors& vectors) {
  const size_t words = code_words(vectors[0].size());
  const auto bits = static_cast<double>(words * 64);
  std::vector<uint64_t> codes(vectors.size() * words);
  for (size_t i = 0; i < vectors.size(); ++i) encode(vectors[i], &codes[i * words]);
  Deviation result;
  double sum = 0.0;
  double squares = 0.0;
  double count = 0.0;
  for (size_t i = 0; i < vectors.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const float cosine = dot(vectors[i].data(), vectors[j].data(), vectors[i].size());
      uint32_t distance = 0;
      for (size_t word = 0; word < words; ++word) {
        distance +=
            static_cast<uint32_t>(__builtin_popcountll(codes[i * words + word] ^ codes[j * words + word]));
      }
      if (distance > distance_bound(cosine, words * 64)) ++result.beyond_bound;
      const double share = std::acos(std::clamp(static_cast<double>(cosine), -1.0, 1.0)) / std::numbers::pi;
      const double spread = std::sqrt(bits * share * (1.0 - share));
      if (spread < 1.0) continue;
      const double z = (static_cast<double>(distance) - bits * share) / spread;
      sum += z;
      squares += z * z;
      count += 1.0;
    }
  }
  result.mean = sum / count;
  result.deviation = std::sqrt(squares / count - result.mean * result.mean);
  return result;
}

class EveryCodedDimension : public ::testing::TestWithParam<size_t> {
 protected:
  std::mt19937 rng{kSeed};
};
INSTANTIATE_TEST_SUITE_P(Dimensions, EveryCodedDimension, ::testing::Values(64, 100, 384, 768, 1536));

void expect_like_a_binomial(const Vectors& vectors) {
  const Deviation got = measure(vectors);
  EXPECT_EQ(got.beyond_bound, 0U);
  EXPECT_NEAR(got.mean, 0.0, 0.4);
  EXPECT_LT(got.deviation, 1.1);
}

TEST_P(EveryCodedDimension, DistanceTellsTheAngleOfClusteredVectors) {
  Vectors vectors;
  for (int topic = 0; topic < 10; ++topic) {
    const std::vector<float> centre = random_unit_vector(rng, GetParam());
    for (int i = 0; i < 35; ++i) vectors.push_back(vector_near(rng, centre, 0.035F * static_cast<float>(i)));
  }
  expect_like_a_binomial(vectors);
}

// The cases where too few rounds of mixing leave sums that cancel exactly, so that signs are up to rounding.
TEST_P(EveryCodedDimension, DistanceTellsTheAngleOfSparseVectors) {
  Vectors vectors;
  for (int i = 0; i < 350; ++i) {
    std::vector<float> vector(GetParam(), 0.0F);
    for (int k = 0; k <= i % 3; ++k)
      vector[rng() % 8] += rng() % 2 == 0 ? 1.0F : -0.9F - 0.01F * static_cast<float>(i % 9);
    if (normalise(vector)) vectors.push_back(vector);
  }
  expect_like_a_binomial(vectors);
}

TEST_P(EveryCodedDimension, DistanceTellsTheAngleOfMixedWalshFunctions) {
  const auto walsh = [](size_t function, size_t i) {
    return __builtin_popcountll(function & i) % 2 == 0 ? 1.0F : -1.0F;
  };
  Vectors vectors;
  for (int k = 0; k < 350; ++k) {
    const size_t a = rng() % 64;
    const size_t b = rng() % 64;
    const float weight = 0.25F * static_cast<float>(rng() % 5);
    std::vector<float> vector(GetParam());
    for (size_t i = 0; i < vector.size(); ++i) vector[i] = walsh(a, i) + weight * walsh(b, i);
    if (normalise(vector)) vectors.push_back(vector);
  }
  expect_like_a_binomial(vectors);
}

TEST_P(EveryCodedDimension, DistanceTellsTheAngleOfFlippedSigns) {
  Vectors vectors;
  for (int i = 0; i < 350; ++i) {
    std::vector<float> vector(GetParam(), 1.0F);
    for (int k = 0; k < i / 2; ++k) vector[rng() % vector.size()] *= -1.0F;
    normalise(vector);
    vectors.push_back(vector);
  }
  expect_like_a_binomial(vectors);
}

TEST(Rotation, EqualVectorsHaveEqualCodesAndOppositeOnesOpposite) {
  std::mt19937 rng(kSeed);
  for (const size_t dimension : {1, 63, 64, 384, 4096}) {
    std::vector<float> vector = random_unit_vector(rng, dimension);
    const size_t words = code_words(dimension);
    std::vector<uint64_t> code(words);
    std::vector<uint64_t> again(words);
    std::vector<uint64_t> opposite(words);
    encode(vector, code.data());
    encode(vector, again.data());
    for (float& value : vector) value = -value;
    encode(vector, opposite.data());
    EXPECT_EQ(code, again);
    for (size_t i = 0; i < words; ++i) EXPECT_EQ(code[i], ~opposite[i]) << dimension;
  }
}

TEST(DistanceBound, WidensAsTheCosineFallsUpToEverything) {
  for (const size_t bits : {64, 384, 1536}) {
    uint32_t last = 0;
    for (float cosine = 1.0F; cosine > -1.0F; cosine -= 0.01F) {
      const uint32_t bound = distance_bound(cosine, bits);
      EXPECT_GE(bound, last);
      last = bound;
    }
    EXPECT_LT(distance_bound(1.0F, bits), bits / 8);
    EXPECT_EQ(distance_bound(-1.0F, bits), bits);
    EXPECT_EQ(distance_bound(-5.0F, bits), bits);
  }
}

}  // namespace
}  // namespace ferro::node::index
