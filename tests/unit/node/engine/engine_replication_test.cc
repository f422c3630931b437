// What an engine tells other nodes, takes from them, hands over and forgets.
#include <gmock/gmock.h>

#include <chrono>
#include <set>
#include <thread>

#include "common/base/limits.h"
#include "tests/fakes/faulty_file_system.h"
#include "tests/unit/node/engine/engine_fixture.h"
#include "tests/unit/node/engine/recording_sink.h"

namespace ferro::node::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const model::NamespaceKey kNs{"m::4", "", ""};
const model::NamespaceKey kTenant{"m::4", "tenant", ""};
constexpr int64_t kDayMs = 86'400'000;

class EngineReplicationTest : public ::testing::TestWithParam<bool> {
 protected:
  EngineReplicationTest() {
    engine.options.manual = GetParam();
    engine.options.tombstone_retention_ms = kDayMs;
    engine.options.boot_id = "boot-1";
  }
  void open() {
    ASSERT_EQ(engine.open().to_string(), "ok");
    engine->set_decision_sink(&sink_);
  }
  Hlc stamp() { return {(static_cast<uint64_t>(engine.clock.wall_ms()) << 16) + ++ticks_, 9}; }
  // As another node decided it.
  model::PutOp copy(const std::string& id, const Hlc& version, const std::string& response = "copied") {
    model::PutOp op;
    op.ns = kNs;
    op.id = id;
    op.version = version;
    op.vector = unit_at(static_cast<double>(ticks_));
    op.query_text = "question " + id;
    op.response = response;
    op.inserted_at_ms = engine.clock.wall_ms();
    return op;
  }
  Result<std::string> insert_tagged(const std::string& id, WriteTag tag) {
    InsertRequest request = entry(id, 0);
    request.tag = tag;
    return insert(*engine, request);
  }
  store::EntryRef ref_of(const std::string& id) {
    const auto found = engine->find(id, false);
    EXPECT_EQ(found.size(), 1U) << id;
    return {found.at(0).ns, id, found.at(0).version};
  }
  uint64_t tombstones() const { return engine->store().tombstones().count; }
  // Until the housekeeping has done it: a write gives the writer a turn.
  void turn_until(const std::function<bool()>& done) {
    for (int i = 0; i < 1000 && !done(); ++i) {
      EXPECT_FALSE(remove(*engine, {"no-such-id", {}, {}}).ok());
    }
    EXPECT_TRUE(done());
  }

  tests::fakes::FaultyFileSystem fs_{1};
  RecordingSink sink_;  // outlives the engine
  EngineHarness engine{fs_, "/data"};
  uint64_t ticks_ = 0;
};

TEST_P(EngineReplicationTest, TheSinkHearsEveryDecisionInOrderWithItsTag) {
  engine.options.max_entries_per_namespace = 3;
  open();
  EXPECT_TRUE(insert_tagged("a", 1).ok());
  EXPECT_TRUE(insert_tagged("b", 2).ok());
  EXPECT_TRUE(insert_tagged("c", 3).ok());
  EXPECT_TRUE(insert_tagged("d", 4).ok());
  EXPECT_THAT(sink_.take_lines(), ElementsAre("put a #1", "put b #2", "put c #3", "delete a #0", "put d #4"));

  RemoveRequest gone{"b", std::nullopt, std::nullopt};
  gone.tag = 5;
  EXPECT_TRUE(remove(*engine, gone).ok());
  EXPECT_FALSE(remove(*engine, gone).ok());
  InvalidateRequest near;
  near.radius = InvalidateRequest::Radius{kNs, unit_at(0), 0.99F};
  near.tag = 6;
  EXPECT_THAT(*invalidate(*engine, near), UnorderedElementsAre("c", "d"));
  const auto told = sink_.take_lines();
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[0], "delete b #5");
  EXPECT_THAT((std::vector<std::string>{told[1], told[2]}),
              UnorderedElementsAre("delete c #6", "delete d #6"));

  std::vector<InsertRequest> batch{entry("x", 1), entry("y", 2)};
  batch[0].tag = 7;
  batch[1].tag = 8;
  insert_batch(*engine, batch);
  Answer<Result<uint64_t>> dropped;
  engine->drop_namespace({kNs, 9}, dropped.done());
  settle(*engine);
  EXPECT_EQ(*dropped.get(), 2U);
  EXPECT_THAT(sink_.take_lines(), ElementsAre("put x #7", "put y #8", "drop #9"));
}

