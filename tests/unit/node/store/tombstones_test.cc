// What a store of a cluster remembers of the deleted, for how long, and what it tells others.
#include <gmock/gmock.h>

#include <thread>

#include "node/store/digest.h"
#include "tests/unit/node/store/fixture.h"
#include "tests/unit/node/store/replica_fixture.h"

namespace ferro::node::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TombstonesTest : public ::testing::Test {
 protected:
  TombstonesTest() { make({}); }
  void make(StoreOptions options) { replica_ = std::make_unique<Replica>(clock_, options); }
  Store& store() { return *replica_->store; }

  Hlc stamp() { return {(static_cast<uint64_t>(clock_.wall_ms()) << 16) + ++ticks_, 1}; }
  model::PutOp put_of(std::string id, const Hlc& version) {
    model::PutOp op;
    op.ns = ns_;
    op.id = std::move(id);
    op.version = version;
    op.vector = {1.0F, 0.0F};
    op.response = "answer";
    op.inserted_at_ms = clock_.wall_ms();
    return op;
  }
  ApplyOutcome put(std::string id, const Hlc& version) {
    return replica_->apply(put_of(std::move(id), version)).outcome;
  }
  ApplyOutcome remove(std::string id, const Hlc& version,
                      model::DeleteReason reason = model::DeleteReason::requested, int64_t at_ms = 0) {
    return replica_->apply(model::DeleteOp{ns_, std::move(id), version, reason, at_ms}).outcome;
  }
  bool holds(const std::string& id) { return !store().find(id, clock_.wall_ms(), false).empty(); }
  uint64_t tombstones() { return store().tombstones().count; }
  size_t collect() { return store().collect_tombstones(clock_.wall_ms(), SIZE_MAX); }

  ManualClock clock_;
  uint64_t ticks_ = 0;
  const model::NamespaceKey ns_{"m::2", "", ""};
  std::unique_ptr<Replica> replica_;
};

TEST_F(TombstonesTest, ADeleteOutlivesEveryOlderPut) {
  const Hlc first = stamp(), second = stamp(), third = stamp(), fourth = stamp();
  EXPECT_EQ(put("a", first), ApplyOutcome::inserted);
  EXPECT_EQ(remove("a", third), ApplyOutcome::removed);
  EXPECT_EQ(remove("a", third), ApplyOutcome::ignored);
  EXPECT_EQ(put("a", second), ApplyOutcome::ignored);
  EXPECT_EQ(put("a", third), ApplyOutcome::ignored) << "a delete wins a tie";
  EXPECT_EQ(tombstones(), 1U);
  EXPECT_EQ(put("a", fourth), ApplyOutcome::inserted);
  EXPECT_EQ(tombstones(), 0U) << "the newer put says more";
  EXPECT_EQ(remove("a", third), ApplyOutcome::ignored);
  EXPECT_EQ(tombstones(), 0U);
}

TEST_F(TombstonesTest, ADeleteThatComesBeforeItsEntryCounts) {
  const Hlc first = stamp(), second = stamp();
  const ApplyResult result =
      replica_->apply(model::DeleteOp{ns_, "a", second, model::DeleteReason::requested, 0});
  EXPECT_EQ(result.outcome, ApplyOutcome::removed);
  EXPECT_EQ(result.removed, 0U);
  EXPECT_EQ(put("a", first), ApplyOutcome::ignored);
  EXPECT_FALSE(holds("a"));
}

