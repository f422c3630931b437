// Writes: what is acknowledged, what is refused, and how writes of one batch bear on each other.
#include <gmock/gmock.h>

#include <set>

#include "common/crypto/uuid.h"
#include "tests/fakes/faulty_file_system.h"
#include "tests/unit/node/engine/engine_fixture.h"

namespace ferro::node::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

const model::NamespaceKey kNs{"m::4", "", ""};
const model::NamespaceKey kTenant{"m::4", "tenant", ""};

class EngineWriteTest : public ::testing::TestWithParam<bool> {
 protected:
  EngineWriteTest() { engine.options.manual = GetParam(); }
  void open() { ASSERT_EQ(engine.open().to_string(), "ok"); }

  tests::fakes::FaultyFileSystem fs_{1};
  EngineHarness engine{fs_, "/data"};
};

TEST_P(EngineWriteTest, AnAcknowledgedInsertIsVisibleAndSurvivesARestart) {
  open();
  InsertRequest request = entry("", 10, "the answer");
  request.tags = {"a", "b"};
  request.attributes = {{"k", "v"}};
  request.cost = 0.25;
  const auto id = insert(*engine, request);
  ASSERT_TRUE(id.ok()) << id.status().to_string();
  EXPECT_EQ(crypto::partition_of_uuid(*id), model::partition_of(request.ns));
  for (int restart = 0; restart < 2; ++restart) {
    const auto hit = look_up(*engine, kNs, 10);
    ASSERT_TRUE(hit.ok());
    ASSERT_EQ(hit->hits.size(), 1U);
    EXPECT_EQ(hit->hits[0].id, *id);
    EXPECT_EQ(hit->hits[0].response, "the answer");
    EXPECT_FALSE(hit->from_conversation);
    const auto found = engine->find(*id, true);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].tags, request.tags);
    EXPECT_EQ(found[0].attributes, request.attributes);
    EXPECT_TRUE(found[0].has_cost);
    EXPECT_EQ(found[0].vector, request.unit_vector);
    EXPECT_EQ(found[0].inserted_at_ms, engine.clock.wall_ms());
    open();
  }
  EXPECT_EQ(engine.report.wal_records, 1U);
}

// A request whose turn comes when its asker has given up, and perhaps asked another node, has no effect.
TEST_P(EngineWriteTest, WhatIsNotDecidedInTimeIsNotDecidedAtAll) {
  open();
  ASSERT_TRUE(insert(*engine, entry("x", 0, "old")).ok());
  const int64_t past_ns = engine.clock.steady_ns();
  engine.clock.advance_ms(1);
  InsertRequest put = entry("x", 0, "new");
  put.decide_by_ns = past_ns;
  EXPECT_EQ(insert(*engine, put).status().code(), StatusCode::unavailable);
  RemoveRequest removal;
  removal.id = "x";
  removal.decide_by_ns = past_ns;
  EXPECT_EQ(remove(*engine, removal).status().code(), StatusCode::unavailable);
  InvalidateRequest invalidation;
  invalidation.selector = store::Selector{};
  invalidation.selector->scope = "";
  invalidation.decide_by_ns = past_ns;
  EXPECT_EQ(invalidate(*engine, invalidation).status().code(), StatusCode::unavailable);
  Answer<Result<uint64_t>> dropped;
  engine->drop_namespace({kNs, 0, past_ns}, dropped.done());
  settle(*engine);
  EXPECT_EQ(dropped.get().status().code(), StatusCode::unavailable);

  const auto found = engine->find("x", false);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].response, "old");
  put.decide_by_ns = engine.clock.steady_ns() + 60'000'000'000;
  EXPECT_TRUE(insert(*engine, put).ok());
}

