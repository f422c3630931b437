#include "tests/sim/model.h"

#include <gtest/gtest.h>

namespace ferro::sim {
namespace {

constexpr int64_t kMs = 1000;
const EntryName kEntry{0, "k"};

class ModelTest : public testing::Test {
 protected:
  // A deed from one virtual millisecond to another.
  uint32_t deed(Act act, int64_t from_ms, int64_t to_ms, Outcome outcome = Outcome::done,
                int64_t ttl_ms = 0) {
    Deed deed;
    deed.number = ++last_;
    deed.act = act;
    deed.invoked_us = from_ms * kMs;
    deed.ttl_ms = ttl_ms;
    model.begin(kEntry, deed);
    if (outcome != Outcome::pending) model.end(deed.number, outcome, to_ms * kMs, act != Act::put, "");
    return deed.number;
  }
  bool allows(uint32_t seen, int64_t at_ms, bool orderly = true) const {
    return model.judge(kEntry, seen, at_ms * kMs, at_ms * kMs, orderly).empty();
  }

  Calm calm;
  Model model{calm};
  uint32_t last_ = 0;
};

TEST_F(ModelTest, AnAcknowledgedWriteMustBeSeenInOrder) {
  calm.begin(0);
  EXPECT_TRUE(allows(0, 1));
  const uint32_t put = deed(Act::put, 10, 20);
  EXPECT_TRUE(allows(0, 15));  // not answered yet
  EXPECT_TRUE(allows(put, 15));
  EXPECT_FALSE(allows(0, 25));
  EXPECT_TRUE(allows(0, 25, false));
  EXPECT_EQ(model.certain(kEntry, 25 * kMs, 25 * kMs), put);
}

TEST_F(ModelTest, WhatWasDeletedNeverComesBack) {
  calm.begin(0);
  const uint32_t put = deed(Act::put, 10, 20);
  deed(Act::remove, 30, 40);
  EXPECT_TRUE(allows(put, 35));
  EXPECT_TRUE(allows(0, 35));
  EXPECT_FALSE(allows(put, 45));
  EXPECT_TRUE(model.certainly_absent(kEntry, 45 * kMs, 45 * kMs));
  calm.disturb(50 * kMs);
  EXPECT_FALSE(allows(put, 60, false));  // everybody knew of the delete before the trouble
}

TEST_F(ModelTest, InTroubleOnlyWhatWasOverBeforeItCounts) {
  calm.begin(0);
  const uint32_t put = deed(Act::put, 10, 20);
  calm.disturb(30 * kMs);
  deed(Act::remove, 40, 50);
  EXPECT_TRUE(allows(put, 60, false));
  calm.begin(100 * kMs);
  EXPECT_FALSE(allows(put, 110));
}

TEST_F(ModelTest, SimultaneousWritesMayWinEither) {
  calm.begin(0);
  const uint32_t a = deed(Act::put, 10, 30), b = deed(Act::put, 20, 40);
  EXPECT_TRUE(allows(a, 50));
  EXPECT_TRUE(allows(b, 50));
  EXPECT_FALSE(allows(0, 50));
  EXPECT_EQ(model.certain(kEntry, 50 * kMs, 50 * kMs), 0U);
  const uint32_t c = deed(Act::put, 60, 70);
  EXPECT_FALSE(allows(a, 80));
  EXPECT_TRUE(allows(c, 80));
}

TEST_F(ModelTest, WrongClocksMakeDeedsSimultaneousUnlessCalmLiesBetween) {
  model.note_clock_difference(1000);
  const uint32_t put = deed(Act::put, 10, 20);
  deed(Act::remove, 30, 40);
  calm.begin(5000 * kMs);
  EXPECT_TRUE(allows(put, 5001));  // the delete may carry the lower stamp
  deed(Act::remove, 5010, 5020);
  EXPECT_FALSE(allows(put, 5030));
}

TEST_F(ModelTest, WhatIsInDoubtMayHappenUntilTheNextCalm) {
  calm.begin(0);
  const uint32_t put = deed(Act::put, 10, 20, Outcome::doubt);
  EXPECT_TRUE(allows(0, 30));
  const uint32_t second = deed(Act::put, 30, 40);
  EXPECT_TRUE(allows(put, 50));
  EXPECT_FALSE(allows(0, 50));
  model.settle(60 * kMs);
  EXPECT_TRUE(allows(put, 70));
  EXPECT_TRUE(allows(second, 70));
  deed(Act::put, 80, 90);
  EXPECT_FALSE(allows(put, 100));
}

TEST_F(ModelTest, ExpiresInTime) {
  calm.begin(0);
  const uint32_t put = deed(Act::put, 10, 20, Outcome::done, 100);
  EXPECT_FALSE(allows(0, 50));
  EXPECT_TRUE(allows(put, 50));
  EXPECT_TRUE(allows(0, 110));
  EXPECT_FALSE(allows(put, 130));
}

TEST_F(ModelTest, ADropMeansEntriesThatAreMadeMeanwhileToo) {
  calm.begin(0);
  Deed drop;
  drop.number = 100;
  drop.act = Act::drop;
  drop.invoked_us = 5 * kMs;
  model.begin_all({0}, drop);
  const uint32_t put = deed(Act::put, 10, 20);
  model.end(100, Outcome::done, 30 * kMs, true, "");
  EXPECT_TRUE(allows(0, 40));
  EXPECT_TRUE(allows(put, 40));
}

TEST_F(ModelTest, KnowsWhoTouchedAnEntry) {
  calm.begin(0);
  deed(Act::put, 10, 20);
  EXPECT_TRUE(model.untouched(kEntry, 30 * kMs, 0));
  deed(Act::remove, 30, 35);
  EXPECT_TRUE(model.untouched(kEntry, 30 * kMs, 1));
  deed(Act::put, 31, 0, Outcome::pending);
  EXPECT_FALSE(model.untouched(kEntry, 30 * kMs, 1));
}

}  // namespace
}  // namespace ferro::sim
