// What the store holds against its byte budget: at rest never more, and little more within a batch, however
// many namespaces share it and in whatever order their entries go.
#include <algorithm>
#include <random>

#include "tests/unit/node/store/fixture.h"

namespace ferro::node::store {
namespace {

constexpr uint64_t kBudget = 16U << 20;
constexpr size_t kHousekeepingRounds = 4;  // the engine's, between two batches

class BudgetTest : public StoreFixture, public ::testing::WithParamInterface<bool> {
 protected:
  BudgetTest() {
    StoreOptions options;
    options.memory_max_bytes = kBudget;
    if (GetParam()) options.tombstone_retention_ms = 86'400'000;
    make(options);
  }

  model::PutOp random_put(const std::string& scope, size_t dimension, size_t response_bytes) {
    ns_.scope = scope;
    std::vector<float> vector(dimension);
    for (float& value : vector) value = static_cast<float>(random_() % 1000) - 500.0F;
    vector[0] = 1.0F;
    const std::string id = std::to_string(made_++);
    model::PutOp op = put_of(id, "text of " + id, std::move(vector));
    op.response.assign(response_bytes, 'r');
    return op;
  }

  // As the engine does it: all of a batch decided, then applied, then what is due between two batches.
  void run(const std::vector<model::PutOp>& puts) {
    std::vector<model::Operation> batch;
    for (const model::PutOp& put : puts) {
      ASSERT_TRUE(store_->admit(put, now()).ok());
      for (const EntryRef& ref : store_->victims_for(put, now())) {
        batch.emplace_back(model::DeleteOp{ref.ns, ref.id, ref.version, model::DeleteReason::evicted, now()});
        ++evicted_;
      }
      batch.emplace_back(put);
    }
    const uint64_t before = store_->memory_bytes();
    uint64_t peak = before;
    for (const model::Operation& op : batch) {
      store_->apply(op, now());
      peak = std::max(peak, store_->memory_bytes());
    }
    store_->end_batch();
    if (evicted_ > 0) over_in_batch_ = std::max(over_in_batch_, peak - std::min(peak, kBudget));
    for (size_t round = 0; round < kHousekeepingRounds; ++round) {
      epochs_.collect();
      if (!store_->give_memory_back()) break;
    }
    while (epochs_.collect() > 0) {
    }
    while (store_->begin_maintenance()) {
    }
    at_rest_ = store_->memory_bytes();
    ASSERT_LE(at_rest_, kBudget) << "after " << made_ << " puts, " << evicted_ << " evictions";
  }

  std::mt19937_64 random_{4711};
  uint64_t made_ = 0, evicted_ = 0, at_rest_ = 0, over_in_batch_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Nodes, BudgetTest, ::testing::Bool(),
                         [](const auto& one) { return one.param ? "OfACluster" : "Alone"; });

TEST_P(BudgetTest, ThousandsOfNamespaces) {
  constexpr size_t kBatch = 64;
  for (int round = 0; round < 1200; ++round) {
    std::vector<model::PutOp> puts;
    for (size_t i = 0; i < kBatch; ++i) {
      puts.push_back(random_put(std::to_string(random_() % 6000), 64, random_() % 400));
    }
    ASSERT_NO_FATAL_FAILURE(run(puts));
  }
  EXPECT_GT(evicted_, 20'000U);
  EXPECT_GT(store_->namespace_count(), 2000U);
  EXPECT_GT(at_rest_, kBudget * 15 / 16) << "what may be used is used";
  EXPECT_LT(over_in_batch_, kBudget / 64) << "of a batch of 64 small entries";
}

// Namespaces whose rows double, each at another time.
TEST_P(BudgetTest, NamespacesOfAllSizesThatGrowAndAreForgotten) {
  for (int round = 0; round < 900; ++round) {
    std::vector<model::PutOp> puts;
    const uint64_t favourite = static_cast<uint64_t>(round) / 60;
    for (size_t i = 0; i < 48; ++i) {
      const uint64_t scope = random_() % 4 != 0 ? favourite : 1000 + random_() % 300;
      puts.push_back(random_put(std::to_string(scope), 128, random_() % 2000));
    }
    ASSERT_NO_FATAL_FAILURE(run(puts));
  }
  EXPECT_GT(evicted_, 10'000U);
  EXPECT_GT(at_rest_, kBudget * 13 / 16);
}

// The entries of a namespace go in random order, so that no part of its memory runs empty by itself.
TEST_P(BudgetTest, ANamespaceWhoseEntriesGoInRandomOrderGivesItsMemoryToAnother) {
  const auto fill = [&](const std::string& scope, int rounds) {
    for (int round = 0; round < rounds; ++round) {
      std::vector<model::PutOp> puts;
      for (size_t i = 0; i < 64; ++i) puts.push_back(random_put(scope, 256, 50));
      ASSERT_NO_FATAL_FAILURE(run(puts));
    }
  };
  ASSERT_NO_FATAL_FAILURE(fill("first", 200));
  const uint64_t held = store_->live_entries(now());
  ns_.scope = "first";
  for (uint64_t i = 0; i < 3 * held; ++i) {
    hits("text of " + std::to_string(made_ - 1 - random_() % held), std::vector<float>(256, 1.0F));
  }
  for (int part = 0; part < 10; ++part) {
    ASSERT_NO_FATAL_FAILURE(fill("second", 18));
    EXPECT_GT(store_->live_entries(now()), held * 3 / 4) << "part " << part;
  }
  ns_.scope = "second";
  EXPECT_GT(store_->namespace_stats(ns_, now())->entry_count, held * 3 / 4);
}

}  // namespace
}  // namespace ferro::node::store
