#include "node/cluster/tcp/asio_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace ferro::node::cluster {
namespace {

class AsioLoopTest : public testing::Test {
 protected:
  SystemClock clock_;
  AsioLoop loop_{clock_, 2};
};

TEST_F(AsioLoopTest, RunsPostsOfOneThreadInOrder) {
  std::vector<int> order;
  for (int i = 0; i < 50; ++i) loop_.post([&, i] { order.push_back(i); });
  ASSERT_TRUE(loop_.start().ok());
  for (int i = 50; i < 1000; ++i) loop_.post([&, i] { order.push_back(i); });
  loop_.run_and_wait([] {});
  ASSERT_EQ(order.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST_F(AsioLoopTest, TheEndOfATurnComesAfterAllThatIsReady) {
  std::string order;
  std::promise<void> ended;
  loop_.post([&] {
    loop_.at_end_of_turn([&] {
      order += 'e';
      // Nothing else happens: it does not wait for that.
      loop_.at_end_of_turn([&] { ended.set_value(); });
    });
    order += 'a';
    loop_.post([&] { order += 'c'; });
  });
  loop_.post([&] { order += 'b'; });
  ASSERT_TRUE(loop_.start().ok());
  ended.get_future().wait();
  EXPECT_EQ(order, "abce");
}

TEST_F(AsioLoopTest, TheEndOfATurnThatWasAskedForBeforeTheStartComes) {
  std::promise<void> ended;
  loop_.at_end_of_turn([&] { ended.set_value(); });
  ASSERT_TRUE(loop_.start().ok());
  ended.get_future().wait();
}

// What is to be sent at its end would never be.
TEST_F(AsioLoopTest, ATurnEndsThoughThereIsAlwaysMoreToDo) {
  std::atomic<bool> has_ended{false};
  std::function<void()> again = [&] {
    if (!has_ended) loop_.post(again);
  };
  loop_.post([&] {
    loop_.at_end_of_turn([&] { has_ended = true; });
    again();
  });
  ASSERT_TRUE(loop_.start().ok());
  while (!has_ended) std::this_thread::yield();
  loop_.run_and_wait([] {});
}

TEST_F(AsioLoopTest, TimersRunByTimeAndNotWhenCancelled) {
  ASSERT_TRUE(loop_.start().ok());
  std::string order;
  std::promise<void> done;
  const int64_t before_ns = clock_.steady_ns();  // before the loop may begin
  loop_.post([&] {
    loop_.after(30, [&] {
      order += 'c';
      done.set_value();
    });
    loop_.after(5, [&] { order += 'a'; });
    const auto cancelled = loop_.after(10, [&] { order += 'x'; });
    loop_.after(15, [&] { order += 'b'; });
    loop_.cancel(cancelled);
  });
  done.get_future().wait();
  EXPECT_GE(clock_.steady_ns() - before_ns, 29'000'000);
  EXPECT_EQ(order, "abc");
}

TEST_F(AsioLoopTest, OffloadedWorkRunsElsewhereAndSeveralAtOnce) {
  ASSERT_TRUE(loop_.start().ok());
  std::thread::id loop_thread;
  loop_.run_and_wait([&] { loop_thread = std::this_thread::get_id(); });
  // Each waits for the other: one worker alone would never end.
  std::promise<std::thread::id> first, second;
  std::shared_future<std::thread::id> first_done(first.get_future()), second_done(second.get_future());
  std::promise<void> both;
  loop_.offload([&] {
    first.set_value(std::this_thread::get_id());
    second_done.wait();
  });
  loop_.offload([&] {
    second.set_value(std::this_thread::get_id());
    first_done.wait();
    loop_.post([&] { both.set_value(); });
  });
  both.get_future().wait();
  loop_.stop();  // the jobs are over before what they wait for goes
  EXPECT_NE(first_done.get(), loop_thread);
  EXPECT_NE(second_done.get(), loop_thread);
}

TEST_F(AsioLoopTest, WhatWaitsAtTheEndIsDroppedAndLaterPostsToo) {
  ASSERT_TRUE(loop_.start().ok());
  const auto held = std::make_shared<int>(1);
  std::atomic<bool> ran = false;
  loop_.run_and_wait([&] { loop_.after(60'000, [held, &ran] { ran = true; }); });
  loop_.stop();
  loop_.post([held, &ran] { ran = true; });
  loop_.offload([held, &ran] { ran = true; });
  loop_.stop();
  EXPECT_FALSE(ran);
  EXPECT_EQ(held.use_count(), 2);  // the timer's, until the loop goes
}

TEST_F(AsioLoopTest, RunAndWaitWorksBeforeDuringOnAndAfter) {
  int count = 0;
  loop_.run_and_wait([&] { ++count; });
  ASSERT_TRUE(loop_.start().ok());
  loop_.run_and_wait([&] { loop_.run_and_wait([&] { ++count; }); });
  loop_.stop();
  loop_.run_and_wait([&] { ++count; });
  EXPECT_EQ(count, 3);
}

TEST_F(AsioLoopTest, RunAndWaitRacingWithTheEndAlwaysRuns) {
  for (int round = 0; round < 50; ++round) {
    AsioLoop loop(clock_, 1);
    ASSERT_TRUE(loop.start().ok());
    std::atomic<int> count = 0;
    std::thread other([&] {
      for (int i = 0; i < 20; ++i) loop.run_and_wait([&] { ++count; });
    });
    loop.run_and_wait([] {});
    loop.stop();
    other.join();
    EXPECT_EQ(count, 20);
  }
}

}  // namespace
}  // namespace ferro::node::cluster