TEST_P(EngineWriteTest, TheSameIdReplacesWithinItsNamespaceOnly) {
  open();
  ASSERT_TRUE(insert(*engine, entry("x", 0, "old")).ok());
  ASSERT_TRUE(insert(*engine, entry("x", 40, "new")).ok());
  ASSERT_TRUE(insert(*engine, entry("x", 0, "tenant's", kTenant)).ok());
  EXPECT_TRUE(look_up(*engine, kNs, 0)->hits.empty());
  EXPECT_EQ(look_up(*engine, kNs, 40)->hits.at(0).response, "new");
  EXPECT_EQ(look_up(*engine, kTenant, 0)->hits.at(0).response, "tenant's");
  EXPECT_EQ(engine->find("x", false).size(), 2U);
}

TEST_P(EngineWriteTest, TimeToLiveComesFromTheRequestThenTheConversationThenTheNode) {
  engine.options.default_ttl_seconds = 100;
  engine.options.conversation_ttl_seconds = 50;
  open();
  const model::NamespaceKey conversation{"m::4", "", "c"};
  const auto expiry_of = [&](InsertRequest request) {
    const std::string id = request.id;
    EXPECT_TRUE(insert(*engine, std::move(request)).ok());
    return engine->find(id, false).at(0).expires_at_ms - engine.clock.wall_ms();
  };
  EXPECT_EQ(expiry_of(entry("node", 0)), 100'000);
  EXPECT_EQ(expiry_of(entry("conversation", 0, "r", conversation)), 50'000);
  InsertRequest seconds = entry("seconds", 0, "r", conversation);
  seconds.ttl_seconds = 7;
  EXPECT_EQ(expiry_of(seconds), 7'000);
  seconds.id = "milliseconds";
  seconds.ttl_ms = 3;
  EXPECT_EQ(expiry_of(seconds), 3);
  seconds.id = "huge";
  seconds.ttl_ms = UINT64_MAX;
  EXPECT_GT(expiry_of(seconds), 1'000'000'000'000);
}

TEST_P(EngineWriteTest, AnEntryExpiresToTheMillisecondAlsoAcrossARestart) {
  open();
  InsertRequest request = entry("x", 0);
  request.ttl_ms = 10;
  ASSERT_TRUE(insert(*engine, request).ok());
  engine.clock.advance_ms(9);
  open();
  EXPECT_EQ(look_up(*engine, kNs, 0)->hits.size(), 1U);
  engine.clock.advance_ms(1);
  EXPECT_TRUE(look_up(*engine, kNs, 0)->hits.empty());
  EXPECT_TRUE(engine->find("x", false).empty());
  EXPECT_EQ(remove(*engine, {"x", {}, {}}).status().code(), StatusCode::not_found);
  // Its namespace's dimension is free again.
  InsertRequest other = entry("y", 0);
  other.unit_vector = unit_at(0, 7);
  EXPECT_TRUE(insert(*engine, other).ok());
}

TEST_P(EngineWriteTest, AnotherDimensionIsRefusedNamingBoth) {
  open();
  ASSERT_TRUE(insert(*engine, entry("x", 0)).ok());
  InsertRequest other = entry("y", 0);
  other.unit_vector = unit_at(0, 7);
  const auto refused = insert(*engine, other);
  EXPECT_EQ(refused.status().code(), StatusCode::invalid_argument);
  EXPECT_THAT(refused.status().message(), AllOf(HasSubstr("7"), HasSubstr("4")));
  EXPECT_TRUE(engine->find("y", false).empty());
  ASSERT_TRUE(remove(*engine, {"x", {}, {}}).ok());
  EXPECT_TRUE(insert(*engine, other).ok());
}

TEST_P(EngineWriteTest, WhatCouldNotBeReadBackIsNotStored) {
  open();
  std::vector<InsertRequest> bad(5, entry("x", 0));
  bad[0].unit_vector.clear();
  bad[1].unit_vector = {2.0F, 0.0F};
  bad[2].id = "white space";
  bad[3].attributes = {{"b", ""}, {"a", ""}};
  bad[4].ns.model_id.clear();
  for (InsertRequest& request : bad) {
    EXPECT_EQ(insert(*engine, request).status().code(), StatusCode::invalid_argument);
  }
  EXPECT_EQ(engine->figures().wal_sequence, 0U);
}

TEST_P(EngineWriteTest, OfTwoSimultaneousDeletesExactlyOneFindsTheEntry) {
  open();
  ASSERT_TRUE(insert(*engine, entry("x", 0)).ok());
  std::vector<Answer<Result<uint64_t>>> answers(5);
  {
    const WriterHold hold(*engine);
    for (auto& answer : answers) engine->remove({"x", {}, {}}, answer.done());
  }
  size_t found = 0;
  for (auto& answer : answers) {
    const auto result = answer.get();
    if (result.ok()) {
      ++found;
      EXPECT_EQ(*result, 1U);
    } else {
      EXPECT_EQ(result.status().code(), StatusCode::not_found);
    }
  }
  EXPECT_EQ(found, 1U);
  EXPECT_EQ(engine->counters().deletions, 1U);
}

TEST_P(EngineWriteTest, WritesOfOneBatchSeeEachOther) {
  open();
  ASSERT_TRUE(insert(*engine, entry("old", 0)).ok());
  Answer<Result<std::string>> put, mismatch, put_again, other_dimension;
  Answer<Result<uint64_t>> deleted, dropped, dropped_again, deleted_last;
  {
    const WriterHold hold(*engine);
    engine->insert(entry("x", 10), put.done());
    InsertRequest wide = entry("wide", 0);
    wide.unit_vector = unit_at(0, 7);
    engine->insert(wide, mismatch.done());
    engine->remove({"x", {}, {}}, deleted.done());
    engine->insert(entry("x", 20), put_again.done());
    engine->drop_namespace({kNs}, dropped.done());
    engine->drop_namespace({kNs}, dropped_again.done());
    engine->insert(wide, other_dimension.done());
    engine->remove({"old", {}, {}}, deleted_last.done());
  }
  EXPECT_TRUE(put.get().ok());
  EXPECT_EQ(mismatch.get().status().code(), StatusCode::invalid_argument);
  EXPECT_EQ(*deleted.get(), 1U);
  EXPECT_TRUE(put_again.get().ok());
  EXPECT_EQ(*dropped.get(), 2U);  // old and x
  EXPECT_EQ(dropped_again.get().status().code(), StatusCode::not_found);
  EXPECT_TRUE(other_dimension.get().ok());
  EXPECT_EQ(deleted_last.get().status().code(), StatusCode::not_found);
  open();
  EXPECT_EQ(engine->figures().live_entries, 1U);
  EXPECT_EQ(engine->find("wide", true).at(0).vector.size(), 7U);
}

TEST_P(EngineWriteTest, TheLastOfTheSameIdInOneBatchStands) {
  open();
  std::vector<InsertRequest> items;
  for (int i = 0; i < 10; ++i) items.push_back(entry("x", i, "answer " + std::to_string(i)));
  for (const auto& result : insert_batch(*engine, items)) EXPECT_EQ(*result, "x");
  EXPECT_EQ(engine->figures().live_entries, 1U);
  EXPECT_EQ(response_of(*engine, "x"), "answer 9");
  open();
  EXPECT_EQ(response_of(*engine, "x"), "answer 9");
}

TEST_P(EngineWriteTest, ABatchIsAnsweredInOrderWithItsRefusals) {
  engine.options.wal_batch_size = 3;
  open();
  std::vector<InsertRequest> items;
  for (int i = 0; i < 10; ++i) items.push_back(entry("id-" + std::to_string(i), i));
  items[4].unit_vector = unit_at(0, 7);  // refused by the writer
  items[6].id = "not visible \n";        // refused before
  const auto results = insert_batch(*engine, items);
  ASSERT_EQ(results.size(), 10U);
  for (int i = 0; i < 10; ++i) {
    const auto& result = results[static_cast<size_t>(i)];
    if (i == 4 || i == 6) {
      EXPECT_EQ(result.status().code(), StatusCode::invalid_argument) << i;
    } else {
      EXPECT_EQ(*result, "id-" + std::to_string(i));
    }
  }
  EXPECT_TRUE(insert_batch(*engine, {}).empty());
  open();
  EXPECT_EQ(engine->figures().live_entries, 8U);
}

TEST_P(EngineWriteTest, DeletingConcernsEveryNamespaceOfTheScopeOrTheOneNamed) {
  open();
  const model::NamespaceKey conversation{"m::4", "tenant", "c"};
  const auto fill = [&] {
    for (const auto& ns : {kNs, kTenant, conversation})
      ASSERT_TRUE(insert(*engine, entry("x", 0, "r", ns)).ok());
  };
  fill();
  EXPECT_EQ(*remove(*engine, {"x", {}, {}}), 3U);
  fill();
  EXPECT_EQ(*remove(*engine, {"x", {}, "tenant"}), 2U);
  EXPECT_EQ(remove(*engine, {"x", {}, "tenant"}).status().code(), StatusCode::not_found);
  fill();
  EXPECT_EQ(*remove(*engine, {"x", conversation, {}}), 1U);
  EXPECT_EQ(remove(*engine, {"x", kNs, "tenant"}).status().code(), StatusCode::not_found);
  EXPECT_EQ(remove(*engine, {"nobody", {}, {}}).status().code(), StatusCode::not_found);
}

TEST_P(EngineWriteTest, TheCapHoldsExactlyWhateverTheBatch) {
  engine.options.max_entries_per_namespace = 10;
  open();
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(insert(*engine, entry("first-" + std::to_string(i), i)).ok());
  std::vector<InsertRequest> items;
  for (int i = 0; i < 25; ++i) items.push_back(entry("then-" + std::to_string(i), i));
  for (const auto& result : insert_batch(*engine, items)) EXPECT_TRUE(result.ok());
  EXPECT_EQ(engine->figures().live_entries, 10U);
  // Replacing needs no room.
  for (int i = 15; i < 25; ++i) items[static_cast<size_t>(i)].response = "again";
  for (const auto& result : insert_batch(*engine, {items.begin() + 15, items.end()}))
    EXPECT_TRUE(result.ok());
  for (int i = 15; i < 25; ++i) EXPECT_EQ(response_of(*engine, "then-" + std::to_string(i)), "again") << i;
  EXPECT_EQ(engine->figures().live_entries, 10U);
  EXPECT_EQ(engine->counters().evictions, 22U);
  open();
  EXPECT_EQ(engine->figures().live_entries, 10U);
  for (int i = 15; i < 25; ++i) EXPECT_EQ(response_of(*engine, "then-" + std::to_string(i)), "again") << i;
}

TEST_P(EngineWriteTest, TheByteBudgetHoldsAndAnEntryLargerThanItIsRefused) {
  engine.options.memory_max_bytes = 2U << 20;
  open();
  const std::string response(20'000, 'r');
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(insert(*engine, entry("id-" + std::to_string(i), i % 360, response)).ok());
    // What was evicted is freed when no reader can see it any more, mostly with the next batch.
    ASSERT_LE(engine->figures().memory_bytes, engine.options.memory_max_bytes + 2 * response.size());
  }
  EXPECT_GT(engine->figures().live_entries, 50U);
  EXPECT_GT(engine->counters().evictions, 0U);
  const auto refused = insert(*engine, entry("huge", 0, std::string(3U << 20, 'r')));
  EXPECT_EQ(refused.status().code(), StatusCode::out_of_memory_budget);
  open();
  EXPECT_LE(engine->figures().memory_bytes, engine.options.memory_max_bytes);
  EXPECT_EQ(response_of(*engine, "id-199"), response);
  // A smaller budget is kept while loading already.
  engine.options.memory_max_bytes = 1U << 20;
  open();
  EXPECT_LE(engine->figures().memory_bytes, engine.options.memory_max_bytes);
  EXPECT_GT(engine->figures().live_entries, 10U);
}

TEST_P(EngineWriteTest, AFullQueueRefusesAtOnce) {
  engine.options.write_queue_max = 4;
  open();
  std::vector<Answer<Result<std::string>>> accepted(4);
  Answer<Result<std::string>> refused;
  {
    const WriterHold hold(*engine);
    for (size_t i = 0; i < accepted.size(); ++i) {
      engine->insert(entry("x" + std::to_string(i), 0), accepted[i].done());
    }
    engine->insert(entry("y", 0), refused.done());
    ASSERT_TRUE(refused.ready());
    EXPECT_EQ(engine->figures().write_queue, 4U);
  }
  const auto result = refused.get();
  EXPECT_EQ(result.status().code(), StatusCode::unavailable);
  EXPECT_THAT(result.status().message(), HasSubstr("overloaded"));
  for (auto& answer : accepted) EXPECT_TRUE(answer.get().ok());
  // More at once than may wait is taken when nothing waits.
  EXPECT_EQ(insert_batch(*engine, std::vector<InsertRequest>(9, entry("", 0))).size(), 9U);
}

TEST_P(EngineWriteTest, StoppingServesWhatWaitsAndRefusesTheRest) {
  open();
  std::vector<Answer<Result<std::string>>> waiting(3);
  {
    const WriterHold hold(*engine);
    for (size_t i = 0; i < waiting.size(); ++i)
      engine->insert(entry("x" + std::to_string(i), 0), waiting[i].done());
  }
  engine->stop();
  engine->stop();
  for (auto& answer : waiting) EXPECT_TRUE(answer.get().ok());
  EXPECT_EQ(insert(*engine, entry("y", 0)).status().code(), StatusCode::unavailable);
  EXPECT_EQ(compact(*engine).status().code(), StatusCode::unavailable);
  InvalidateRequest all;
  all.selector = store::Selector{};
  EXPECT_EQ(invalidate(*engine, all).status().code(), StatusCode::unavailable);
  EXPECT_EQ(engine->readiness().code(), StatusCode::unavailable);
  EXPECT_EQ(look_up(*engine, kNs, 0)->hits.size(), 1U);
}

TEST_P(EngineWriteTest, ExpiredEntriesAreReapedWhenTheIntervalHasPassed) {
  open();
  std::vector<InsertRequest> items;
  for (int i = 0; i < 1000; ++i) {
    items.push_back(entry("", i % 360));
    items.back().ttl_seconds = 1;
  }
  insert_batch(*engine, items);
  engine.clock.advance_ms(static_cast<int64_t>(engine.options.expire_scan_interval_ms));
  EXPECT_EQ(engine->figures().live_entries, 0U);
  // Each write gives the writer a turn; a turn reaps a slice.
  for (int i = 0; i < 100 && engine->counters().expirations < 1000; ++i) {
    ASSERT_TRUE(insert(*engine, entry("x", 0)).ok());
  }
  EXPECT_EQ(engine->counters().expirations, 1000U);
}

TEST_P(EngineWriteTest, InvalidationByRadiusIsExactAndLeavesWhatWasReplacedMeanwhile) {
  open();
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(insert(*engine, entry("e" + std::to_string(i), i)).ok());
  ASSERT_TRUE(insert(*engine, entry("t", 0, "r", kTenant)).ok());
  InvalidateRequest near;
  near.radius =
      InvalidateRequest::Radius{kNs, unit_at(0), static_cast<float>(std::cos(2.5 * std::numbers::pi / 180))};
  near.dry_run = true;
  EXPECT_THAT(*invalidate(*engine, near), UnorderedElementsAre("e0", "e1", "e2"));
  EXPECT_EQ(engine->figures().live_entries, 61U);
  near.dry_run = false;
  EXPECT_THAT(*invalidate(*engine, near), UnorderedElementsAre("e0", "e1", "e2"));
  EXPECT_THAT(*invalidate(*engine, near), ElementsAre());
  EXPECT_EQ(engine->figures().live_entries, 58U);
  EXPECT_EQ(engine->counters().invalidations, 3U);
  near.radius->unit_vector = unit_at(0, 9);
  EXPECT_EQ(invalidate(*engine, near).status().code(), StatusCode::invalid_argument);
  EXPECT_EQ(invalidate(*engine, {}).status().code(), StatusCode::invalid_argument);
}

// An answer between nodes has room for so many ids: whoever gets that many asks again.
TEST_P(EngineWriteTest, AnInvalidationIsDoneInPartsOfTheSizeAskedFor) {
  open();
  for (int i = 0; i < 5; ++i) {
    InsertRequest request = entry("e" + std::to_string(i), i);
    request.tags = {"t"};
    ASSERT_TRUE(insert(*engine, request).ok());
  }
  InvalidateRequest tagged;
  tagged.selector = store::Selector{};
  tagged.selector->any_tag = {"t"};
  tagged.ids_max = 2;
  tagged.dry_run = true;
  EXPECT_EQ(invalidate(*engine, tagged).status().code(), StatusCode::too_large);
  tagged.dry_run = false;
  std::set<std::string> gone;
  for (const size_t expected : {2U, 2U, 1U, 0U}) {
    const auto ids = invalidate(*engine, tagged);
    ASSERT_TRUE(ids.ok());
    EXPECT_EQ(ids->size(), expected);
    gone.insert(ids->begin(), ids->end());
  }
  EXPECT_EQ(gone.size(), 5U);
}

// Fewer than asked for ends it, so what others deleted between finding and deleting must not be missing in
// it.
TEST_P(EngineWriteTest, AnInvalidationInPartsGoesOnWhenOthersDeletedWhatItFound) {
  open();
  for (int i = 0; i < 5; ++i) {
    InsertRequest request = entry("e" + std::to_string(i), i);
    request.tags = {"t"};
    ASSERT_TRUE(insert(*engine, request).ok());
  }
  InvalidateRequest tagged;
  tagged.selector = store::Selector{};
  tagged.selector->any_tag = {"t"};
  tagged.ids_max = 2;
  Answer<Result<std::vector<std::string>>> one, other;
  engine->invalidate(tagged, one.done());
  engine->invalidate(tagged, other.done());
  settle(*engine);
  const auto of_one = one.get();
  const auto of_other = other.get();
  ASSERT_TRUE(of_one.ok() && of_other.ok());
  EXPECT_EQ(of_one->size(), 2U);
  EXPECT_EQ(of_other->size(), 2U);
  EXPECT_EQ(engine->figures().live_entries, 1U);
}

TEST_P(EngineWriteTest, InvalidationOfManyEntriesGoesInPortions) {
  open();
  std::vector<InsertRequest> items;
  for (int i = 0; i < 3000; ++i) {
    items.push_back(entry("", i % 360));
    if (i % 3 != 0) items.back().tags = {"stale"};
  }
  insert_batch(*engine, items);
  InvalidateRequest stale;
  stale.selector = store::Selector{{}, {"stale"}, {}};
  const auto ids = invalidate(*engine, stale);
  ASSERT_TRUE(ids.ok()) << ids.status().to_string();
  EXPECT_EQ(std::set<std::string>(ids->begin(), ids->end()).size(), 2000U);
  open();
  EXPECT_EQ(engine->figures().live_entries, 1000U);
}

INSTANTIATE_TEST_SUITE_P(Modes, EngineWriteTest, ::testing::Bool(), name_of_mode);

}  // namespace
}  // namespace ferro::node::engine
