// What the store says it holds against what the allocator says it gave.
#include <malloc.h>

#include <random>

#include "tests/unit/node/store/fixture.h"

namespace ferro::node::store {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kOwnAllocator = true;
#else
constexpr bool kOwnAllocator = false;
#endif

size_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

class MemoryTest : public StoreFixture {
 protected:
  void SetUp() override {
    if (kOwnAllocator) GTEST_SKIP() << "a sanitizer's allocator keeps no such figures";
  }
  void free_all() {
    while (epochs_.collect() > 0) {
    }
  }
  void put_random(const std::string& id, size_t dimension) {
    std::vector<float> vector(dimension);
    for (float& value : vector) value = static_cast<float>(random_() % 1000) - 500.0F;
    model::PutOp op =
        put_of(id, "question number " + id + std::string(random_() % 60, 'q'), std::move(vector));
    op.response.assign(100 + random_() % 200, 'r');
    if (random_() % 2 == 0) op.expires_at_ms = now() + 1'000'000;
    if (random_() % 4 == 0) op.attributes = {{"lang", "en"}};
    vectors_and_texts_ +=
        dimension * sizeof(float) + op.query_text.size() + op.response.size() + op.id.size();
    store_->apply(op, now());
  }
  void expect_within(double share, size_t before) {
    const auto real = static_cast<double>(allocated() - before);
    const auto said = static_cast<double>(store_->memory_bytes());
    EXPECT_NEAR(said / real, 1.0, share) << "said " << said << ", real " << real;
    RecordProperty("said_bytes", std::to_string(store_->memory_bytes()));
    RecordProperty("real_bytes", std::to_string(allocated() - before));
  }

  std::mt19937_64 random_{42};
  size_t vectors_and_texts_ = 0;
};

TEST_F(MemoryTest, AgreesWithTheAllocatorWhileGrowingAndShrinking) {
  store_.reset();
  const size_t before = allocated();
  StoreOptions options;
  options.memory_max_bytes = 1ULL << 40;  // with eviction order
  make(options);
  for (int i = 0; i < 30'000; ++i) put_random(std::to_string(i), 64);
  free_all();
  expect_within(0.05, before);
  for (int i = 0; i < 30'000; i += 2)
    store_->apply(model::DeleteOp{ns_, std::to_string(i), next_version()}, now());
  free_all();
  expect_within(0.15, before);
  for (int i = 0; i < 30'000; i += 3) put_random(std::to_string(i), 64);
  free_all();
  expect_within(0.15, before);
}

TEST_F(MemoryTest, TwentyThousandEntriesOf384DimensionsCostLittleMoreThanTheirContent) {
  store_.reset();
  const size_t before = allocated();
  make({});
  for (int i = 0; i < 20'000; ++i) put_random(std::to_string(i), 384);
  free_all();
  expect_within(0.05, before);
  const double ratio = static_cast<double>(allocated() - before) / static_cast<double>(vectors_and_texts_);
  EXPECT_LT(ratio, 1.35);
  RecordProperty("ratio", std::to_string(ratio));
}

TEST_F(MemoryTest, ManyConversationsOfFiveEntriesStaySmall) {
  store_.reset();
  const size_t before = allocated();
  make({});
  constexpr int kConversations = 10'000;
  for (int i = 0; i < kConversations; ++i) {
    ns_ = {"all-MiniLM-L6-v2::64", "tenant", "conversation-" + std::to_string(i)};
    for (int j = 0; j < 5; ++j) put_random(std::to_string(j), 64);
  }
  free_all();
  expect_within(0.15, before);
  const double overhead = static_cast<double>(allocated() - before - vectors_and_texts_) / kConversations;
  EXPECT_LT(overhead, 4096.0);
  RecordProperty("overhead_bytes_per_conversation", std::to_string(overhead));
}

TEST_F(MemoryTest, EverythingIsGivenBack) {
  const uint64_t empty = store_->memory_bytes();
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3000; ++i) {
      ns_.scope = std::to_string(i % 100);
      put_random(std::to_string(i), 16);
    }
    for (int i = 0; i < 100; ++i) {
      store_->apply(model::DropNamespaceOp{{"m::2", std::to_string(i), ""}, next_version()}, now());
    }
    free_all();
    EXPECT_EQ(store_->namespace_count(), 0U);
    EXPECT_LE(store_->memory_bytes() - empty, 200'000U);  // the tables' arrays stay
  }
}

}  // namespace
}  // namespace ferro::node::store
