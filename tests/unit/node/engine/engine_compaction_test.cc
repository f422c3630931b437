// Snapshots beside traffic and what becomes of the log behind them.
#include <gmock/gmock.h>

#include <random>

#include "node/index/kernels.h"
#include "tests/fakes/faulty_file_system.h"
#include "tests/unit/node/engine/engine_fixture.h"

namespace ferro::node::engine {
namespace {

using ::testing::HasSubstr;

class EngineCompactionTest : public ::testing::TestWithParam<bool> {
 protected:
  EngineCompactionTest() { engine.options.manual = GetParam(); }
  void open() { ASSERT_EQ(engine.open().to_string(), "ok"); }
  void fill(const std::string& prefix, int count, size_t response_bytes = 10) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(
          insert(*engine, entry(prefix + std::to_string(i), i, std::string(response_bytes, 'r'))).ok());
    }
  }
  // Gives the writer and the snapshot thread turns until `done`: a write is a turn.
  void turn_until(const std::function<bool()>& done) {
    const auto end = std::chrono::steady_clock::now() + kAnswerWithin;
    while (!done()) {
      ASSERT_LT(std::chrono::steady_clock::now(), end) << "it never happened";
      EXPECT_FALSE(remove(*engine, {"no-such-id", {}, {}}).ok());
    }
  }

  tests::fakes::FaultyFileSystem fs_{1};
  EngineHarness engine{fs_, "/data"};
};

TEST_P(EngineCompactionTest, SnapshotsLetGoOfTheLogBehindTheOlderOfTwo) {
  open();
  fill("a", 50, 4000);
  const uint64_t full = engine->figures().wal_bytes;
  const auto first = compact(*engine);
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  EXPECT_EQ(first->entries, 50U);
  EXPECT_EQ(first->wal_sequence, 50U);
  EXPECT_EQ(engine->figures().wal_bytes, full) << "one snapshot is not enough to let go of anything";
  fill("b", 1);
  EXPECT_EQ(compact(*engine)->entries, 51U);
  const EngineFigures figures = engine->figures();
  EXPECT_LT(figures.wal_bytes, full / 10);
  EXPECT_EQ(figures.snapshots_kept, 2U);
  EXPECT_EQ(figures.snapshot_number, 2U);
  EXPECT_EQ(figures.snapshot_wal_sequence, 51U);
  EXPECT_EQ(figures.snapshot_created_at_ms, engine.clock.wall_ms());
  EXPECT_GT(figures.snapshot_bytes, 50U * 4000);
  EXPECT_EQ(engine->counters().compactions, 2U);
  open();
  EXPECT_EQ(engine->figures().live_entries, 51U);
  EXPECT_EQ(engine.report.wal_records, 0U);
}

TEST_P(EngineCompactionTest, CallsMadeMeanwhileJoinTheRunningOne) {
  open();
  fill("a", 5);
  std::vector<Answer<Result<CompactResult>>> answers(4);
  {
    const WriterHold hold(*engine);
    EXPECT_FALSE(engine->figures().snapshot_running);
    for (auto& answer : answers) engine->compact(answer.done());
    EXPECT_TRUE(engine->figures().snapshot_running);
  }
  for (auto& answer : answers) EXPECT_EQ(answer.get()->wal_sequence, 5U);
  EXPECT_FALSE(engine->figures().snapshot_running);
  EXPECT_EQ(engine->counters().compactions, 1U);
}

TEST_P(EngineCompactionTest, EveryIntervalOfInsertsMakesASnapshotByItself) {
  engine.options.compact_interval_inserts = 40;
  open();
  fill("a", 39);
  EXPECT_EQ(engine->counters().compactions, 0U);
  fill("b", 1);
  turn_until([&] { return engine->counters().compactions == 1; });
  fill("c", 40);
  turn_until([&] { return engine->counters().compactions == 2; });
  // What recovery replays counts too: a node that restarts often compacts all the same.
  fill("d", 30);
  open();
  fill("e", 10);
  turn_until([&] { return engine->counters().compactions == 1; });
  open();
  EXPECT_EQ(engine->figures().live_entries, 120U);
}

TEST_P(EngineCompactionTest, WritesGoOnWhileASnapshotIsWritten) {
  open();
  fill("a", 300, 2000);
  Answer<Result<CompactResult>> answer;
  engine->compact(answer.done());
  for (int i = 0; i < 300; ++i) {
    const std::string id = "a" + std::to_string(i);
    if (i % 3 == 0) {
      ASSERT_TRUE(remove(*engine, {id, {}, {}}).ok());
    } else if (i % 3 == 1) {
      ASSERT_TRUE(insert(*engine, entry(id, i, "replaced")).ok());
    }
  }
  fill("b", 50);
  ASSERT_TRUE(answer.get().ok());
  for (int restart = 0; restart < 2; ++restart) {
    EXPECT_EQ(engine->figures().live_entries, 250U);
    for (int i = 0; i < 300; ++i) {
      const std::string expected = i % 3 == 0 ? "" : i % 3 == 1 ? "replaced" : std::string(2000, 'r');
      ASSERT_EQ(response_of(*engine, "a" + std::to_string(i)), expected) << i;
    }
    open();
  }
}