TEST_P(EngineReplicationTest, TheSinkHearsBeforeTheCallerDoes) {
  open();
  Answer<size_t> heard;
  engine->insert(entry("a", 0),
                 [this, done = heard.done()](const Result<std::string>&) { done(sink_.count()); });
  settle(*engine);
  EXPECT_EQ(heard.get(), 1U);
}

TEST_P(EngineReplicationTest, WhenTheLogFailsTheCallerHearsItAndTheCopiesMayStand) {
  open();
  ASSERT_TRUE(insert_tagged("before", 9).ok());
  sink_.take();
  fs_.fail_sync(1);
  EXPECT_EQ(insert_tagged("a", 1).status().code(), StatusCode::unavailable);
  EXPECT_THAT(sink_.take_lines(), ElementsAre("put a #1"));
  EXPECT_THAT(engine->find("a", false), IsEmpty());
}

// What other owners were told and this node's log lost: the stamp must not come again, for something else.
TEST_P(EngineReplicationTest, AStampThatLeftTheNodeIsNotIssuedAgainAfterAPowerCutAndWithTheClockSetBack) {
  open();
  ASSERT_TRUE(insert_tagged("a", 1).ok());
  sink_.take();
  fs_.fail_sync(1);
  ASSERT_FALSE(insert_tagged("lost", 2).ok());
  const std::vector<model::Operation> told = sink_.take_operations();
  ASSERT_EQ(told.size(), 1U);
  const auto survived = fs_.after_power_cut(7);
  engine.close();

  EngineHarness again(*survived, "/data");
  again.options = engine.options;
  again.options.boot_id = "boot-2";
  again.clock.set_wall_ms(engine.clock.wall_ms() - 3'600'000);
  ASSERT_EQ(again.open().to_string(), "ok");
  again->set_decision_sink(&sink_);
  ASSERT_TRUE(insert(*again, entry("next", 0)).ok());
  EXPECT_GT(again->find("next", false).at(0).version, model::version_of(told[0]));
}

// A killed node once went on up to ten seconds ahead of its clock: its deletes beat what others wrote later.
TEST_P(EngineReplicationTest, AKilledNodesDeleteDoesNotBeatALaterWriteOfAnotherOwner) {
  open();
  ASSERT_TRUE(insert_tagged("a", 1).ok());
  engine.clock.advance_ms(200);
  const auto survived = fs_.after_kill(7);

  EngineHarness again(*survived, "/data");
  again.options = engine.options;
  again.clock.advance_ms(200);
  ASSERT_EQ(again.open().to_string(), "ok");
  again->set_decision_sink(&sink_);
  again.clock.advance_ms(1);
  ASSERT_TRUE(remove(*again, {"a", {}, {}}).ok());
  again.clock.advance_ms(1);
  const Hlc later{static_cast<uint64_t>(again.clock.wall_ms()) << 16, 9};
  EXPECT_EQ(*apply_copies(*again, {copy("a", later)}), 1U);
  EXPECT_EQ(response_of(*again, "a"), "copied");
}

TEST_P(EngineReplicationTest, NothingLeavesTheNodeBeforeItsStampIsReserved) {
  open();
  fs_.fail_write(1);
  EXPECT_EQ(insert_tagged("a", 1).status().code(), StatusCode::unavailable);
  EXPECT_THAT(sink_.take(), IsEmpty());
  EXPECT_THAT(engine->find("a", false), IsEmpty());
  EXPECT_TRUE(insert_tagged("a", 2).ok()) << "the log has not failed";
  EXPECT_THAT(sink_.take_lines(), ElementsAre("put a #2"));
}

// It said that it was ready, and answered every write with an error.
TEST_P(EngineReplicationTest, ANodeThatCannotReserveStampsIsNotReadyUntilItCan) {
  open();
  fs_.set_out_of_descriptors(true);
  const Status refused = insert_tagged("a", 1).status();
  EXPECT_EQ(refused.code(), StatusCode::unavailable);
  EXPECT_THAT(refused.message(), HasSubstr("stamps of writes cannot be reserved"));
  EXPECT_EQ(engine->readiness().to_string(), refused.to_string());
  EXPECT_EQ(insert_tagged("a", 2).status().to_string(), refused.to_string());
  EXPECT_THAT(sink_.take(), IsEmpty());

  fs_.set_out_of_descriptors(false);
  const auto end = std::chrono::steady_clock::now() + kAnswerWithin;
  while (!engine->readiness().ok() && std::chrono::steady_clock::now() < end) {
    settle(*engine);
    std::this_thread::yield();
  }
  EXPECT_TRUE(engine->readiness().ok()) << "by itself, without a write";
  EXPECT_TRUE(insert_tagged("a", 3).ok());
  EXPECT_THAT(sink_.take_lines(), ElementsAre("put a #3"));
}

