// bytes() against what the allocator says, and the price of small namespaces.
#include <gtest/gtest.h>
#include <malloc.h>

#include <vector>

#include "tests/unit/node/index/index_harness.h"

namespace ferro::node::index {
namespace {

// Zero under sanitizers, which bring their own allocator.
size_t allocated_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

alignas(8) const int kOwner = 0;

struct Case {
  IndexKind kind;
  size_t dimension;
  size_t rows;
};

class Memory : public ::testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Kinds, Memory,
                         ::testing::Values(Case{IndexKind::automatic, 384, 5'000},
                                           Case{IndexKind::hnsw, 128, 5'000},
                                           Case{IndexKind::flat, 100, 1'000}));

TEST_P(Memory, BytesAgreeWithTheAllocatorWithinFivePercent) {
  if (allocated_bytes() == 0) GTEST_SKIP() << "this allocator does not tell";
  std::mt19937 rng(1);
  sync::EpochDomain epochs;
  IndexOptions options;
  options.kind = GetParam().kind;
  options.ef_construction = 40;
  const std::vector<float> same = random_unit_vector(rng, GetParam().dimension);
  const size_t before = allocated_bytes();
  AdaptiveIndex index(GetParam().dimension, options, kSmallTuning, epochs);
  for (size_t i = 0; i < GetParam().rows; ++i) index.add(vector_near(rng, same, 1.0F), &kOwner);
  while (auto job = index.begin_maintenance()) {
    job->run();
    index.finish_maintenance(std::move(job));
    epochs.collect();
  }
  const auto truth = static_cast<double>(allocated_bytes() - before + sizeof(index));
  EXPECT_NEAR(static_cast<double>(index.bytes()) / truth, 1.0, 0.05);
}

TEST(Memory, AnEmptyIndexAndOneOfFiveRowsCostLittle) {
  sync::EpochDomain epochs;
  const std::vector<float> vector(384, 0.05F);
  const size_t before = allocated_bytes();
  std::vector<std::unique_ptr<VectorIndex>> many;
  constexpr size_t kCount = 200;
  for (size_t i = 0; i < kCount; ++i) {
    many.push_back(VectorIndex::create(384, {}, epochs));
    EXPECT_LT(many.back()->bytes(), 1024U);
  }
  if (before != 0) {
    EXPECT_LT((allocated_bytes() - before) / kCount, 1024U);
  }
  for (auto& index : many) {
    for (int i = 0; i < 5; ++i) index->add(vector, &kOwner);
    EXPECT_LT(index->bytes(), 5 * sizeof(float) * 384 + 1536);
  }
  if (before != 0) {
    EXPECT_LT((allocated_bytes() - before) / kCount, 5 * sizeof(float) * 384 + 1536);
  }
}

TEST(Memory, AnEmptiedIndexGivesItsMemoryBack) {
  IndexHarness harness(128, IndexKind::automatic, 1);
  for (int i = 0; i < 3000; ++i) harness.insert();
  while (!harness.live.empty()) harness.remove(harness.live.size() - 1);
  harness.epochs.collect();
  harness.maintain();
  harness.epochs.collect();
  EXPECT_LT(harness.index->bytes(), 32U * 1024);
}

}  // namespace
}  // namespace ferro::node::index
