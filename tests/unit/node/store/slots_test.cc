// What a store says of some slots of a namespace, against a model that looks at every id.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

#include "tests/unit/node/store/fixture.h"
#include "tests/unit/node/store/replica_fixture.h"

namespace ferro::node::store {
namespace {

model::PutOp put_of(const model::NamespaceKey& ns, const std::string& id, Hlc version) {
  model::PutOp op;
  op.ns = ns;
  op.id = id;
  op.version = version;
  op.vector = {1.0F, 0.0F};
  op.query_text = "text";
  op.response = "r";
  return op;
}

class Slots : public StoreFixture {
 protected:
  std::set<std::string> in(model::SlotSet slots) const {
    std::set<std::string> ids;
    for (const std::string& id : ids_) {
      if ((slots & model::slot_bit(id)) != 0) ids.insert(id);
    }
    return ids;
  }
  void check(const model::SplitTable& splits) {
    uint64_t digest = 0, entries = 0;
    for (uint16_t partition = 0; partition < model::kPartitions; ++partition) {
      const Area area{partition, &splits};
      digest ^= store_->area_digest(area);
      entries += store_->area_entries(area);
    }
    EXPECT_EQ(digest, store_->partition_digest(model::partition_of(ns_))) << "nothing twice, nothing lost";
    EXPECT_EQ(entries, ids_.size());
    const uint64_t hash = model::namespace_hash(ns_);
    for (const auto& shard : splits.shards_of(hash)) {
      const Area area{shard.partition, &splits};
      EXPECT_EQ(store_->area_entries(area), in(shard.slots).size());
      EXPECT_EQ(store_->area_digest(area), store_->area_digest({shard.partition, &splits, hash}));
      const auto summaries = store_->namespaces_in(area, 10);
      ASSERT_EQ(summaries.size(), in(shard.slots).empty() ? 0U : 1U);
      if (summaries.empty()) continue;
      EXPECT_EQ(summaries[0].digest, store_->area_digest(area));
      std::set<std::string> listed;
      for (const VersionOf& held : store_->versions(ns_, 0, 1, shard.slots).entries) listed.insert(held.id);
      EXPECT_EQ(listed, in(shard.slots));
    }
  }
  std::set<std::string> ids_;
};

TEST_F(Slots, DigestsFollowAnyTableBeforeAndAfterSumsAreKept) {
  const uint64_t hash = model::namespace_hash(ns_);
  std::mt19937_64 random(3);
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 60; ++i) {
      const std::string id = "e" + std::to_string(random() % 4000);
      if (random() % 4 == 0) {
        remove(id);
        ids_.erase(id);
      } else {
        put(id, "t");
        ids_.insert(id);
      }
    }
    if (round % 10 == 0) check(model::SplitTable({{hash, 1 + static_cast<unsigned>(round / 10)}}));
  }
  ASSERT_GT(ids_.size(), 1500U) << "enough for sums by slot";
  for (unsigned degree = 1; degree <= model::kSplitDegreeMax; ++degree) {
    check(model::SplitTable({{hash, degree}, {hash + 1, 2}}));
  }
}

TEST_F(Slots, QueriesSelectionsAndListsSeeOnlyThem) {
  for (int i = 0; i < 300; ++i) {
    const std::string id = "e" + std::to_string(i);
    put(id, "t");
    ids_.insert(id);
  }
  const uint64_t hash = model::namespace_hash(ns_);
  const auto splits = std::make_shared<const model::SplitTable>(std::vector<model::Split>{{hash, 2}});
  std::set<std::string> seen;
  size_t listed = 0;
  for (const auto& shard : splits->shards_of(hash)) {
    QueryRequest request;
    request.ns = ns_;
    const std::vector<float> vector{1.0F, 0.0F};
    request.unit_vector = vector;
    request.query_text = "t";
    request.threshold = 0.0F;
    request.top_k = 100;
    request.slots = shard.slots;
    const auto found = store_->query(request);
    ASSERT_TRUE(found.ok());
    ASSERT_FALSE(found->hits.empty());
    EXPECT_TRUE(found->hits.front().exact_match);
    for (const Hit& hit : found->hits) {
      EXPECT_TRUE(in(shard.slots).contains(hit.id));
      EXPECT_NE(hit.version, Hlc{});
      seen.insert(hit.id);
    }
    EXPECT_EQ(store_->within_radius(ns_, vector, 0.5F, now(), shard.slots).size(), in(shard.slots).size());
    model::Territory here{{}, splits};
    here.partitions.set(shard.partition);
    Selector selector;
    selector.partitions = here.partitions;
    selector.splits = splits;
    EXPECT_EQ(store_->select(selector, now()).size(), in(shard.slots).size());
    const auto listing = store_->namespaces(now(), "", "", 10, &here);
    ASSERT_EQ(listing.size(), 1U);
    listed += listing[0].entry_count;
    EXPECT_EQ(listing[0].entry_count, in(shard.slots).size());
    const std::string one = *in(shard.slots).begin();
    EXPECT_EQ(store_->find(one, now(), false, &here).size(), 1U);
    here.partitions.reset();
    EXPECT_TRUE(store_->find(one, now(), false, &here).empty());
  }
  EXPECT_EQ(seen.size(), 300U);
  EXPECT_EQ(listed, 300U);
}

