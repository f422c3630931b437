// Answers of shards put together against the answer of a store that holds all of them.
#include "node/cluster/core/merge_hits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "common/sync/epoch.h"
#include "common/time/clock.h"
#include "node/cluster/wire/codec.h"
#include "node/index/kernels.h"
#include "node/store/store.h"

namespace ferro::node::cluster {
namespace {

constexpr int kDimension = 8;

class MergeHits : public ::testing::Test {
 protected:
  std::vector<float> any_vector() {
    std::vector<float> vector(kDimension);
    for (float& x : vector) x = static_cast<float>(random_() % 2001) - 1000.5F;
    index::normalise(vector);
    return vector;
  }
  void put(const std::string& id, const std::string& text, std::vector<float> vector) {
    model::PutOp op;
    op.ns = ns_;
    op.id = id;
    op.version = {++ticks_, 1};
    op.vector = std::move(vector);
    op.query_text = text;
    op.response = "r" + id;
    store_->apply(op, clock_.wall_ms());
  }
  engine::LookupResult ask(const std::vector<float>& vector, const std::string& text, float threshold,
                           size_t top_k, model::SlotSet slots) {
    store::QueryRequest request;
    request.ns = ns_;
    request.unit_vector = vector;
    request.query_text = text;
    request.threshold = threshold;
    request.top_k = top_k;
    request.now_ms = clock_.wall_ms();
    request.slots = slots;
    auto found = store_->query(request);
    EXPECT_TRUE(found.ok());
    return {std::move(found->hits), false, request.now_ms};
  }
  // What the owners of a namespace that lies in 2^degree shards answer together, each over the wire.
  engine::LookupResult ask_shards(const std::vector<float>& vector, const std::string& text, float threshold,
                                  size_t top_k, unsigned degree) {
    std::vector<engine::LookupResult> parts;
    for (unsigned shard = 0; shard < 1U << degree; ++shard) {
      const model::SlotSet slots = model::slots_of_shard(degree, shard);
      auto reply = decode<LookupReply>(encode(LookupReply{ask(vector, text, threshold, top_k, slots)}));
      EXPECT_TRUE(reply.ok()) << reply.status().to_string();
      if (reply.ok()) parts.push_back(std::move(reply->result));
    }
    return merge_hits(std::move(parts), threshold, top_k);
  }
  static std::vector<std::string> shown(const engine::LookupResult& result) {
    std::vector<std::string> lines;
    for (const store::Hit& hit : result.hits) {
      lines.push_back(hit.id + " " + std::to_string(hit.similarity) + (hit.exact_match ? " exact" : ""));
    }
    return lines;
  }

  ManualClock clock_;
  sync::EpochDomain epochs_;
  model::NamespaceKey ns_{"m", "", ""};
  uint64_t ticks_ = 0;
  std::mt19937_64 random_{5};
  std::unique_ptr<store::Store> store_ =
      store::Store::create({}, clock_, epochs_, store::make_recency_policy());
};

TEST_F(MergeHits, SaysWhatOneStoreSaysThatHoldsAll) {
  // Few texts, so that many entries have the same one, and near vectors.
  for (int i = 0; i < 400; ++i) put("e" + std::to_string(i), "text " + std::to_string(i % 7), any_vector());
  size_t exact = 0;
  for (int round = 0; round < 500; ++round) {
    const std::vector<float> vector = any_vector();
    const std::string text = random_() % 2 == 0 ? "text " + std::to_string(random_() % 9) : "";
    const float threshold = static_cast<float>(random_() % 100) / 100.0F;
    const size_t top_k = 1 + random_() % 10;
    const auto degree = static_cast<unsigned>(1 + random_() % model::kSplitDegreeMax);
    const auto merged = ask_shards(vector, text, threshold, top_k, degree);
    const auto whole = ask(vector, text, threshold, top_k, model::kAllSlots);
    exact += !whole.hits.empty() && whole.hits.front().exact_match ? 1 : 0;
    EXPECT_EQ(shown(merged), shown(whole)) << "round " << round;
  }
  EXPECT_GT(exact, 50U);
}

// All of them are shown as 0, and came by version where one node goes by the cosine.
TEST_F(MergeHits, OppositeVectorsAreOrderedByTheCosineBeforeItIsClamped) {
  for (int i = 0; i < 60; ++i) put("e" + std::to_string(i), "text " + std::to_string(i % 7), any_vector());
  for (int round = 0; round < 100; ++round) {
    const std::vector<float> vector = any_vector();
    const std::string text = round % 2 == 0 ? "text 3" : "";
    for (const size_t top_k : {40U, 60U}) {
      const auto whole = ask(vector, text, 0.0F, top_k, model::kAllSlots);
      ASSERT_EQ(whole.hits.size(), top_k);
      EXPECT_EQ(shown(ask_shards(vector, text, 0.0F, top_k, 2)), shown(whole)) << "round " << round;
    }
  }
}

// One store went by the rows of its index, the oldest first for as long as none was used again.
TEST_F(MergeHits, EqualVectorsComeNewestFirstFromOneStoreAndFromMany) {
  const std::vector<float> same = any_vector(), another = any_vector();
  for (int i = 0; i < 40; ++i) put("e" + std::to_string(i), "", i % 3 == 0 ? another : same);
  for (int i = 0; i < 40; i += 4) put("e" + std::to_string(i), "", same);  // rows and versions part ways
  const auto whole = ask(same, "", 0.999F, 7, model::kAllSlots);
  EXPECT_THAT(shown(whole),
              ::testing::ElementsAreArray({"e36 1.000000", "e32 1.000000", "e28 1.000000", "e24 1.000000",
                                           "e20 1.000000", "e16 1.000000", "e12 1.000000"}));
  for (const size_t top_k : {1U, 7U, 20U}) {
    const auto all = ask(same, "", 0.999F, top_k, model::kAllSlots);
    EXPECT_EQ(shown(ask_shards(same, "", 0.999F, top_k, 2)), shown(all)) << top_k;
  }
}

TEST_F(MergeHits, AnOlderEntryOfTheSameTextTakesThePlaceOfItsCosine) {
  put("old", "same", {1, 0, 0, 0, 0, 0, 0, 0});
  put("new", "same", {0, 1, 0, 0, 0, 0, 0, 0});
  const std::vector<float> asked{1, 0, 0, 0, 0, 0, 0, 0};
  const auto part = [&](const char* id) { return ask(asked, "same", 0.9F, 2, model::slot_bit(id)); };
  ASSERT_NE(model::slot_of("old"), model::slot_of("new"));
  EXPECT_EQ(shown(merge_hits({part("old"), part("new")}, 0.9F, 2)),
            (std::vector<std::string>{"new 1.000000 exact", "old 1.000000"}));
  EXPECT_EQ(shown(merge_hits({part("old"), part("new")}, 0.9F, 1)),
            (std::vector<std::string>{"new 1.000000 exact"}));
}

}  // namespace
}  // namespace ferro::node::cluster