TEST_P(EngineReplicationTest, ANodeThatWasStoppedInOrderGoesOnFromItsClock) {
  open();
  ASSERT_TRUE(insert_tagged("a", 1).ok());
  engine.clock.advance_ms(5);
  open();
  ASSERT_TRUE(insert_tagged("b", 2).ok());
  EXPECT_EQ(engine->find("b", false).at(0).version.wall_ms(), engine.clock.wall_ms());
}

// The file is renewed before what is reserved is used up, by the housekeeping and not while somebody waits.
TEST_P(EngineReplicationTest, StampsAreReservedAheadOfTheClock) {
  open();
  std::set<std::string> contents;
  for (int second = 0; second < 30; ++second) {
    ASSERT_TRUE(insert_tagged("a", 1).ok());
    contents.insert(fs_.content("/data/STAMPS"));
    engine.clock.advance_ms(1000);
  }
  EXPECT_GE(contents.size(), 4U);
  EXPECT_LE(contents.size(), 8U);
}

TEST_P(EngineReplicationTest, ADamagedFileOfStampsIsToldAndLeftOutOnlyWhenSalvaging) {
  open();
  ASSERT_TRUE(insert_tagged("a", 1).ok());
  engine.close();
  fs_.set_content("/data/STAMPS", "stamps used up to 12\ncrc32c 00000000\n");
  EXPECT_THAT(engine.open().message(), HasSubstr("/data/STAMPS"));
  engine.options.salvage = true;
  EXPECT_EQ(engine.open().to_string(), "ok");
}

// A node whose clock is wrong: it decides nothing, and takes what others decided.
TEST_P(EngineReplicationTest, WhoMustNotDecideTakesCopiesAllTheSame) {
  open();
  ASSERT_TRUE(insert_tagged("a", 1).ok());
  const auto here = ref_of("a");
  sink_.take();
  sink_.refuse_decisions(Status::unavailable("the clock is wrong"));
  EXPECT_EQ(insert_tagged("b", 2).status().message(), "the clock is wrong");
  EXPECT_EQ(remove(*engine, {"a", {}, {}}).status().code(), StatusCode::unavailable);
  EXPECT_EQ(drop(*engine, kNs).status().code(), StatusCode::unavailable);
  InvalidateRequest near;
  near.radius = InvalidateRequest::Radius{kNs, unit_at(0), 0.9F};
  EXPECT_EQ(invalidate(*engine, near).status().code(), StatusCode::unavailable);
  EXPECT_THAT(sink_.take(), IsEmpty());
  EXPECT_EQ(*apply_copies(*engine, {copy("c", stamp())}), 1U);
  EXPECT_EQ(*purge(*engine, {here}), 1U);
  sink_.refuse_decisions({});
  EXPECT_TRUE(insert_tagged("b", 3).ok());
}

TEST_P(EngineReplicationTest, CopiesAreDurableAndToldToNobody) {
  open();
  EXPECT_EQ(*apply_copies(*engine, {copy("a", stamp()), copy("b", stamp())}), 2U);
  EXPECT_EQ(*apply_copies(*engine, {model::DeleteOp{kNs, "b", stamp(), model::DeleteReason::requested, 0}}),
            1U);
  EXPECT_EQ(*apply_copies(*engine, {model::DropNamespaceOp{kTenant, stamp()}}), 1U);
  EXPECT_EQ(*apply_copies(*engine, {}), 0U);
  EXPECT_THAT(sink_.take(), IsEmpty());
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(response_of(*engine, "a"), "copied");
    EXPECT_EQ(engine->figures().live_entries, 1U);
    EXPECT_EQ(tombstones(), 2U);
    open();
  }
}