TEST_F(TombstonesTest, ADropIsAFloorUnderTheNamespaceAndNoOther) {
  const Hlc before = stamp(), dropped = stamp(), after = stamp();
  replica_->apply(model::DropNamespaceOp{ns_, dropped});
  EXPECT_EQ(put("a", before), ApplyOutcome::ignored);
  EXPECT_EQ(put("a", dropped), ApplyOutcome::ignored);
  EXPECT_EQ(put("a", after), ApplyOutcome::inserted);
  model::PutOp elsewhere = put_of("a", before);
  elsewhere.ns.scope = "s";
  EXPECT_EQ(replica_->apply(elsewhere).outcome, ApplyOutcome::inserted);
  EXPECT_EQ(store().versions(ns_, 0, 1).floors.all, dropped);
  EXPECT_EQ(replica_->apply(model::DropNamespaceOp{ns_, before}).outcome, ApplyOutcome::ignored);
  EXPECT_EQ(store().versions(ns_, 0, 1).floors.all, dropped);
  EXPECT_TRUE(holds("a"));
}

TEST_F(TombstonesTest, WhatTheFloorCoversIsSaidOnceByTheFloor) {
  remove("a", stamp());
  remove("b", stamp());
  replica_->apply(model::DropNamespaceOp{ns_, stamp()});
  remove("c", stamp());
  EXPECT_THAT(replica_->ids_of(ns_), ElementsAre("c"));
  EXPECT_THAT(store().encoded(ns_, {"a", "b"}), IsEmpty());
  const std::vector<std::string> all = store().encoded(ns_, {"c", "unknown", ""});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<model::DropNamespaceOp>(*model::decode(as_bytes(all[0]))));
  EXPECT_EQ(std::get<model::DeleteOp>(*model::decode(as_bytes(all[1]))).id, "c");
}

TEST_F(TombstonesTest, WhatWasHandedOverLeavesNothing) {
  const Hlc version = stamp();
  put("a", version);
  EXPECT_EQ(remove("a", version, model::DeleteReason::moved), ApplyOutcome::removed);
  EXPECT_EQ(tombstones(), 0U);
  EXPECT_EQ(put("a", version), ApplyOutcome::inserted) << "and may come back";
  EXPECT_EQ(remove("b", version, model::DeleteReason::moved), ApplyOutcome::ignored);
}

TEST_F(TombstonesTest, AgeCountsFromTheDeleteNotFromWhatItMeans) {
  const Hlc old = stamp();
  put("a", old);
  put("b", old);
  clock_.advance_ms(3 * kDayMs);
  // An invalidation carries the version of the entry that was judged, here three days old.
  remove("a", old, model::DeleteReason::invalidated, clock_.wall_ms());
  EXPECT_EQ(collect(), 0U);
  EXPECT_EQ(put("a", old), ApplyOutcome::ignored);
  clock_.advance_ms(kDayMs - 1);
  EXPECT_EQ(collect(), 0U);
  clock_.advance_ms(1);
  const int64_t deleted_at_ms = clock_.wall_ms() - kDayMs;
  EXPECT_EQ(collect(), 1U);
  EXPECT_EQ(tombstones(), 0U);
  EXPECT_EQ(store().tombstones().bytes, 0U);
  EXPECT_EQ(store().tombstones().collected_upto_ms, deleted_at_ms);
  EXPECT_EQ(put("a", old), ApplyOutcome::inserted) << "nobody remembers";
}

TEST_F(TombstonesTest, ADeleteThatArrivesOlderThanTheRetentionIsGivenUpAtOnce) {
  const Hlc version = stamp();
  const int64_t deleted_at_ms = clock_.wall_ms();
  put("a", version);
  clock_.advance_ms(kDayMs);
  EXPECT_EQ(remove("a", version), ApplyOutcome::removed);
  EXPECT_EQ(tombstones(), 0U);
  EXPECT_EQ(store().tombstones().collected_upto_ms, deleted_at_ms);
}

TEST_F(TombstonesTest, CollectingGoesInPortionsOldestFirst) {
  for (int i = 0; i < 10; ++i) {
    remove(std::to_string(i), stamp());
    clock_.advance_ms(1);
  }
  clock_.advance_ms(kDayMs);
  EXPECT_EQ(store().collect_tombstones(clock_.wall_ms(), 4), 4U);
  EXPECT_THAT(replica_->ids_of(ns_), ElementsAre("4", "5", "6", "7", "8", "9"));
  EXPECT_EQ(store().tombstones().collected_upto_ms, clock_.wall_ms() - kDayMs - 7);
  EXPECT_EQ(store().collect_tombstones(clock_.wall_ms(), 100), 6U);
  EXPECT_THAT(store().namespaces_in(model::partition_of(ns_), 10), IsEmpty());
}

