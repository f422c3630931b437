#include "node/index/row_arena.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "node/index/row_scan.h"

namespace ferro::node::index {
namespace {

alignas(8) const int kOwner = 0;

Row add(RowArena& arena, float value) {
  const Row row = arena.allocate();
  for (size_t i = 0; i < arena.dimension(); ++i) arena.mutable_vector(row)[i] = value;
  for (size_t i = 0; i < arena.code_words(); ++i) arena.mutable_code(row)[i] = row;
  arena.publish(row, &kOwner);
  return row;
}

std::set<Row> live_rows(const RowArena& arena) {
  std::set<Row> rows;
  for_each_live_word(arena, nullptr, [&](const RowArena::Chunk& chunk, Row first, uint64_t live) {
    for (Row i = 0; i < 64; ++i) {
      if ((live >> i & 1U) == 0) continue;
      EXPECT_TRUE(rows.insert(first + i).second);
      EXPECT_EQ(chunk.vectors + (first + i - chunk.first) * arena.vector_stride(), arena.vector(first + i));
    }
  });
  return rows;
}

TEST(RowArena, EveryRowHasItsOwnPlaceForItsVectorAndCode) {
  for (size_t dimension : {1, 3, 64, 300}) {
    RowArena arena(dimension, 2);
    constexpr Row kRows = 5000;
    for (Row row = 0; row < kRows; ++row) ASSERT_EQ(add(arena, static_cast<float>(row)), row);
    for (Row row = 0; row < kRows; ++row) {
      ASSERT_EQ(arena.vector(row)[0], static_cast<float>(row));
      ASSERT_EQ(arena.vector(row)[dimension - 1], static_cast<float>(row));
      ASSERT_EQ(arena.mutable_code(row)[1], row);
    }
    EXPECT_EQ(live_rows(arena).size(), kRows);
    EXPECT_EQ(arena.live_rows(), kRows);
  }
}

TEST(RowArena, ADeadRowIsUsedAgainOnlyOnceRecycledAndLowestFirst) {
  RowArena arena(8, 0);
  for (int i = 0; i < 100; ++i) add(arena, 1.0F);
  for (Row row : {70U, 20U, 50U}) arena.unpublish(row);
  EXPECT_EQ(arena.owner(50, arena.moves()), nullptr);
  EXPECT_EQ(live_rows(arena).count(50), 0U);
  EXPECT_EQ(add(arena, 2.0F), 100U);
  for (Row row : {70U, 20U, 50U}) arena.recycle(row);
  EXPECT_EQ(add(arena, 2.0F), 20U);
  EXPECT_EQ(add(arena, 2.0F), 50U);
  EXPECT_EQ(add(arena, 2.0F), 70U);
  EXPECT_EQ(add(arena, 2.0F), 101U);
}

TEST(RowArena, TellsWhatRowsWillTakeBeforeTheyTakeIt) {
  RowArena arena(8, 0);
  size_t chunks = 0;
  for (int i = 0; i < 2000; ++i) {
    const size_t next = arena.row_need(0, 16).bytes;
    const size_t after_three = arena.row_need(3, 16).bytes;
    if (next != 0) {
      EXPECT_EQ(arena.unused_rows(), 0U);
      ++chunks;
    }
    EXPECT_EQ(after_three != 0, arena.row_need(3, 1).bytes != 0) << "however far is looked ahead";
    const size_t before = arena.bytes();
    add(arena, 1.0F);
    // The list of chunks grows now and then, too, by little.
    EXPECT_GE(arena.bytes() - before, next);
    EXPECT_LT(arena.bytes() - before, next + 4096);
  }
  EXPECT_EQ(chunks, arena.chunks_end());
}

TEST(RowArena, TheNearerTheNextChunkIsTheMoreIsToBeKeptFree) {
  RowArena arena(8, 0);
  while (arena.live_rows() < 512 || arena.unused_rows() != 30) add(arena, 1.0F);
  EXPECT_EQ(arena.row_need(0, 16).ahead, 0U);
  size_t last = 0;
  for (size_t before = 14; before < 29; ++before) {
    const size_t ahead = arena.row_need(before, 16).ahead;
    EXPECT_GT(ahead, last) << before;
    last = ahead;
  }
  EXPECT_EQ(arena.row_need(29, 16).ahead, arena.row_need(30, 1).bytes);
}

TEST(RowArena, FiveRowsCostLittleAboveTheirVectors) {
  RowArena arena(384, 6);
  for (int i = 0; i < 5; ++i) add(arena, 1.0F);
  EXPECT_LT(arena.bytes(), 5 * (384 * 4 + 48) + 700);
}

TEST(RowArena, SpareMemoryIsAtMostASixteenth) {
  RowArena arena(384, 6);
  for (size_t rows = 1; rows <= 20'000; ++rows) {
    add(arena, 1.0F);
    const auto needed = static_cast<double>(rows * (384 * 4 + 48 + 8));
    if (rows > 1000) {
      ASSERT_LT(static_cast<double>(arena.bytes()), needed * 1.075) << rows;
    }
  }
}

TEST(RowArena, GivesBackChunksThatRanEmpty) {
  sync::EpochDomain epochs;
  RowArena arena(64, 1);
  for (Row row = 0; row < 4000; ++row) add(arena, 1.0F);
  const size_t full = arena.bytes();
  for (Row row = 10; row < 4000; ++row) {
    arena.unpublish(row);
    arena.recycle(row);
  }
  arena.trim(epochs);
  epochs.collect();
  EXPECT_LT(arena.bytes(), full / 8);
  EXPECT_EQ(live_rows(arena).size(), 10U);
  EXPECT_EQ(add(arena, 1.0F), 10U);  // backed again from the bottom
}

// Random use against a plain set, including holes in the middle.
TEST(RowArena, AgreesWithAModelUnderRandomUse) {
  constexpr unsigned kSeed = 77;
  SCOPED_TRACE(kSeed);
  std::mt19937 rng(kSeed);
  sync::EpochDomain epochs;
  RowArena arena(5, 1);
  std::set<Row> model;
  for (int step = 0; step < 20'000; ++step) {
    const bool grow = step / 2000 % 2 == 0;
    if (model.empty() || rng() % 10 < (grow ? 8U : 2U)) {
      ASSERT_TRUE(model.insert(add(arena, 1.0F)).second) << "a row in use was handed out";
    } else {
      const auto at = std::next(model.begin(), static_cast<long>(rng() % model.size()));
      arena.unpublish(*at);
      epochs.retire([&arena, row = *at] { arena.recycle(row); });
      model.erase(at);
    }
    if (step % 7 == 0) epochs.collect();
    if (step % 50 == 0) arena.trim(epochs);
    if (step % 500 == 0) {
      ASSERT_EQ(live_rows(arena), model);
    }
  }
}

}  // namespace
}  // namespace ferro::node::index
