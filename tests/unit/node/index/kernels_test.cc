#include "node/index/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "common/base/limits.h"
#include "node/index/kernel_table.h"

namespace ferro::node::index {
namespace {

constexpr unsigned kSeed = 20240817;

std::vector<float> random_floats(std::mt19937& rng, size_t count) {
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(rng);
  return values;
}

class EveryKernel : public ::testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    if (GetParam() >= usable_kernels().count) GTEST_SKIP() << "this machine has fewer instruction sets";
  }
  const Kernels& kernels() const { return *usable_kernels().items[GetParam()]; }
};

INSTANTIATE_TEST_SUITE_P(Sets, EveryKernel, ::testing::Range<size_t>(0, 4));

// Every length, so that every tail of every unrolled loop is met, at an unaligned address.
TEST_P(EveryKernel, DotAgreesWithDoublePrecisionAtEveryDimension) {
  SCOPED_TRACE(kernels().name);
  std::mt19937 rng(kSeed);
  const std::vector<float> a = random_floats(rng, limits::kDimensionMax + 3);
  const std::vector<float> b = random_floats(rng, limits::kDimensionMax + 1);
  for (size_t dimension = 1; dimension <= limits::kDimensionMax; ++dimension) {
    double exact = 0.0;
    double magnitude = 0.0;
    for (size_t i = 0; i < dimension; ++i) {
      const double product = static_cast<double>(a[i + 3]) * static_cast<double>(b[i + 1]);
      exact += product;
      magnitude += std::abs(product);
    }
    const float got = kernels().dot(a.data() + 3, b.data() + 1, dimension);
    ASSERT_NEAR(got, exact, 1e-6 * magnitude + 1e-12) << "dimension " << dimension;
  }
}

TEST_P(EveryKernel, DotReadsNothingBehindItsEnd) {
  for (size_t dimension = 1; dimension <= 200; ++dimension) {
    std::vector<float> a(dimension + 64, std::numeric_limits<float>::quiet_NaN());
    std::fill_n(a.begin(), dimension, 1.0F);
    ASSERT_FLOAT_EQ(kernels().dot(a.data(), a.data(), dimension), static_cast<float>(dimension));
  }
}

TEST_P(EveryKernel, HammingSelectsLiveRowsWithinTheBound) {
  SCOPED_TRACE(kernels().name);
  std::mt19937_64 rng(kSeed);
  for (size_t words = 1; words <= 64; ++words) {
    std::vector<uint64_t> codes(64 * words);
    std::vector<uint64_t> query(words);
    for (uint64_t& word : codes) word = rng();
    for (uint64_t& word : query) word = rng();
    for (const uint64_t live : std::vector<uint64_t>{~0ULL, 0ULL, 1ULL, 1ULL << 63, 0xFF00FF0000FF0001ULL,
                                                     rng(), rng() & rng() & rng()}) {
      const auto bound = static_cast<uint32_t>(words * 32 + rng() % 9);
      std::vector<Candidate> expected;
      for (uint32_t row = 0; row < 64; ++row) {
        uint32_t distance = 0;
        for (size_t i = 0; i < words; ++i) {
          for (uint64_t bits = codes[row * words + i] ^ query[i]; bits != 0; bits >>= 1)
            distance += bits & 1U;
        }
        if ((live >> row & 1U) != 0 && distance <= bound) expected.push_back({1000 + row, distance});
      }
      Candidate found[64];
      const size_t count =
          kernels().hamming_select(codes.data(), words, query.data(), live, 1000, bound, found);
      ASSERT_EQ(count, expected.size()) << words << " words";
      for (size_t i = 0; i < count; ++i) {
        EXPECT_EQ(found[i].row, expected[i].row);
        EXPECT_EQ(found[i].distance, expected[i].distance);
      }
    }
  }
}

// H * H = size * I, and the first output is the plain sum.
TEST_P(EveryKernel, HadamardTwiceIsTheIdentityScaled) {
  SCOPED_TRACE(kernels().name);
  std::mt19937 rng(kSeed);
  for (size_t size = 16; size <= 4096; size *= 2) {
    const std::vector<float> original = random_floats(rng, size);
    std::vector<float> values = original;
    kernels().hadamard(values.data(), size);
    std::vector<float> reference = original;
    kPortableKernels.hadamard(reference.data(), size);
    double sum = 0.0;
    for (float value : original) sum += static_cast<double>(value);
    EXPECT_NEAR(reference[0], sum, 1e-3);
    for (size_t i = 0; i < size; ++i) ASSERT_NEAR(values[i], reference[i], 1e-3) << size << " at " << i;
    kernels().hadamard(values.data(), size);
    for (size_t i = 0; i < size; ++i) {
      ASSERT_NEAR(values[i] / static_cast<float>(size), original[i], 1e-4) << size << " at " << i;
    }
  }
}

TEST_P(EveryKernel, FlipsAndReadsSigns) {
  SCOPED_TRACE(kernels().name);
  std::mt19937_64 rng(kSeed);
  for (size_t size = 64; size <= 512; size += 64) {
    std::vector<uint64_t> signs(size / 64);
    for (uint64_t& word : signs) word = rng();
    std::vector<float> values(size, 1.5F);
    kernels().flip(values.data(), signs.data(), 2.0F, size);
    for (size_t i = 0; i < size; ++i)
      ASSERT_EQ(values[i], (signs[i / 64] >> (i % 64) & 1U) != 0 ? -3.0F : 3.0F);
    std::vector<uint64_t> read(size / 64);
    kernels().sign_bits(values.data(), size, read.data());
    ASSERT_EQ(read, signs);
  }
}

TEST(Kernels, TheBestSetIsInUse) {
  EXPECT_EQ(instruction_set(), usable_kernels().items[0]->name);
  EXPECT_STREQ(usable_kernels().items[usable_kernels().count - 1]->name, "portable");
}

TEST(Normalise, GivesLengthOne) {
  std::mt19937 rng(kSeed);
  for (float scale : {1.0F, 1e-30F, 1e30F}) {
    std::vector<float> values = random_floats(rng, 384);
    for (float& value : values) value *= scale;
    ASSERT_TRUE(normalise(values));
    EXPECT_NEAR(dot(values.data(), values.data(), values.size()), 1.0F, 1e-6F);
  }
}

TEST(Normalise, TakesEveryMagnitude) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const float huge = std::numeric_limits<float>::max();
  for (std::vector<float> values : std::vector<std::vector<float>>{
           {tiny, 0, 0}, {tiny, -tiny, tiny}, {huge, huge, huge}, {huge, tiny, -huge}}) {
    ASSERT_TRUE(normalise(values));
    EXPECT_NEAR(dot(values.data(), values.data(), values.size()), 1.0F, 1e-6F);
  }
}

TEST(Normalise, RefusesWhatHasNoDirection) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::vector<float>& bad :
       std::vector<std::vector<float>>{{0, 0, 0}, {1, nan, 0}, {1, inf, 0}, {-inf, 1, 1}, {inf, -inf, 0}}) {
    std::vector<float> values = bad;
    EXPECT_FALSE(normalise(values)) << bad[0] << ' ' << bad[1] << ' ' << bad[2];
  }
}

}  // namespace
}  // namespace ferro::node::index
