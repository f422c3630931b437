// Every kind of index against an exhaustive scan in double precision, through random use.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/node/index/index_harness.h"

namespace ferro::node::index {
namespace {

struct Case {
  const char* name;
  IndexKind kind;
  size_t dimension;
  size_t rows;
  const char* serves;  // at that size
  double recall_min;   // 1 where the walk is exhaustive; a graph may lose a neighbour now and then
};

std::ostream& operator<<(std::ostream& out, const Case& one) {
  return out << one.name;
}

constexpr unsigned kSeed = 4711;

class EveryKind : public ::testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(Kinds, EveryKind,
                         ::testing::Values(Case{"flat", IndexKind::flat, 96, 700, "flat", 1.0},
                                           Case{"tiny", IndexKind::automatic, 96, 50, "flat", 1.0},
                                           Case{"coded", IndexKind::automatic, 96, 1000, "coded", 1.0},
                                           Case{"hnsw", IndexKind::hnsw, 96, 800, "hnsw", 0.998},
                                           Case{"hnsw_without_codes", IndexKind::hnsw, 24, 800, "hnsw",
                                                0.998}),
                         [](const auto& one) { return std::string(one.param.name); });

TEST_P(EveryKind, AgreesWithAnExhaustiveScanUnderRandomUse) {
  SCOPED_TRACE(kSeed);
  IndexHarness harness(GetParam().dimension, GetParam().kind, kSeed);
  const size_t rows = GetParam().rows;
  for (size_t step = 0; step < 4 * rows; ++step) {
    const size_t dice = harness.rng() % 100;
    const size_t at = harness.live.empty() ? 0 : harness.rng() % harness.live.size();
    if (harness.live.size() < 5 || dice < (harness.live.size() < rows ? 60U : 20U)) {
      harness.insert();
    } else if (dice < 80) {
      harness.replace(at);
    } else if (dice < 95) {
      harness.remove(at);
    } else {
      harness.live[at]->expired = true;
    }
    if (step % 3 == 0) harness.maintain_beside();
    if (step % 20 == 0) {
      ASSERT_NO_FATAL_FAILURE(harness.check_searches(2));
    }
  }
  harness.maintain();
  EXPECT_EQ(harness.index->live_rows(), harness.live.size());
  ASSERT_NO_FATAL_FAILURE(harness.check_scan(harness.live[0]->vector, 0.3F));
  EXPECT_GE(harness.recall(), GetParam().recall_min) << harness.found << " of " << harness.expected;
}

TEST_P(EveryKind, TenFullTurnoversLoseNothing) {
  SCOPED_TRACE(kSeed);
  IndexHarness harness(GetParam().dimension, GetParam().kind, kSeed);
  const size_t rows = GetParam().rows;
  for (size_t i = 0; i < rows; ++i) harness.insert();
  harness.maintain();
  EXPECT_EQ(harness.index->kind_name(), GetParam().serves);
  ASSERT_NO_FATAL_FAILURE(harness.check_searches(150));
  EXPECT_GE(harness.recall(), GetParam().recall_min);
  const size_t bytes_before = harness.index->bytes();
  for (int turnover = 0; turnover < 10; ++turnover) {
    for (size_t i = 0; i < rows; ++i) {
      harness.replace(harness.rng() % rows);
      if (i % 7 == 0) harness.maintain_beside();
      if (i % 50 == 0) harness.wait_for_job();  // the background keeps up
    }
  }
  harness.maintain();
  EXPECT_EQ(harness.index->kind_name(), GetParam().serves);
  harness.expected = harness.found = 0;
  ASSERT_NO_FATAL_FAILURE(harness.check_searches(150));
  EXPECT_GE(harness.recall(), GetParam().recall_min);
  EXPECT_LT(harness.index->bytes(), bytes_before + bytes_before / 2) << "dead rows pile up";
}

TEST_P(EveryKind, VisitsEveryLiveRowOnceAndKnowsItsVector) {
  IndexHarness harness(GetParam().dimension, GetParam().kind, kSeed);
  for (size_t i = 0; i < GetParam().rows; ++i) harness.insert();
  harness.maintain();
  for (int i = 0; i < 30; ++i) harness.remove(harness.rng() % harness.live.size());
  size_t visited = 0;
  sync::EpochDomain::Guard guard(harness.epochs);
  harness.index->for_each_row([&](Row row, const void* owner) {
    ++visited;
    const auto* mine = static_cast<const Owner*>(owner);
    EXPECT_EQ(mine->row, row);
    const std::span<const float> stored = harness.index->vector_of(row);
    EXPECT_TRUE(std::equal(stored.begin(), stored.end(), mine->vector.begin(), mine->vector.end()));
  });
  EXPECT_EQ(visited, harness.live.size());
}

// Whatever is moved while a walk goes on, it meets every live row once: the writer moves rows from within the
// walk.
TEST_P(EveryKind, AWalkMeetsEveryRowOnceWhileRowsAreMoved) {
  SCOPED_TRACE(kSeed);
  IndexHarness harness(GetParam().dimension, GetParam().kind, kSeed);
  for (size_t i = 0; i < 4 * GetParam().rows; ++i) harness.insert();
  harness.maintain();
  for (size_t i = 0; i < 3 * GetParam().rows; ++i) harness.remove(harness.rng() % harness.live.size());
  size_t moves = 0;
  for (int round = 0; round < 40; ++round) {
    harness.epochs.collect();
    harness.maintain();
    std::set<const void*> met;
    {
      const sync::EpochDomain::Guard guard(harness.epochs);
      harness.index->for_each_row([&](Row, const void* owner) {
        EXPECT_TRUE(met.insert(owner).second) << "met twice";
        if (harness.rng() % 50 == 0 && harness.give_memory_back()) ++moves;
        harness.epochs.collect();
      });
    }
    EXPECT_EQ(met.size(), harness.live.size());
    EXPECT_EQ(harness.index->live_rows(), harness.live.size());
    for (const auto& owner : harness.live) {
      const std::span<const float> stored = harness.index->vector_of(owner->row);
      ASSERT_TRUE(std::equal(stored.begin(), stored.end(), owner->vector.begin(), owner->vector.end()));
    }
    ASSERT_NO_FATAL_FAILURE(harness.check_searches(5));
  }
  EXPECT_GT(moves, 0U);
  EXPECT_GE(harness.recall(), GetParam().recall_min);
}

// The same of a search: its filter is asked in the middle of it.
TEST_P(EveryKind, ASearchFindsEveryNeighbourOnceWhileRowsAreMoved) {
  SCOPED_TRACE(kSeed);
  IndexHarness harness(GetParam().dimension, GetParam().kind, kSeed);
  for (size_t i = 0; i < 4 * GetParam().rows; ++i) harness.insert();
  harness.maintain();
  for (size_t i = 0; i < 3 * GetParam().rows; ++i) harness.remove(harness.rng() % harness.live.size());
  for (int round = 0; round < 200; ++round) {
    harness.epochs.collect();
    const Owner& wanted = *harness.live[harness.rng() % harness.live.size()];
    std::vector<Match> matches;
    const sync::EpochDomain::Guard guard(harness.epochs);
    harness.index->search(
        wanted.vector, 0.3F, 20,
        [&](const void*) {
          if (harness.rng() % 4 == 0) harness.give_memory_back();
          harness.epochs.collect();
          return true;
        },
        matches);
    std::set<const void*> found;
    for (const Match& match : matches) EXPECT_TRUE(found.insert(match.owner).second) << "found twice";
    if (GetParam().recall_min == 1.0) {
      EXPECT_TRUE(found.contains(&wanted));
    }
  }
}

// What random removals leave behind is moved together, down to a little more than is needed.
TEST_P(EveryKind, SparseRowsAreMovedTogetherAndTheMemoryGivenBack) {
  SCOPED_TRACE(kSeed);
  IndexHarness harness(GetParam().dimension, GetParam().kind, kSeed);
  const size_t rows = std::max<size_t>(GetParam().rows, 600);
  for (size_t i = 0; i < 8 * rows; ++i) harness.insert();
  harness.maintain();
  const size_t full = harness.index->bytes();
  for (size_t i = 0; i < 7 * rows; ++i) harness.remove(harness.rng() % harness.live.size());
  bool more = true;
  for (int i = 0; i < 5000 && more; ++i) {
    harness.maintain();  // a graph lets go of dead rows
    harness.epochs.collect();
    more = harness.give_memory_back();
  }
  EXPECT_FALSE(more);
  harness.epochs.collect();
  EXPECT_LT(harness.index->bytes(), full / 8 + full / 16);
  ASSERT_NO_FATAL_FAILURE(harness.check_searches(50));
  EXPECT_GE(harness.recall(), GetParam().recall_min);
  for (size_t i = 0; i < 2 * rows; ++i) harness.insert();
  harness.maintain();
  ASSERT_NO_FATAL_FAILURE(harness.check_searches(50));
}

// Its namespace is dropped: the index is retired while a move still is, and goes before what that leaves
// behind.
TEST_P(EveryKind, AnIndexMayGoWhileItsRowsAreMoved) {
  SCOPED_TRACE(kSeed);
  IndexHarness harness(GetParam().dimension, GetParam().kind, kSeed);
  for (size_t i = 0; i < 4 * GetParam().rows; ++i) harness.insert();
  for (size_t i = 0; i < 3 * GetParam().rows; ++i) harness.remove(harness.rng() % harness.live.size());
  harness.epochs.collect();
  ASSERT_TRUE(harness.give_memory_back());
  bool gone = false;
  harness.epochs.retire([index = std::shared_ptr<AdaptiveIndex>(std::move(harness.index)), &gone]() mutable {
    index.reset();
    gone = true;
  });
  for (int rounds = 0; rounds < 16 && harness.epochs.collect() > 0; ++rounds) {
  }
  EXPECT_TRUE(gone);
  EXPECT_EQ(harness.epochs.collect(), 0U);
}

class EveryDimension : public ::testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(Edges, EveryDimension, ::testing::Values(1, 2, 3, 63, 64, 65, 100, 4096));

TEST_P(EveryDimension, EveryKindIsRight) {
  SCOPED_TRACE(kSeed);
  for (const IndexKind kind : {IndexKind::flat, IndexKind::automatic, IndexKind::hnsw}) {
    IndexHarness harness(GetParam(), kind, kSeed);
    for (int i = 0; i < 350; ++i) harness.insert();
    harness.maintain();
    for (int i = 0; i < 60; ++i) harness.replace(harness.rng() % harness.live.size());
    ASSERT_NO_FATAL_FAILURE(harness.check_searches(30));
    EXPECT_GE(harness.recall(), kind == IndexKind::hnsw ? 0.99 : 1.0) << static_cast<int>(kind);
  }
}

TEST(Index, TiesAreOrderedByRow) {
  for (const IndexKind kind : {IndexKind::flat, IndexKind::automatic, IndexKind::hnsw}) {
    IndexHarness harness(128, kind, kSeed);
    const std::vector<float> same = random_unit_vector(harness.rng, 128);
    for (int i = 0; i < 400; ++i) harness.insert(same);
    harness.maintain();
    std::vector<Match> matches;
    sync::EpochDomain::Guard guard(harness.epochs);
    harness.index->search(same, 0.9F, 5, {}, matches);
    ASSERT_EQ(matches.size(), 5U);
    for (size_t i = 1; i < 5; ++i) EXPECT_LT(matches[i - 1].row, matches[i].row);
  }
}

TEST(Index, OrByTheirOwnersWhereTheOptionsSayHow) {
  struct Ranked {
    uint64_t rank;
  };
  for (const IndexKind kind : {IndexKind::flat, IndexKind::automatic}) {
    IndexOptions options;
    options.kind = kind;
    options.ties = [](const void* a, const void* b) noexcept {
      return static_cast<const Ranked*>(a)->rank < static_cast<const Ranked*>(b)->rank;
    };
    sync::EpochDomain epochs;
    std::mt19937 rng(kSeed);
    const std::vector<float> same = random_unit_vector(rng, 128);
    std::vector<Ranked> ranked(400);
    for (size_t i = 0; i < ranked.size(); ++i) ranked[i].rank = i * 37 % 400;
    const auto index = VectorIndex::create(128, options, epochs);
    for (const Ranked& one : ranked) index->add(same, &one);
    std::vector<Match> matches;
    const sync::EpochDomain::Guard guard(epochs);
    index->search(same, 0.9F, 5, {}, matches);
    ASSERT_EQ(matches.size(), 5U);
    for (size_t i = 0; i < 5; ++i) EXPECT_EQ(static_cast<const Ranked*>(matches[i].owner)->rank, i);
  }
}

TEST(Index, AppendsToWhatTheCallerHas) {
  IndexHarness harness(8, IndexKind::flat, kSeed);
  harness.insert();
  std::vector<Match> matches(3);
  sync::EpochDomain::Guard guard(harness.epochs);
  harness.index->search(harness.live[0]->vector, 0.9F, 2, {}, matches);
  ASSERT_EQ(matches.size(), 4U);
  EXPECT_EQ(matches[3].owner, harness.live[0].get());
}

}  // namespace
}  // namespace ferro::node::index