TEST_P(EngineReplicationTest, OldNewsChangesNothingAndIsNotLogged) {
  open();
  const model::PutOp older = copy("a", stamp()), newer = copy("a", stamp(), "newer");
  const model::DeleteOp gone{kNs, "b", stamp(), model::DeleteReason::requested, 0};
  const model::DropNamespaceOp dropped{kTenant, stamp()};
  EXPECT_EQ(*apply_copies(*engine, {newer, gone, dropped}), 3U);
  const uint64_t logged = engine->figures().wal_sequence;
  EXPECT_EQ(*apply_copies(*engine, {older, newer}), 0U);
  EXPECT_EQ(*apply_copies(*engine, {gone}), 0U);
  EXPECT_EQ(*apply_copies(*engine, {dropped}), 0U);
  EXPECT_EQ(engine->figures().wal_sequence, logged);
  EXPECT_EQ(response_of(*engine, "a"), "newer");
}

// Whoever is asked for digests waits behind this in the queue; it was logged each time since floors had
// slots.
TEST_P(EngineReplicationTest, ADropBeforeEverythingIsNeverNews) {
  open();
  ASSERT_TRUE(insert_tagged("a", 0).ok());
  const uint64_t logged = engine->figures().wal_sequence;
  for (const model::NamespaceKey& ns : {model::NamespaceKey{"-", "", ""}, kNs})
    EXPECT_EQ(*apply_copies(*engine, {model::DropNamespaceOp{ns, {}}}), 0U);
  EXPECT_EQ(engine->figures().wal_sequence, logged);
}

// Found while thinking about hand-over: skipped as old news, the copy would be missing once the purge before
// it in the same batch has been applied.
TEST_P(EngineReplicationTest, ACopyBehindAPurgeOfTheSameEntryStands) {
  open();
  const model::PutOp put = copy("a", stamp());
  EXPECT_EQ(*apply_copies(*engine, {put}), 1U);
  Answer<Result<uint64_t>> purged, applied;
  {
    const WriterHold hold(*engine);
    engine->purge({{kNs, "a", put.version}}, purged.done());
    engine->apply_replicated({put}, applied.done());
  }
  EXPECT_EQ(*purged.get(), 1U);
  EXPECT_EQ(*applied.get(), 1U);
  EXPECT_EQ(response_of(*engine, "a"), "copied");
}

TEST_P(EngineReplicationTest, CopiesAreInNoCounterAndTheirStampsAreSurpassed) {
  open();
  const Hlc ahead{static_cast<uint64_t>(engine.clock.wall_ms() + limits::kClockSkewMaxMs) << 16, 9};
  EXPECT_EQ(*apply_copies(*engine, {copy("a", ahead), copy("b", stamp())}), 2U);
  EXPECT_EQ(*apply_copies(*engine, {model::DeleteOp{kNs, "b", stamp(), model::DeleteReason::requested, 0}}),
            1U);
  EXPECT_EQ(engine->counters().inserts, 0U);
  EXPECT_EQ(engine->counters().deletions, 0U);
  EXPECT_TRUE(insert(*engine, entry("a", 0, "mine")).ok());
  EXPECT_EQ(engine->counters().inserts, 1U);
  EXPECT_EQ(response_of(*engine, "a"), "mine") << "this node's next stamp is newer than all it has seen";
}

TEST_P(EngineReplicationTest, StampsFarAheadAreRefusedAsAWhole) {
  open();
  const int64_t too_far_ms = engine.clock.wall_ms() + limits::kClockSkewMaxMs + 1;
  const Hlc far{static_cast<uint64_t>(too_far_ms) << 16, 9};
  const Status refused = apply_copies(*engine, {copy("a", stamp()), copy("b", far)}).status();
  EXPECT_EQ(refused.code(), StatusCode::invalid_argument);
  EXPECT_THAT(refused.message(), HasSubstr("clock"));
  // A delete's own time counts too: it would not grow old.
  EXPECT_FALSE(
      apply_copies(*engine, {model::DeleteOp{kNs, "a", stamp(), model::DeleteReason::evicted, too_far_ms}})
          .ok());
  EXPECT_EQ(engine->figures().live_entries, 0U);
  EXPECT_EQ(tombstones(), 0U);
  EXPECT_TRUE(insert(*engine, entry("c", 0)).ok());
  EXPECT_LT(ref_of("c").version, far) << "what was refused was not observed";
}