TEST_P(EngineCompactionTest, AFailedSnapshotIsReportedAndTriedAgainAfterAWhile) {
  engine.options.compact_interval_inserts = 100;
  open();
  fill("a", 99);
  // Less room than one segment of the log, which a snapshot must always leave.
  constexpr uint64_t kPlenty = 100U << 20;
  fs_.set_capacity(kPlenty);
  fs_.set_capacity(kPlenty - *fs_.free_bytes("/data") + engine.options.wal_segment_bytes / 2);
  fill("b", 1);
  turn_until([&] { return engine->figures().snapshot_failed; });
  EXPECT_TRUE(engine->readiness().ok());
  const auto asked = compact(*engine);
  EXPECT_EQ(asked.status().code(), StatusCode::no_space) << asked.status().to_string();
  EXPECT_EQ(engine->counters().compactions, 0U);

  fs_.set_capacity(kPlenty);
  fill("c", 20);
  EXPECT_EQ(engine->counters().compactions, 0U) << "it was to wait";
  engine.clock.advance_ms(10'000);
  turn_until([&] { return engine->counters().compactions == 1; });
  EXPECT_FALSE(engine->figures().snapshot_failed);
  open();
  EXPECT_EQ(engine->figures().live_entries, 120U);
}

TEST_P(EngineCompactionTest, DeadEntriesAreThoseThatASnapshotWouldDrop) {
  open();
  fill("a", 20);
  ASSERT_TRUE(compact(*engine).ok());
  EXPECT_EQ(engine->figures().dead_entries, 0U);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(remove(*engine, {"a" + std::to_string(i), {}, {}}).ok());
  EXPECT_EQ(engine->figures().dead_entries, 5U);
  for (int i = 5; i < 8; ++i) ASSERT_TRUE(insert(*engine, entry("a" + std::to_string(i), i, "new")).ok());
  turn_until([&] { return engine->figures().dead_entries == 8U; });
  // A snapshot that fails drops nothing.
  constexpr uint64_t kPlenty = 100U << 20;
  fs_.set_capacity(kPlenty);
  fs_.set_capacity(kPlenty - *fs_.free_bytes("/data") + engine.options.wal_segment_bytes / 2);
  ASSERT_EQ(compact(*engine).status().code(), StatusCode::no_space);
  EXPECT_EQ(engine->figures().dead_entries, 8U);
  fs_.set_capacity(kPlenty);
  open();
  EXPECT_GE(engine->figures().dead_entries, 8U) << "they are still in the snapshot and in the log";
  ASSERT_TRUE(compact(*engine).ok());
  EXPECT_EQ(engine->figures().dead_entries, 0U);
  open();
  EXPECT_EQ(engine->figures().dead_entries, 0U);
}

TEST_P(EngineCompactionTest, EveryFailedOperationOfASnapshotLeavesAWorkingNode) {
  for (uint64_t nth = 1; nth <= 12; ++nth) {
    for (const bool sync : {false, true}) {
      SCOPED_TRACE(std::string(sync ? "sync " : "write ") + std::to_string(nth));
      tests::fakes::FaultyFileSystem fs(nth);
      EngineHarness node(fs, "/data");
      node.options.manual = GetParam();
      ASSERT_EQ(node.open().to_string(), "ok");
      for (int i = 0; i < 20; ++i) ASSERT_TRUE(insert(*node, entry("a" + std::to_string(i), i)).ok());
      sync ? fs.fail_sync(nth) : fs.fail_write(nth);
      const auto compacted = compact(*node);
      fs.fail_sync(0);
      fs.fail_write(0);
      // If the log itself was hit while it was cut, the node is read-only; otherwise it writes on.
      if (node->readiness().ok()) {
        EXPECT_TRUE(insert(*node, entry("b", 0)).ok());
        EXPECT_TRUE(compact(*node).ok());
      } else {
        EXPECT_FALSE(compacted.ok());
      }
      ASSERT_EQ(node.open().to_string(), "ok");
      EXPECT_GE(node->figures().live_entries, 20U);
    }
  }
}

TEST_P(EngineCompactionTest, TheGraphComesBackWithTheSnapshot) {
  engine.options.index.kind = index::IndexKind::hnsw;
  open();
  constexpr int kEntries = 3000;
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> vectors;
  std::vector<InsertRequest> items;
  for (int i = 0; i < kEntries; ++i) {
    std::vector<float> vector(16);
    for (float& value : vector) value = normal(random);
    ASSERT_TRUE(index::normalise(vector));
    vectors.push_back(vector);
    items.push_back(entry("e" + std::to_string(i), 0));
    items.back().unit_vector = vector;
  }
  for (const auto& result : insert_batch(*engine, items)) ASSERT_TRUE(result.ok());
  const auto kind = [&] {
    return engine->store().namespace_stats({"m::4", "", ""}, engine->now_ms())->index_kind;
  };
  turn_until([&] { return kind() == "hnsw"; });
  ASSERT_TRUE(compact(*engine).ok());
  ASSERT_TRUE(remove(*engine, {"e0", {}, {}}).ok());

  open();
  // Before any background work could have made it anew.
  EXPECT_EQ(kind(), "hnsw");
  EXPECT_EQ(engine.report.snapshot_entries, static_cast<uint64_t>(kEntries));
  size_t found = 0;
  for (int i = 1; i < kEntries; i += 10) {
    LookupRequest lookup;
    lookup.ns = {"m::4", "", ""};
    lookup.unit_vector = vectors[static_cast<size_t>(i)];
    lookup.threshold = 0.999F;
    const auto result = engine->lookup(lookup);
    ASSERT_TRUE(result.ok());
    if (!result->hits.empty() && result->hits[0].id == "e" + std::to_string(i)) ++found;
  }
  EXPECT_GE(found, 297U);  // of 300
  LookupRequest deleted;
  deleted.ns = {"m::4", "", ""};
  deleted.unit_vector = vectors[0];
  deleted.threshold = 0.999F;
  EXPECT_TRUE(engine->lookup(deleted)->hits.empty());
}

INSTANTIATE_TEST_SUITE_P(Modes, EngineCompactionTest, ::testing::Bool(), name_of_mode);

}  // namespace
}  // namespace ferro::node::engine