TEST_F(Slots, ADimensionIsThatOfTheSlotsAskedAbout) {
  put("a", "t");
  const model::SlotSet own = model::slot_bit("a");
  EXPECT_EQ(store_->dimension_of(ns_, now(), own), 2U);
  EXPECT_EQ(store_->dimension_of(ns_, now(), ~own), 0U);
  QueryRequest request;
  request.ns = ns_;
  const std::vector<float> vector{1.0F, 0.0F, 0.0F};
  request.unit_vector = vector;
  request.slots = ~own;
  EXPECT_TRUE(store_->query(request).ok()) << "what is there is another owner's";
  request.slots = own;
  EXPECT_FALSE(store_->query(request).ok());
}

TEST_F(Slots, TheCapIsKeptShardByShard) {
  StoreOptions options;
  options.max_entries_per_namespace = 64;
  make(options);
  std::map<unsigned, size_t> counts;
  for (int i = 0; i < 400; ++i) {
    const model::PutOp op = StoreFixture::put_of("e" + std::to_string(i), "t");
    const unsigned shard = model::slot_of(op.id) & 3U;
    const model::SlotSet slots = model::slots_of_shard(2, shard);
    for (const EntryRef& ref : store_->victims_for(op, now(), Origin::here, slots)) {
      EXPECT_NE(slots & model::slot_bit(ref.id), 0U) << "another shard has its own part";
      apply(model::DeleteOp{ref.ns, ref.id, ref.version, model::DeleteReason::evicted});
      --counts[shard];
    }
    apply(op);
    store_->end_batch();
    ++counts[shard];
    EXPECT_LE(counts[shard], 16U);
  }
  EXPECT_EQ(store_->live_entries(now()), 64U);
}

// Parts that were rounded up let a namespace of 64 shards keep up to 63 entries more than its cap.
TEST_F(Slots, ThePartsOfACapAddUpToIt) {
  for (const unsigned degree : {1U, 3U, 6U}) {
    StoreOptions options;
    options.max_entries_per_namespace = 101;
    make(options);
    for (int i = 0; i < 2000; ++i) {
      const model::PutOp op = StoreFixture::put_of("e" + std::to_string(i), "t");
      const unsigned shard = model::slot_of(op.id) & ((1U << degree) - 1);
      const model::SlotSet slots = model::slots_of_shard(degree, shard);
      for (const EntryRef& ref : store_->victims_for(op, now(), Origin::here, slots)) {
        apply(model::DeleteOp{ref.ns, ref.id, ref.version, model::DeleteReason::evicted});
      }
      apply(op);
      store_->end_batch();
    }
    EXPECT_EQ(store_->live_entries(now()), 101U) << degree;
  }
}

// Floors of slots, in any order, through a restart, against a model by slot.
TEST(SlotFloors, AreKeptBySlotWhateverTheOrder) {
  ManualClock clock;
  const model::NamespaceKey ns{"m", "", ""};
  const int64_t base_ms = clock.wall_ms();
  const auto stamp = [&](uint64_t n) { return Hlc{(static_cast<uint64_t>(base_ms) << 16U) + n, 1}; };
  std::mt19937_64 random(11);
  for (int round = 0; round < 40; ++round) {
    std::vector<model::Operation> ops;
    std::map<std::string, Hlc> puts;
    std::map<unsigned, Hlc> floors;
    for (uint64_t n = 1; n < 60; ++n) {
      if (random() % 4 == 0) {
        const auto degree = static_cast<unsigned>(random() % 4);
        const auto shard = static_cast<unsigned>(random() % (1U << degree));
        const model::SlotSet slots = model::slots_of_shard(degree, shard);
        ops.emplace_back(model::DropNamespaceOp{ns, stamp(n), slots});
        for (unsigned slot = 0; slot < model::kSlots; ++slot) {
          if ((slots >> slot & 1U) != 0) floors[slot] = stamp(n);
        }
      } else {
        const std::string id = "e" + std::to_string(random() % 40);
        ops.emplace_back(put_of(ns, id, stamp(n)));
        puts[id] = stamp(n);
      }
    }
    std::set<std::string> expected;
    for (const auto& [id, version] : puts) {
      if (version > floors[model::slot_of(id)]) expected.insert(id);
    }
    Replica one(clock), other(clock);
    for (const auto& op : ops) one.apply(op);
    std::shuffle(ops.begin(), ops.end(), random);
    for (const auto& op : ops) {
      const bool news = other.store->is_news(op);
      EXPECT_EQ(other.apply(op).outcome != ApplyOutcome::ignored, news);
    }
    one.restart();
    for (Replica* replica : {&one, &other}) {
      const auto ids = replica->ids_of(ns);
      EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()), expected);
      for (unsigned slot = 0; slot < model::kSlots; ++slot) {
        EXPECT_EQ(replica->store->versions(ns, 0, 1, model::SlotSet{1} << slot).floors.all, floors[slot]);
      }
    }
    EXPECT_EQ(one.store->versions(ns, 0, 1).floors, other.store->versions(ns, 0, 1).floors) << "one form";
    // And they travel.
    Replica third(clock);
    for (const std::string& encoded : one.store->encoded(ns, {""})) {
      third.apply(*model::decode(as_bytes(encoded)));
    }
    EXPECT_EQ(third.store->versions(ns, 0, 1).floors, one.store->versions(ns, 0, 1).floors);
  }
}

}  // namespace
}  // namespace ferro::node::store