TEST_F(TombstonesTest, BeyondTheBoundWhatWasEvictedIsForgottenBeforeWhatWasDeleted) {
  StoreOptions options;
  options.tombstones_max = 4;
  make(options);
  const int64_t start_ms = clock_.wall_ms();
  for (int i = 0; i < 2; ++i) {
    remove("deleted-" + std::to_string(i), stamp());
    clock_.advance_ms(10);
  }
  for (int i = 0; i < 5; ++i) {
    remove("evicted-" + std::to_string(i), stamp(), model::DeleteReason::evicted);
    clock_.advance_ms(10);
  }
  EXPECT_THAT(replica_->ids_of(ns_), ElementsAre("deleted-0", "deleted-1", "evicted-3", "evicted-4"));
  EXPECT_EQ(store().tombstones().collected_upto_ms, 0) << "an eviction that is forgotten brings back a hit";
  for (int i = 2; i < 6; ++i) remove("deleted-" + std::to_string(i), stamp());
  EXPECT_THAT(replica_->ids_of(ns_), ElementsAre("deleted-2", "deleted-3", "deleted-4", "deleted-5"));
  EXPECT_EQ(store().tombstones().collected_upto_ms, start_ms + 10);
}

TEST_F(TombstonesTest, TheyAreAccountedAndTakeNoMoreThanASixteenthOfTheBudget) {
  StoreOptions options;
  options.memory_max_bytes = 16U << 20;
  make(options);
  const uint64_t before = store().memory_bytes();
  for (int i = 0; i < 100; ++i) remove("an id of thirty-six characters, about " + std::to_string(i), stamp());
  const TombstoneFigures few = store().tombstones();
  EXPECT_EQ(store().memory_bytes() - before, few.bytes);
  EXPECT_LT(few.bytes, 100 * 200);
  for (int i = 100; i < 20'000; ++i)
    remove("an id of thirty-six characters, about " + std::to_string(i), stamp());
  EXPECT_LE(store().tombstones().bytes, options.memory_max_bytes / 16);
  EXPECT_GT(store().tombstones().count, 5000U);
  model::PutOp op = put_of("still", stamp());
  EXPECT_TRUE(store().admit(op, clock_.wall_ms()).ok());
}

// Found by thinking of a node that missed the replacement: its older copy, without an end, must not outlive
// the newer one.
TEST_F(TombstonesTest, AnEntryThatExpiredStillStandsForWhatItReplaced) {
  const Hlc older = stamp(), newer = stamp();
  model::PutOp op = put_of("a", newer);
  op.expires_at_ms = clock_.wall_ms() + 100;
  replica_->apply(op);
  clock_.advance_ms(100);
  replica_->reap_all();
  EXPECT_EQ(put("a", older), ApplyOutcome::ignored);
  EXPECT_EQ(store().tombstones().collected_upto_ms, 0);
}

TEST_F(TombstonesTest, ACopyThatComesAfterItsDeadlineOnlyEndsWhatItReplaced) {
  const Hlc older = stamp(), newer = stamp();
  put("a", older);
  model::PutOp op = put_of("a", newer);
  op.expires_at_ms = clock_.wall_ms();
  EXPECT_EQ(replica_->apply(op).outcome, ApplyOutcome::removed);
  EXPECT_FALSE(holds("a"));
  EXPECT_EQ(store().partition_entries(model::partition_of(ns_)), 0U);
  EXPECT_FALSE(store().is_news(op));
  EXPECT_EQ(put("a", older), ApplyOutcome::ignored);
}

TEST_F(TombstonesTest, TheySurviveASnapshotWithTheirAge) {
  const Hlc version = stamp(), dropped = stamp();
  put("a", version);
  clock_.advance_ms(kDayMs / 2);
  remove("a", version, model::DeleteReason::invalidated, clock_.wall_ms());
  remove("b", stamp(), model::DeleteReason::evicted);
  model::NamespaceKey other = ns_;
  other.conversation = "c";
  replica_->apply(model::DropNamespaceOp{other, dropped});
  put("c", stamp());
  store().restore_collected(77);
  const auto before = store().namespaces_in(model::partition_of(ns_), 10);

  clock_.advance_ms(kDayMs / 4);
  replica_->restart();
  EXPECT_EQ(tombstones(), 3U);
  EXPECT_EQ(store().tombstones().collected_upto_ms, 77);
  EXPECT_THAT(replica_->ids_of(ns_), ElementsAre("a", "b", "c"));
  EXPECT_EQ(store().versions(other, 0, 1).floors.all, dropped);
  EXPECT_EQ(put("a", version), ApplyOutcome::ignored);
  const auto after = store().namespaces_in(model::partition_of(ns_), 10);
  ASSERT_EQ(after.size(), 1U);
  EXPECT_EQ(after[0].digest, before[0].digest);
  EXPECT_EQ(after[0].tombstones, 2U);

  clock_.advance_ms(kDayMs / 4);
  EXPECT_EQ(collect(), 1U) << "the floor, a day after the drop";
  clock_.advance_ms(kDayMs / 2);
  EXPECT_EQ(collect(), 2U);
}

TEST_F(TombstonesTest, VersionsComeByBucketEachIdInOne) {
  for (int i = 0; i < 3000; ++i) {
    const std::string id = "id-" + std::to_string(i);
    put(id, stamp());
    if (i % 3 != 0) remove(id, stamp());
  }
  size_t total = 0;
  for (uint32_t bucket = 0; bucket < 8; ++bucket) {
    const NamespaceVersions some = store().versions(ns_, bucket, 8);
    for (const VersionOf& held : some.entries) {
      const size_t number = std::stoul(held.id.substr(3));
      EXPECT_EQ(held.tombstone, number % 3 != 0) << held.id;
    }
    EXPECT_GT(some.entries.size(), 250U);
    total += some.entries.size();
  }
  EXPECT_EQ(total, 3000U);
  const auto in_bucket = [&](const std::string& id, uint32_t bucket) {
    const NamespaceVersions some = store().versions(ns_, bucket, 8);
    return std::any_of(some.entries.begin(), some.entries.end(),
                       [&](const auto& held) { return held.id == id; });
  };
  // By the low bits of XXH3-64, computed by another implementation: nodes must agree.
  EXPECT_TRUE(in_bucket("id-0", 7));
  EXPECT_TRUE(in_bucket("id-1", 4));
  EXPECT_TRUE(in_bucket("id-4", 3));
  EXPECT_TRUE(in_bucket("id-5", 1));
  EXPECT_THAT(store().versions(ns_, 8, 8).entries, IsEmpty());
  EXPECT_THAT(store().versions(ns_, 0, 6).entries, IsEmpty());
  EXPECT_THAT(store().versions(ns_, 0, 0).entries, IsEmpty());
}

TEST_F(TombstonesTest, ADigestIsTheSameOnEveryNode) {
  // Computed by another implementation of XXH3 from the words of digest.h.
  std::string scratch = "used before";
  EXPECT_EQ(entry_digest({"m::2", "s", "c"}, "id-1", {123456789, 42}, scratch), 0xd8ebcb95bc65bcf4U);
  EXPECT_EQ(entry_digest({"m", "", ""}, std::string(128, 'x'), {0, 0}, scratch), 0xa04ff20908d7aae6U);
}

TEST_F(TombstonesTest, NamespacesOfAPartitionAreThoseWithAnythingToSay) {
  const uint16_t partition = model::partition_of(ns_);
  EXPECT_THAT(store().namespaces_in(partition, 10), IsEmpty());
  remove("gone", stamp());
  auto found = store().namespaces_in(partition, 10);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].ns, ns_);
  EXPECT_EQ(found[0].entries, 0U);
  EXPECT_EQ(found[0].digest, 0U);
  EXPECT_EQ(found[0].tombstones, 1U);
  put("here", stamp());
  found = store().namespaces_in(partition, 10);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].entries, 1U);
  EXPECT_EQ(found[0].digest, store().partition_digest(partition));
  EXPECT_NE(found[0].digest, 0U);
  EXPECT_THAT(store().namespaces_in(partition, 0), IsEmpty());
  EXPECT_THAT(store().namespaces_in(UINT16_MAX, 10), IsEmpty());
  EXPECT_EQ(store().partition_digest(UINT16_MAX), 0U);
}

