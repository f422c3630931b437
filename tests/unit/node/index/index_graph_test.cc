// What is special about an index with a graph: dead rows in it, versions of it, and its way into snapshots.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "tests/unit/node/index/index_harness.h"

namespace ferro::node::index {
namespace {

constexpr unsigned kSeed = 99;
constexpr size_t kDimension = 96;

TEST(GraphIndex, ManyDeadNeighboursDoNotHideALiveOne) {
  SCOPED_TRACE(kSeed);
  // Too few to be worth a rebuild: the dead stay in the graph.
  static constexpr IndexTuning kTuning{.flat_rows_max = 64,
                                       .graph_rows_min = 300,
                                       .fold_rows_min = 40,
                                       .dead_divisor = 1,
                                       .pinned_dead_divisor = 1,
                                       .job_floats = 1U << 20};
  IndexHarness harness(kDimension, IndexKind::hnsw, kSeed, kTuning);
  const std::vector<float> centre = random_unit_vector(harness.rng, kDimension);
  for (int i = 0; i < 600; ++i) harness.insert();
  for (int i = 0; i < 500; ++i) harness.insert(vector_near(harness.rng, centre, 0.05F));
  harness.insert(vector_near(harness.rng, centre, 0.3F));
  const Owner* survivor = harness.live.back().get();
  harness.maintain();
  ASSERT_EQ(harness.index->kind_name(), "hnsw");
  for (size_t at = 1099; at >= 600; --at) harness.remove(at);
  harness.maintain();
  ASSERT_EQ(harness.index->rebuilds(), 0U);
  std::vector<Match> matches;
  sync::EpochDomain::Guard guard(harness.epochs);
  harness.index->search(centre, 0.9F, 1, {}, matches);
  ASSERT_EQ(matches.size(), 1U);
  EXPECT_EQ(matches[0].owner, survivor);
}

TEST(GraphIndex, ManyExpiredNeighboursDoNotHideALiveOne) {
  SCOPED_TRACE(kSeed);
  IndexHarness harness(kDimension, IndexKind::hnsw, kSeed);
  const std::vector<float> centre = random_unit_vector(harness.rng, kDimension);
  for (int i = 0; i < 600; ++i) harness.insert();
  for (int i = 0; i < 500; ++i) {
    harness.insert(vector_near(harness.rng, centre, 0.05F));
    harness.live.back()->expired = true;
  }
  harness.insert(vector_near(harness.rng, centre, 0.3F));
  harness.maintain();
  harness.check_search(centre, 0.9F, 1);
  EXPECT_EQ(harness.expected, 1U);
  EXPECT_EQ(harness.found, 1U);
}

TEST(GraphIndex, FreshRowsAreFoundBeforeAndAfterTheyAreFolded) {
  IndexHarness harness(kDimension, IndexKind::hnsw, kSeed);
  for (int i = 0; i < 400; ++i) harness.insert();
  harness.maintain();
  for (int i = 0; i < 100; ++i) harness.insert();
  for (const char* when : {"before", "after"}) {
    SCOPED_TRACE(when);
    for (int i = 400; i < 500; ++i)
      harness.check_search(harness.live[static_cast<size_t>(i)]->vector, 0.99F, 1);
    EXPECT_EQ(harness.found, harness.expected);
    harness.maintain();
  }
  EXPECT_EQ(harness.index->rebuilds(), 0U);
}

TEST(GraphIndex, IsRebuiltOnDeadShareAndGivesTheDeadRowsBack) {
  IndexHarness harness(kDimension, IndexKind::hnsw, kSeed);
  for (int i = 0; i < 1000; ++i) harness.insert();
  harness.maintain();
  for (int i = 0; i < 300; ++i) harness.remove(harness.rng() % harness.live.size());
  harness.maintain();
  EXPECT_EQ(harness.index->rebuilds(), 1U);
  for (int i = 0; i < 300; ++i) {
    harness.insert();
    EXPECT_LT(harness.live.back()->row, 1024U) << "a dead row was not used again";
  }
}

TEST(GraphIndex, IsDroppedWhenFewRowsAreLeft) {
  IndexHarness harness(kDimension, IndexKind::hnsw, kSeed);
  for (int i = 0; i < 400; ++i) harness.insert();
  harness.maintain();
  EXPECT_EQ(harness.index->kind_name(), "hnsw");
  const size_t full = harness.index->bytes();
  while (harness.live.size() > 20) harness.remove(harness.live.size() - 1);
  harness.maintain();
  harness.epochs.collect();
  harness.maintain();
  EXPECT_EQ(harness.index->kind_name(), "flat");
  EXPECT_LT(harness.index->bytes(), full / 8);
  ASSERT_NO_FATAL_FAILURE(harness.check_searches(20));
  EXPECT_EQ(harness.found, harness.expected);
}

TEST(GraphIndex, GoesWhileAJobIsOut) {
  sync::EpochDomain epochs;
  std::unique_ptr<MaintenanceJob> job;
  const Owner owner;
  {
    IndexOptions options;
    options.kind = IndexKind::hnsw;
    AdaptiveIndex index(8, options, kSmallTuning, epochs);
    std::mt19937 rng(kSeed);
    for (int i = 0; i < 400; ++i) index.add(random_unit_vector(rng, 8), &owner);
    job = index.begin_maintenance();
    ASSERT_NE(job, nullptr);
  }
  epochs.collect();
  job->run();
}

// A stopping node waited for whole graphs.
TEST(GraphIndex, AJobThatIsStoppedLeavesTheIndexAsItWas) {
  IndexHarness harness(8, IndexKind::hnsw, kSeed);
  for (int i = 0; i < 400; ++i) harness.insert();
  auto job = harness.index->begin_maintenance();
  ASSERT_NE(job, nullptr);
  const std::atomic<bool> stop{true};
  job->run_until(stop);
  harness.index->finish_maintenance(std::move(job));
  EXPECT_NE(harness.index->kind_name(), "hnsw");
  ASSERT_NO_FATAL_FAILURE(harness.check_searches(20));
  EXPECT_EQ(harness.found, harness.expected);
  for (int i = 0; i < 8; ++i) harness.maintain();  // tried again after a while
  EXPECT_EQ(harness.index->kind_name(), "hnsw");
  ASSERT_NO_FATAL_FAILURE(harness.check_searches(20));
  EXPECT_EQ(harness.found, harness.expected);
}

TEST(GraphIndex, OnlyOneJobIsOutAtATime) {
  IndexHarness harness(8, IndexKind::hnsw, kSeed);
  for (int i = 0; i < 400; ++i) harness.insert();
  auto job = harness.index->begin_maintenance();
  ASSERT_NE(job, nullptr);
  EXPECT_EQ(harness.index->begin_maintenance(), nullptr);
  job->run();
  harness.index->finish_maintenance(std::move(job));
  harness.maintain();
  EXPECT_EQ(harness.index->kind_name(), "hnsw");
}

// --- saving and loading ---

struct Saved {
  std::string graph;
  std::vector<std::vector<float>> entries;  // by ordinal
};

// With dead rows in the graph and rows that are not in it.
Saved save_from(IndexHarness& harness, size_t rows) {
  for (size_t i = 0; i < rows; ++i) harness.insert();
  harness.maintain();
  for (size_t i = 0; i < rows / 10; ++i) harness.remove(harness.rng() % harness.live.size());
  for (size_t i = 0; i < 10; ++i) harness.insert();
  Saved saved;
  std::map<Row, uint32_t> ordinals;
  for (const auto& owner : harness.live) {
    ordinals[owner->row] = static_cast<uint32_t>(saved.entries.size());
    saved.entries.push_back(owner->vector);
  }
  sync::EpochDomain::Guard guard(harness.epochs);
  harness.index->save_graph(
      [&](Row row) {
        const auto at = ordinals.find(row);
        return at == ordinals.end() ? kNoRow : at->second;
      },
      saved.graph);
  return saved;
}

std::vector<Row> fill(IndexHarness& harness, const Saved& saved) {
  std::vector<Row> rows;
  for (const auto& vector : saved.entries) {
    harness.insert(vector);
    rows.push_back(harness.live.back()->row);
  }
  return rows;
}

TEST(SavedGraph, ServesAtOnceAfterLoadingAndLivesOn) {
  IndexHarness before(kDimension, IndexKind::hnsw, kSeed);
  const Saved saved = save_from(before, 800);
  ASSERT_FALSE(saved.graph.empty());
  IndexHarness after(kDimension, IndexKind::hnsw, kSeed + 1);
  const std::vector<Row> rows = fill(after, saved);
  const Status loaded = after.index->load_graph(as_bytes(saved.graph), rows);
  ASSERT_TRUE(loaded.ok()) << loaded.to_string();
  EXPECT_EQ(after.index->kind_name(), "hnsw");
  ASSERT_NO_FATAL_FAILURE(after.check_searches(100));
  for (const auto& owner : after.live) after.check_search(owner->vector, 0.99F, 1);
  EXPECT_GE(after.recall(), 0.998);
  for (size_t i = 0; i < 1000; ++i) {
    after.replace(after.rng() % after.live.size());
    after.maintain_beside();
    if (i % 20 == 0) after.wait_for_job();  // the background keeps up
  }
  after.maintain();
  EXPECT_GT(after.index->rebuilds(), 0U);
  after.expected = after.found = 0;
  ASSERT_NO_FATAL_FAILURE(after.check_searches(100));
  EXPECT_GE(after.recall(), 0.998);
}

TEST(SavedGraph, IsEmptyWithoutAGraph) {
  IndexHarness harness(kDimension, IndexKind::automatic, kSeed);
  EXPECT_TRUE(save_from(harness, 100).graph.empty());
  EXPECT_TRUE(harness.index->load_graph({}, {}).ok());
}

TEST(SavedGraph, IsRefusedWhereItDoesNotFit) {
  IndexHarness before(kDimension, IndexKind::hnsw, kSeed);
  const Saved saved = save_from(before, 400);
  const auto load = [&](size_t dimension, IndexKind kind, std::vector<Row> (*rows_of)(std::vector<Row>)) {
    IndexHarness after(dimension, kind, kSeed);
    std::vector<Row> rows;
    if (dimension == kDimension) rows = rows_of(fill(after, saved));
    return after.index->load_graph(as_bytes(saved.graph), rows).code();
  };
  const auto same = [](std::vector<Row> rows) { return rows; };
  EXPECT_EQ(load(kDimension, IndexKind::hnsw, same), StatusCode::ok);
  EXPECT_EQ(load(kDimension, IndexKind::flat, same), StatusCode::failed_precondition);
  EXPECT_EQ(load(kDimension + 1, IndexKind::hnsw, same), StatusCode::data_loss);
  EXPECT_EQ(load(kDimension, IndexKind::hnsw,
                 [](std::vector<Row> rows) {
                   rows.pop_back();
                   rows.resize(rows.size() / 2);
                   return rows;
                 }),
            StatusCode::data_loss);
  EXPECT_EQ(load(kDimension, IndexKind::hnsw,
                 [](std::vector<Row> rows) {
                   rows[1] = rows[0];
                   return rows;
                 }),
            StatusCode::data_loss);
  EXPECT_EQ(load(kDimension, IndexKind::hnsw,
                 [](std::vector<Row> rows) {
                   rows[3] = kNoRow;
                   return rows;
                 }),
            StatusCode::data_loss);
  EXPECT_EQ(load(kDimension, IndexKind::hnsw,
                 [](std::vector<Row> rows) {
                   rows[3] = 123'456'789;
                   return rows;
                 }),
            StatusCode::data_loss);
}

// Cut anywhere: refused. One byte changed anywhere: refused, or a graph that is merely another one: answers
// stay right.
TEST(SavedGraph, NoByteIsTakenOnTrust) {
  SCOPED_TRACE(kSeed);
  IndexHarness before(3, IndexKind::hnsw, kSeed);
  const Saved saved = save_from(before, 320);
  IndexHarness after(3, IndexKind::hnsw, kSeed);
  const std::vector<Row> rows = fill(after, saved);
  for (size_t size = 1; size < saved.graph.size(); size += 1 + size / 100) {
    ASSERT_EQ(after.index->load_graph(as_bytes(saved.graph.substr(0, size)), rows).code(),
              StatusCode::data_loss)
        << size;
  }
  ASSERT_EQ(after.index->load_graph(as_bytes(saved.graph + "x"), rows).code(), StatusCode::data_loss);
  size_t refused = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string changed = saved.graph;
    changed[after.rng() % changed.size()] ^= static_cast<char>(1 + after.rng() % 255);
    if (!after.index->load_graph(as_bytes(changed), rows).ok()) {
      ++refused;
      continue;
    }
    ASSERT_NO_FATAL_FAILURE(after.check_search(after.live[after.rng() % after.live.size()]->vector, 0.9F, 3));
    after.epochs.collect();
  }
  EXPECT_GT(refused, 300U);
}

}  // namespace
}  // namespace ferro::node::index