TEST_P(EngineReplicationTest, ACopyMakesRoomAndTheOthersHearWhoWent) {
  engine.options.memory_max_bytes = 300'000;
  open();
  const auto large = [this](const std::string& id) { return copy(id, stamp(), std::string(20'000, 'r')); };
  uint64_t applied = 0;
  for (int i = 0; i < 30; ++i) applied += *apply_copies(*engine, {large("e" + std::to_string(i))});
  EXPECT_EQ(applied, 30U);
  const uint64_t live = engine->figures().live_entries;
  EXPECT_LT(live, 15U);
  const std::vector<std::string> told = sink_.take_lines();
  EXPECT_EQ(told.size(), 30 - live);
  EXPECT_EQ(told.at(0), "delete e0 #0");
  EXPECT_EQ(engine->counters().evictions, 30 - live);

  // What can never fit is refused by itself.
  const auto result =
      apply_copies(*engine, {copy("huge", stamp(), std::string(400'000, 'r')), copy("small", stamp())});
  EXPECT_EQ(result.status().code(), StatusCode::out_of_memory_budget);
  EXPECT_EQ(response_of(*engine, "small"), "copied");
  EXPECT_EQ(response_of(*engine, "huge"), "");
}

TEST_P(EngineReplicationTest, TheCapIsKeptByWhoDecides) {
  engine.options.max_entries_per_namespace = 2;
  open();
  for (const char* id : {"a", "b", "c"}) EXPECT_EQ(*apply_copies(*engine, {copy(id, stamp())}), 1U);
  EXPECT_EQ(engine->figures().live_entries, 3U);
  EXPECT_THAT(sink_.take(), IsEmpty());
  EXPECT_TRUE(insert(*engine, entry("d", 0)).ok());
  EXPECT_EQ(engine->figures().live_entries, 2U);
  EXPECT_THAT(sink_.take_lines(), ElementsAre("delete a #0", "delete b #0", "put d #0"));
}

TEST_P(EngineReplicationTest, PurgedEntriesAreGoneForGoodButNotDeleted) {
  open();
  ASSERT_TRUE(insert(*engine, entry("a", 0)).ok());
  ASSERT_TRUE(insert(*engine, entry("b", 1)).ok());
  const std::vector<store::EntryRef> both{ref_of("a"), ref_of("b")};
  std::vector<model::Operation> told = sink_.take_operations();
  ASSERT_TRUE(insert(*engine, entry("b", 2, "changed meanwhile")).ok());
  sink_.take();
  EXPECT_EQ(*purge(*engine, both), 1U);
  EXPECT_EQ(*purge(*engine, both), 0U);
  EXPECT_EQ(*purge(*engine, {}), 0U);
  EXPECT_THAT(sink_.take(), IsEmpty());
  EXPECT_EQ(tombstones(), 0U);
  EXPECT_EQ(engine->counters().deletions, 0U);
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(response_of(*engine, "a"), "");
    EXPECT_EQ(response_of(*engine, "b"), "changed meanwhile");
    open();
  }
  EXPECT_EQ(*apply_copies(*engine, std::move(told)), 1U) << "what was handed over may come back";
}

TEST_P(EngineReplicationTest, DeletesMayBeLimitedToPartitions) {
  open();
  ASSERT_NE(model::partition_of(kNs), model::partition_of(kTenant));
  model::PartitionSet tenants;
  tenants.set(model::partition_of(kTenant));
  const model::Territory within{tenants};
  const auto fill = [&] {
    for (const auto& ns : {kNs, kTenant}) {
      InsertRequest request = entry("x", 0, "answer", ns);
      request.tags = {"t"};
      ASSERT_TRUE(insert(*engine, request).ok());
    }
  };
  fill();
  RemoveRequest by_id{"x", std::nullopt, std::nullopt};
  by_id.partitions = tenants;
  EXPECT_EQ(*remove(*engine, by_id), 1U);
  EXPECT_EQ(ref_of("x").ns, kNs);

  fill();
  InvalidateRequest tagged;
  tagged.selector = store::Selector{{}, {"t"}, {}};
  tagged.partitions = tenants;
  EXPECT_THAT(*invalidate(*engine, tagged), ElementsAre("x"));
  EXPECT_EQ(ref_of("x").ns, kNs);

  InvalidateRequest near;
  near.radius = InvalidateRequest::Radius{kNs, unit_at(0), 0.99F};
  near.partitions = tenants;
  EXPECT_THAT(*invalidate(*engine, near), IsEmpty());

  fill();
  const store::Store& store = engine->store();
  EXPECT_EQ(store.find("x", engine->now_ms(), false, &within).size(), 1U);
  const auto listed = store.namespaces(engine->now_ms(), "", "", 10, &within);
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].key, kTenant);
  EXPECT_EQ(store.top_entries(engine->now_ms(), 3, 1, &within).at(0).first, model::printed_name(kTenant));
}

// An owner that holds nothing of a shard and has yet to hear of an insert: what is on its way is dropped,
// too.
TEST_P(EngineReplicationTest, TheDropOfAnEmptyShardIsDecidedAndLeavesAFloor) {
  open();
  const model::SlotSet slots = model::slot_bit("x");
  Answer<Result<uint64_t>> dropped;
  engine->drop_namespace({kNs, 7, 0, slots}, dropped.done());
  settle(*engine);
  EXPECT_EQ(*dropped.get(), 0U);
  EXPECT_THAT(sink_.take_lines(), ElementsAre("drop #7"));
  EXPECT_NE(engine->store().versions(kNs, 0, 1, slots).floors.all, Hlc{});
  EXPECT_EQ(engine->store().versions(kNs, 0, 1, ~slots).floors.all, Hlc{});
}

TEST_P(EngineReplicationTest, ALookupMayStayInItsNamespaceAndOutOfTheCounters) {
  open();
  ASSERT_TRUE(insert(*engine, entry("base", 0)).ok());
  const std::vector<float> vector = unit_at(0), wide = unit_at(0, 7);
  LookupRequest request;
  request.ns = {kNs.model_id, "", "c"};
  request.unit_vector = vector;
  request.only_this_namespace = true;
  EXPECT_THAT(engine->lookup(request)->hits, IsEmpty());
  EXPECT_EQ(engine->counters().misses, 1U);
  request.only_this_namespace = false;
  EXPECT_EQ(engine->lookup(request)->hits.size(), 1U);
  request.count = false;
  EXPECT_EQ(engine->lookup(request)->hits.size(), 1U);
  request.only_this_namespace = true;
  EXPECT_THAT(engine->lookup(request)->hits, IsEmpty());
  request.unit_vector = wide;
  EXPECT_TRUE(engine->lookup(request).ok()) << "the base's dimension is its own owner's business";
  EXPECT_EQ(engine->counters().queries, 2U);
  EXPECT_EQ(engine->counters().hits, 1U);
  store::NamespaceCounters forgotten;
  const auto totals = engine->store().base_totals(engine->now_ms(), forgotten);
  ASSERT_EQ(totals.size(), 1U);
  EXPECT_EQ(totals[0].counters.queries_hit, 1U);
  EXPECT_EQ(totals[0].counters.queries_miss, 1U);
  EXPECT_EQ(engine->find("base", false).at(0).access_count, 2U);
}

TEST_P(EngineReplicationTest, TombstonesSurviveSnapshotAndRestartAndAreCollectedAfterTheRetention) {
  open();
  ASSERT_TRUE(insert(*engine, entry("a", 0)).ok());
  ASSERT_TRUE(insert(*engine, entry("b", 0, "answer", kTenant)).ok());
  const std::vector<model::Operation> puts = sink_.take_operations();
  engine.clock.advance_ms(2 * kDayMs);
  // Long after the version that it means: its age counts from now.
  InvalidateRequest near;
  near.radius = InvalidateRequest::Radius{kNs, unit_at(0), 0.99F};
  ASSERT_THAT(*invalidate(*engine, near), ElementsAre("a"));
  ASSERT_EQ(*drop(*engine, kTenant), 1U);
  const int64_t deleted_at_ms = engine.clock.wall_ms();
  for (int snapshots = 0; snapshots < 2; ++snapshots) ASSERT_TRUE(compact(*engine).ok());
  open();
  EXPECT_EQ(engine.report.wal_records, 0U) << "from the snapshot alone";
  EXPECT_EQ(engine.report.snapshot_entries, 0U);
  EXPECT_EQ(tombstones(), 2U);
  EXPECT_EQ(*apply_copies(*engine, puts), 0U);

  engine.clock.advance_ms(kDayMs - 1);
  turn_until([&] { return engine->store().tombstones().collected_upto_ms == 0; });
  EXPECT_EQ(tombstones(), 2U);
  engine.clock.advance_ms(static_cast<int64_t>(engine.options.expire_scan_interval_ms));
  turn_until([&] { return tombstones() == 0; });
  EXPECT_EQ(engine->store().tombstones().collected_upto_ms, deleted_at_ms);
  EXPECT_EQ(*apply_copies(*engine, puts), 2U) << "nobody remembers";

  for (int snapshots = 0; snapshots < 2; ++snapshots) ASSERT_TRUE(compact(*engine).ok());
  open();
  EXPECT_EQ(engine.report.wal_records, 0U);
  EXPECT_EQ(engine->store().tombstones().collected_upto_ms, deleted_at_ms) << "what was given up stays known";
}

TEST_P(EngineReplicationTest, ADeletedEntryStaysDeletedWhenItsOldSnapshotIsAllThatIsLeftOfIt) {
  open();
  ASSERT_TRUE(insert(*engine, entry("a", 0)).ok());
  const std::vector<model::Operation> put = sink_.take_operations();
  ASSERT_TRUE(compact(*engine).ok());
  ASSERT_EQ(*remove(*engine, {"a", {}, {}}), 1U);
  open();  // the snapshot has the entry, the log its delete
  EXPECT_EQ(tombstones(), 1U);
  EXPECT_EQ(*apply_copies(*engine, put), 0U);
  EXPECT_EQ(engine->figures().live_entries, 0U);
}

INSTANTIATE_TEST_SUITE_P(Modes, EngineReplicationTest, ::testing::Bool(), name_of_mode);

// --- without threads ---

size_t threads_of_this_process() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) ++count;
  return count;
}

TEST(EngineManualTest, MakesNoThreadAndWorksOnlyWhenPumped) {
  tests::fakes::FaultyFileSystem fs(1);
  EngineHarness engine(fs, "/data");
  engine.options.manual = true;
  const size_t before = threads_of_this_process();
  ASSERT_EQ(engine.open().to_string(), "ok");
  Answer<Result<std::string>> inserted;
  Answer<Result<CompactResult>> compacted;
  engine->insert(entry("a", 0), inserted.done());
  engine->compact(compacted.done());
  EXPECT_FALSE(inserted.ready());
  EXPECT_EQ(threads_of_this_process(), before);
  engine->pump();
  EXPECT_TRUE(inserted.ready());
  EXPECT_EQ(compacted.get()->entries, 1U);
  EXPECT_EQ(threads_of_this_process(), before);
}

TEST(EngineManualTest, WhatACallbackAsksForIsServedByTheSamePump) {
  tests::fakes::FaultyFileSystem fs(1);
  EngineHarness engine(fs, "/data");
  engine.options.manual = true;
  ASSERT_EQ(engine.open().to_string(), "ok");
  Answer<Result<uint64_t>> removed;
  engine->insert(entry("a", 0), [&](const Result<std::string>& id) {
    engine->pump();  // must not serve inside itself
    engine->remove({*id, std::nullopt, std::nullopt}, removed.done());
  });
  engine->pump();
  EXPECT_EQ(*removed.get(), 1U);
}

TEST(EngineManualTest, StoppingServesWhatWaits) {
  tests::fakes::FaultyFileSystem fs(1);
  EngineHarness engine(fs, "/data");
  engine.options.manual = true;
  ASSERT_EQ(engine.open().to_string(), "ok");
  Answer<Result<std::string>> inserted;
  Answer<Result<CompactResult>> compacted;
  engine->insert(entry("a", 0), inserted.done());
  engine->compact(compacted.done());
  engine->stop();
  EXPECT_TRUE(inserted.get().ok());
  EXPECT_EQ(compacted.get().status().code(), StatusCode::unavailable);
  ASSERT_EQ(engine.open().to_string(), "ok");
  EXPECT_EQ(response_of(*engine, "a"), "answer");
}

TEST(EngineManualTest, OnePumpReapsAllThatIsDueAndFreesIt) {
  tests::fakes::FaultyFileSystem fs(1);
  EngineHarness engine(fs, "/data");
  engine.options.manual = true;
  ASSERT_EQ(engine.open().to_string(), "ok");
  std::vector<InsertRequest> items;
  for (int i = 0; i < 2000; ++i) {
    items.push_back(entry("", i % 360));
    items.back().ttl_seconds = 1;
  }
  insert_batch(*engine, items);
  const uint64_t full = engine->figures().memory_bytes;
  engine.clock.advance_ms(static_cast<int64_t>(engine.options.expire_scan_interval_ms));
  engine->pump();
  EXPECT_EQ(engine->counters().expirations, 2000U);
  EXPECT_LT(engine->figures().memory_bytes, full / 10);
}

}  // namespace
}  // namespace ferro::node::engine