TEST_F(TombstonesTest, WhatCopiesBringIsInNoCounter) {
  const Hlc version = stamp();
  put("a", version);
  put("a", version);
  remove("a", stamp());
  put("b", stamp());
  replica_->apply(put_of("c", stamp()), Origin::here);
  replica_->apply(model::DropNamespaceOp{ns_, stamp()});
  NamespaceCounters forgotten;
  const auto totals = store().base_totals(clock_.wall_ms(), forgotten);
  ASSERT_EQ(totals.size(), 1U);
  EXPECT_EQ(totals[0].counters.inserts, 1U);
  EXPECT_EQ(totals[0].counters.deletions, 0U);
}

// A node alone: everything as without a cluster.
TEST_F(TombstonesTest, WithoutRetentionNothingIsKept) {
  sync::EpochDomain epochs;
  const auto alone = Store::create({}, clock_, epochs, make_recency_policy());
  const Hlc first = stamp();
  const uint64_t before = alone->memory_bytes();
  const auto apply = [&](const model::Operation& op) { return alone->apply(op, clock_.wall_ms()).outcome; };
  EXPECT_EQ(apply(model::DeleteOp{ns_, "a", stamp(), model::DeleteReason::requested, 0}),
            ApplyOutcome::ignored);
  EXPECT_EQ(apply(model::DropNamespaceOp{ns_, stamp()}), ApplyOutcome::ignored);
  EXPECT_EQ(alone->tombstones().count, 0U);
  EXPECT_EQ(alone->memory_bytes(), before);
  EXPECT_EQ(apply(put_of("a", first)), ApplyOutcome::inserted);
  EXPECT_NE(alone->partition_digest(model::partition_of(ns_)), 0U) << "digests are kept all the same";
}

// For ThreadSanitizer: all that other nodes ask for, while the writer works.
TEST_F(TombstonesTest, AnyThreadMayCompareWhileTheWriterWorks) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      uint64_t seen = 0;
      while (!stop.load()) {
        seen += store().partition_digest(model::partition_of(ns_)) & 1;
        for (const auto& summary : store().namespaces_in(model::partition_of(ns_), 10))
          seen += summary.entries;
        std::vector<std::string> ids{""};
        for (const auto& held : store().versions(ns_, 1, 2).entries) ids.push_back(held.id);
        for (const std::string& encoded : store().encoded(ns_, ids)) {
          EXPECT_TRUE(model::decode(as_bytes(encoded)).ok());
        }
        seen += store().tombstones().count;
        seen += replica_->dump().size();
      }
      EXPECT_GE(seen, 0U);
    });
  }
  for (int i = 0; i < 3000; ++i) {
    const std::string id = "id-" + std::to_string(i % 50);
    put(id, stamp());
    if (i % 3 == 0) remove(id, stamp());
    if (i % 500 == 499) replica_->apply(model::DropNamespaceOp{ns_, stamp()});
    if (i % 100 == 0) {
      clock_.advance_ms(kDayMs / 4);
      collect();
    }
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace ferro::node::store
