#include "tests/fakes/timeline.h"

#include <gtest/gtest.h>

#include "tests/fakes/manual_loop.h"

namespace ferro::fakes {
namespace {

TEST(ManualLoop, RunsPostsInOrderAndTimersByTime) {
  Timeline timeline(1);
  ManualLoop loop(timeline);
  std::string order;
  loop.after(10, [&] { order += 'd'; });
  loop.after(5, [&] { order += 'c'; });
  loop.post([&] { order += 'a'; });
  loop.post([&] {
    order += 'b';
    loop.after(10, [&] { order += 'e'; });
  });
  timeline.run_for_ms(9);
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(timeline.now_ms(), 9);
  timeline.run_for_ms(1);
  EXPECT_EQ(order, "abcde");
  EXPECT_FALSE(timeline.run_next());
}

TEST(ManualLoop, ACancelledTimerNeverRuns) {
  Timeline timeline(1);
  ManualLoop loop(timeline);
  bool ran = false;
  const auto timer = loop.after(5, [&] { ran = true; });
  loop.cancel(timer);
  loop.cancel(timer);
  timeline.run_for_ms(10);
  EXPECT_FALSE(ran);
}

TEST(ManualLoop, AnEndedLoopRunsNothingAndTheOthersGoOn) {
  Timeline timeline(1);
  ManualLoop dead(timeline), living(timeline);
  int dead_ran = 0, living_ran = 0;
  dead.post([&] { ++dead_ran; });
  dead.end();
  dead.post([&] { ++dead_ran; });
  living.post([&] { ++living_ran; });
  timeline.run_for_ms(1);
  EXPECT_EQ(dead_ran, 0);
  EXPECT_EQ(living_ran, 1);
}

TEST(ManualLoop, ASuspendedLoopCatchesUpInOrder) {
  Timeline timeline(1);
  ManualLoop loop(timeline);
  std::string order;
  loop.suspend();
  ManualLoop::TimerId cancelled = 0;
  loop.after(3, [&] {
    order += 'b';
    loop.cancel(cancelled);
  });
  loop.after(1, [&] { order += 'a'; });
  cancelled = loop.after(4, [&] { order += 'x'; });
  timeline.run_for_ms(100);
  EXPECT_EQ(order, "");
  loop.resume();
  timeline.run_for_ms(1);
  EXPECT_EQ(order, "ab");
}

TEST(ManualLoop, ATimerCancelledWhileSuspendedStaysCancelled) {
  Timeline timeline(1);
  ManualLoop loop(timeline);
  bool ran = false;
  loop.suspend();
  const auto timer = loop.after(1, [&] { ran = true; });
  timeline.run_for_ms(10);
  loop.cancel(timer);
  loop.resume();
  timeline.run_for_ms(10);
  EXPECT_FALSE(ran);
}

TEST(ManualLoop, ClocksAreTheTimelinesAndMayBeWrong) {
  Timeline timeline(1);
  ManualLoop right(timeline), wrong(timeline, 5000);
  timeline.run_for_ms(7);
  EXPECT_EQ(wrong.clock().wall_ms() - right.clock().wall_ms(), 5000);
  right.jump_wall_ms(-1000);
  EXPECT_EQ(wrong.clock().wall_ms() - right.clock().wall_ms(), 6000);
  EXPECT_EQ(right.clock().steady_ns(), 7'000'000);
}

TEST(Timeline, ConditionsAreReachedOrTimeRunsOut) {
  Timeline timeline(1);
  int count = 0;
  timeline.at(0, 5000, [&] { ++count; });
  EXPECT_TRUE(timeline.run_until([&] { return count == 1; }, 100));
  EXPECT_EQ(timeline.now_ms(), 5);
  EXPECT_FALSE(timeline.run_until([&] { return count == 2; }, 100));
  EXPECT_EQ(timeline.now_ms(), 105);
}

}  // namespace
}  // namespace ferro::fakes
