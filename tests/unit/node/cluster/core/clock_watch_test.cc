// Whose clock is wrong, as each node judges it.
#include "node/cluster/core/clock_watch.h"

#include <gmock/gmock.h>

namespace ferro::node::cluster {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ClockWatchTest : public ::testing::Test {
 protected:
  // Each peer's clock, against this node's.
  void hear(const std::map<NodeId, int64_t>& peers) {
    live_.clear();
    for (const auto& [peer, offset_ms] : peers) {
      watch_.note(peer, clock_.wall_ms() + offset_ms, clock_.steady_ns());
      live_.insert(peer);
    }
    judge();
  }
  void judge() { watch_.judge(live_, stamp_ms_); }

  ManualClock clock_;
  ClockWatch watch_{clock_};
  std::set<NodeId> live_;
  int64_t stamp_ms_ = 0;
};

TEST_F(ClockWatchTest, NobodyToDisagreeWith) {
  judge();
  EXPECT_THAT(watch_.reason(), IsEmpty());
  EXPECT_TRUE(watch_.may_stamp());
  EXPECT_EQ(watch_.ahead_ms(), 0);
}

TEST_F(ClockWatchTest, WhoIsAheadOfMostStepsBackAndSaysByHowMuch) {
  hear({{"b", -100'000}, {"c", -101'000}});
  EXPECT_THAT(watch_.reason(), HasSubstr("clock is 10"));
  EXPECT_THAT(watch_.reason(), HasSubstr("ahead"));
  EXPECT_FALSE(watch_.may_stamp());
  EXPECT_EQ(watch_.ahead_of_ms("b"), 100'000);
  EXPECT_FALSE(watch_.ahead_of_ms("x"));
}

TEST_F(ClockWatchTest, WhoIsBehindMostStepsBackToo) {
  hear({{"b", 100'000}, {"c", 101'000}});
  EXPECT_THAT(watch_.reason(), HasSubstr("behind"));
  EXPECT_TRUE(watch_.may_stamp()) << "old stamps do no harm";
}

TEST_F(ClockWatchTest, OneThatIsWrongDoesNotUnsettleTheOthers) {
  for (const int64_t offset_ms : {100'000, -100'000}) {
    hear({{"b", offset_ms}, {"c", 200}, {"d", -300}});
    EXPECT_THAT(watch_.reason(), IsEmpty());
    EXPECT_TRUE(watch_.may_stamp());
    hear({{"b", offset_ms}, {"c", 200}});
    EXPECT_THAT(watch_.reason(), IsEmpty());
    EXPECT_TRUE(watch_.may_stamp());
    EXPECT_EQ(watch_.ahead_ms(), -200) << "the one that is wrong says nothing of this node";
  }
}

TEST_F(ClockWatchTest, OfTwoNodesTheOneAheadStepsBack) {
  hear({{"b", -40'000}});
  EXPECT_THAT(watch_.reason(), HasSubstr("ahead"));
  hear({{"b", 40'000}});
  EXPECT_THAT(watch_.reason(), IsEmpty());
}

TEST_F(ClockWatchTest, WhatNetworksAndDriftDoIsTolerated) {
  hear({{"b", -25'000}, {"c", -29'000}});
  EXPECT_THAT(watch_.reason(), IsEmpty());
  hear({{"b", 25'000}, {"c", 29'000}});
  EXPECT_THAT(watch_.reason(), IsEmpty());
}

TEST_F(ClockWatchTest, FitAgainOnlyWellBelowTheBound) {
  hear({{"b", -31'000}});
  EXPECT_FALSE(watch_.reason().empty());
  hear({{"b", -25'000}});
  EXPECT_FALSE(watch_.reason().empty());
  hear({{"b", -15'000}});
  EXPECT_THAT(watch_.reason(), IsEmpty());
}

// The wall clock jumps, the steady one does not: nobody has to be asked again.
TEST_F(ClockWatchTest, AJumpOfTheOwnClockShowsAtOnce) {
  class Jumping final : public Clock {
   public:
    int64_t wall_ms() const noexcept override { return 1'700'000'000'000 + jump_ms; }
    int64_t steady_ns() const noexcept override { return 5'000'000; }
    int64_t jump_ms = 0;
  } clock;
  ClockWatch watch(clock);
  watch.note("b", clock.wall_ms(), clock.steady_ns());
  watch.judge({"b"}, 0);
  EXPECT_TRUE(watch.may_stamp());
  clock.jump_ms = 3'600'000;
  EXPECT_FALSE(watch.may_stamp()) << "before the next judgement";
  watch.judge({"b"}, 0);
  EXPECT_THAT(watch.reason(), HasSubstr("3600 s ahead"));
  clock.jump_ms = 0;
  EXPECT_TRUE(watch.may_stamp());
  watch.judge({"b"}, 0);
  EXPECT_THAT(watch.reason(), IsEmpty());
}

// A round trip of ten seconds tells the time to five.
TEST_F(ClockWatchTest, TheWayOfTheAnswerIsHalved) {
  const int64_t sent_ns = clock_.steady_ns();
  const int64_t theirs_ms = clock_.wall_ms() + 5000;  // said half-way
  clock_.advance_ms(10'000);
  watch_.note("b", theirs_ms, sent_ns);
  watch_.judge({"b"}, 0);
  EXPECT_NEAR(static_cast<double>(watch_.ahead_ms()), 0.0, 2.0);
}

TEST_F(ClockWatchTest, TheDeadHaveNoSay) {
  hear({{"b", -100'000}});
  EXPECT_FALSE(watch_.reason().empty());
  live_.clear();
  judge();
  EXPECT_THAT(watch_.reason(), IsEmpty());
  EXPECT_TRUE(watch_.may_stamp());
  EXPECT_FALSE(watch_.ahead_of_ms("b"));
}

// The clock is right again, yet the log holds stamps of the time before it: none may be issued below them.
TEST_F(ClockWatchTest, StampsOfABadTimeKeepANodeBackUntilOthersTakeThem) {
  stamp_ms_ = clock_.wall_ms() + 90'000;
  hear({{"b", 0}, {"c", 0}});
  EXPECT_THAT(watch_.reason(), HasSubstr("another 30 s"));
  clock_.advance_ms(31'000);
  judge();
  EXPECT_THAT(watch_.reason(), IsEmpty());
}

}  // namespace
}  // namespace ferro::node::cluster
