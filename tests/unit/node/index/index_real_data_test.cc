// Real questions with real embeddings, where they are at hand (FERROCACHE_DATA_DIR, by default ../shared/data
// beside the checkout): what every kind finds above the thresholds in use, against the exact scan.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "node/index/kernels.h"
#include "node/index/rotation.h"
#include "tests/unit/node/index/index_harness.h"

namespace ferro::node::index {
namespace {

constexpr size_t kDimension = 384;

std::vector<std::vector<float>> load(const std::string& name) {
  const char* folder = std::getenv("FERROCACHE_DATA_DIR");
  std::ifstream in(std::string(folder != nullptr ? folder : "../shared/data") + "/" + name, std::ios::binary);
  std::vector<std::vector<float>> vectors;
  std::vector<float> vector(kDimension);
  while (in.read(reinterpret_cast<char*>(vector.data()), kDimension * sizeof(float)))
    vectors.push_back(vector);
  return vectors;
}

class RealData : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    vectors = load(GetParam());
    if (vectors.empty()) GTEST_SKIP() << GetParam() << " is not here; set FERROCACHE_DATA_DIR";
  }
  std::vector<std::vector<float>> vectors;
};
INSTANTIATE_TEST_SUITE_P(Files, RealData, ::testing::Values("banking77_train5k.f32", "paws_public.f32"),
                         [](const auto& one) { return std::string(one.param).substr(0, 4); });

TEST_P(RealData, NothingAboveTheThresholdIsLost) {
  for (const IndexKind kind : {IndexKind::automatic, IndexKind::hnsw}) {
    IndexHarness harness(kDimension, kind, 5);
    const size_t stored = std::min<size_t>(vectors.size() * 9 / 10, 1500);
    for (size_t i = 0; i < stored; ++i) harness.insert(vectors[i]);
    harness.maintain();
    const size_t queries = std::min<size_t>(vectors.size() - stored, 80);
    for (size_t i = 0; i < queries; ++i) {
      for (const float threshold : {0.95F, 0.92F, 0.8F}) {
        ASSERT_NO_FATAL_FAILURE(harness.check_search(vectors[stored + i], threshold, 10));
      }
    }
    EXPECT_GE(harness.recall(), kind == IndexKind::hnsw ? 0.99 : 1.0) << harness.index->kind_name();
  }
}

TEST_P(RealData, NoPairOfCodesIsFartherThanTheBound) {
  const size_t count = std::min<size_t>(vectors.size(), 1500);
  const size_t words = code_words(kDimension);
  std::vector<uint64_t> codes(count * words);
  for (size_t i = 0; i < count; ++i) encode(vectors[i], &codes[i * words]);
  size_t beyond = 0;
  for (size_t i = 0; i < count; ++i) {
    for (size_t j = 0; j < i; ++j) {
      uint32_t distance = 0;
      for (size_t k = 0; k < words; ++k) {
        distance += static_cast<uint32_t>(__builtin_popcountll(codes[i * words + k] ^ codes[j * words + k]));
      }
      const float cosine = dot(vectors[i].data(), vectors[j].data(), kDimension);
      if (distance > distance_bound(cosine, words * 64)) ++beyond;
    }
  }
  EXPECT_EQ(beyond, 0U);
}

}  // namespace
}  // namespace ferro::node::index
