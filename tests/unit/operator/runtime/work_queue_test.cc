#include "operator/runtime/work_queue.h"

#include <gtest/gtest.h>

#include "operator/runtime/worker.h"

namespace ferro::oper::runtime {
namespace {

class WorkQueueTest : public testing::Test {
 protected:
  WorkQueueOptions options() const {
    return {.backoff = {.first_ms = 100, .max_ms = 1'000, .jitter = 0},
            .news_after_failure_ms = 50,
            .per_second = 0};
  }
  ManualClock clock_;
  int woken_ = 0;
  WorkQueue queue_{clock_, options(), [this] { ++woken_; }};
};

TEST_F(WorkQueueTest, AKeyIsThereOnceAndInOrder) {
  for (const char* key : {"a", "b", "a", "c", "b"}) EXPECT_TRUE(queue_.add(key));
  EXPECT_EQ(queue_.depth(), 3U);
  for (const char* key : {"a", "b", "c"}) {
    EXPECT_EQ(queue_.try_take(), key);
    queue_.done(key);
  }
  EXPECT_FALSE(queue_.try_take().has_value());
  EXPECT_EQ(queue_.next_due_ms(), -1);
  EXPECT_GE(woken_, 5);
}

TEST_F(WorkQueueTest, AKeyInAHandIsNotHandedOutAgainUntilItIsDone) {
  queue_.add("a");
  EXPECT_EQ(queue_.try_take(), "a");
  EXPECT_EQ(queue_.in_hand(), 1U);
  queue_.add("a");
  queue_.add("a");
  EXPECT_FALSE(queue_.try_take().has_value());
  queue_.done("a");
  EXPECT_EQ(queue_.try_take(), "a");
  queue_.done("a");
  EXPECT_FALSE(queue_.try_take().has_value());
}

TEST_F(WorkQueueTest, OfSeveralDelaysTheEarliestWinsAndAPlainAddBeatsThemAll) {
  queue_.add_after("a", 500);
  queue_.add_after("a", 200);
  queue_.add_after("a", 900);
  EXPECT_EQ(queue_.delayed(), 1U);
  EXPECT_EQ(queue_.next_due_ms(), 200);
  EXPECT_FALSE(queue_.try_take().has_value());
  clock_.advance_ms(200);
  EXPECT_EQ(queue_.next_due_ms(), 0);
  EXPECT_EQ(queue_.try_take(), "a");
  queue_.done("a");
  queue_.add_after("b", 500);
  queue_.add("b");
  EXPECT_EQ(queue_.delayed(), 0U);
  EXPECT_EQ(queue_.try_take(), "b");
  queue_.done("b");
  clock_.advance_ms(1000);
  EXPECT_FALSE(queue_.try_take().has_value()) << "nothing is left of the delay";
}

TEST_F(WorkQueueTest, FailuresOfAKeyMakeItWaitLongerUpToABoundAndSuccessForgetsThem) {
  queue_.add("a");
  for (const int64_t wait : {100, 200, 400, 800, 1000, 1000}) {
    ASSERT_EQ(queue_.try_take(), "a");
    queue_.failed("a");
    EXPECT_EQ(queue_.next_due_ms(), wait);
    clock_.advance_ms(wait);
  }
  EXPECT_EQ(queue_.failures_of("a"), 6);
  ASSERT_EQ(queue_.try_take(), "a");
  queue_.done("a");
  EXPECT_EQ(queue_.failures_of("a"), 0);
  queue_.add("a");
  ASSERT_EQ(queue_.try_take(), "a");
  queue_.failed("a");
  EXPECT_EQ(queue_.next_due_ms(), 100);
}

TEST_F(WorkQueueTest, AFailingKeyDoesNotHoldUpAnother) {
  queue_.add("a");
  queue_.try_take();
  queue_.failed("a", 60'000);
  queue_.add("b");
  EXPECT_EQ(queue_.try_take(), "b");
}

TEST_F(WorkQueueTest, RetryAfterIsKeptEvenIfTheBackOffIsShorterOrNewsCome) {
  queue_.add("a");
  queue_.try_take();
  queue_.failed("a", 5'000);
  EXPECT_EQ(queue_.next_due_ms(), 5'000);
  queue_.add("a");
  EXPECT_FALSE(queue_.try_take().has_value());
  clock_.advance_ms(5'000);
  EXPECT_EQ(queue_.try_take(), "a");
}

TEST_F(WorkQueueTest, NewsCutABackOffShortButNeverToALoop) {
  queue_.add("a");
  for (int i = 0; i < 4; ++i) {
    queue_.try_take();
    queue_.failed("a");
    clock_.advance_ms(queue_.next_due_ms());
  }
  ASSERT_EQ(queue_.try_take(), "a");
  queue_.add("a");  // what the failing look itself wrote, as a rule
  queue_.failed("a");
  EXPECT_EQ(queue_.next_due_ms(), 50);
  clock_.advance_ms(50);
  ASSERT_EQ(queue_.try_take(), "a");
  queue_.failed("a");
  EXPECT_EQ(queue_.next_due_ms(), 1000);
  queue_.add("a");
  EXPECT_EQ(queue_.next_due_ms(), 50);
  clock_.advance_ms(60);
  EXPECT_EQ(queue_.try_take(), "a");
}

TEST_F(WorkQueueTest, ARevisitIsADelayThatNewsBeat) {
  queue_.add("a");
  queue_.try_take();
  queue_.done_and_revisit("a", 30'000);
  EXPECT_EQ(queue_.next_due_ms(), 30'000);
  queue_.add("a");
  EXPECT_EQ(queue_.try_take(), "a");
  queue_.add("a");
  queue_.done_and_revisit("a", 30'000);
  EXPECT_EQ(queue_.next_due_ms(), 0) << "added in the meantime";
}

TEST_F(WorkQueueTest, DepthAndAgeCountWhatIsReady) {
  queue_.add("a");
  clock_.advance_ms(300);
  queue_.add("b");
  queue_.add_after("c", 100);
  EXPECT_EQ(queue_.depth(), 2U);
  EXPECT_EQ(queue_.oldest_age_ms(), 300);
  queue_.try_take();
  EXPECT_EQ(queue_.oldest_age_ms(), 0);
  clock_.advance_ms(400);
  queue_.try_take();
  EXPECT_EQ(queue_.depth(), 1U) << "c became ready";
  EXPECT_EQ(queue_.oldest_age_ms(), 300) << "since it was due";
}

TEST_F(WorkQueueTest, TheTurnsOfAllKeysTogetherAreBounded) {
  WorkQueueOptions slow = options();
  slow.per_second = 10;
  slow.burst = 2;
  WorkQueue queue(clock_, slow);
  for (const char* key : {"a", "b", "c"}) queue.add(key);
  EXPECT_TRUE(queue.try_take().has_value());
  EXPECT_TRUE(queue.try_take().has_value());
  EXPECT_FALSE(queue.try_take().has_value());
  const int64_t wait = queue.next_due_ms();
  EXPECT_GT(wait, 0);
  EXPECT_LE(wait, 100);
  clock_.advance_ms(wait);
  EXPECT_TRUE(queue.try_take().has_value());
}

TEST_F(WorkQueueTest, BeyondItsBoundNewKeysAreRefusedAndCounted) {
  WorkQueueOptions small = options();
  small.keys_max = 2;
  WorkQueue queue(clock_, small);
  EXPECT_TRUE(queue.add("a"));
  EXPECT_TRUE(queue.add_after("b", 10));
  EXPECT_FALSE(queue.add("c"));
  EXPECT_TRUE(queue.add("a"));
  EXPECT_EQ(queue.refused(), 1U);
  queue.try_take();
  queue.done("a");
  EXPECT_TRUE(queue.add("c")) << "what is over is forgotten";
}

TEST_F(WorkQueueTest, AShutDownQueueGivesAndTakesNothing) {
  queue_.add("a");
  queue_.add("b");
  queue_.add_after("c", 1);
  ASSERT_EQ(queue_.try_take(), "a");
  queue_.add("a");
  queue_.shut_down();
  EXPECT_FALSE(queue_.add("d"));
  clock_.advance_ms(10);
  EXPECT_FALSE(queue_.try_take().has_value());
  queue_.failed("a");
  EXPECT_FALSE(queue_.try_take().has_value());
  EXPECT_EQ(queue_.next_due_ms(), -1);
  EXPECT_EQ(queue_.depth(), 0U);
}

TEST_F(WorkQueueTest, WorkOnceEndsEachLookAsItsOutcomeSays) {
  std::vector<std::string> looked;
  Outcome outcome;
  const Reconcile reconcile = [&](const std::string& key) {
    looked.push_back(key);
    return outcome;
  };
  EXPECT_EQ(work_once(queue_, reconcile), -1);
  queue_.add("a");
  outcome = {.ok = false, .revisit_ms = -1, .at_least_ms = 700};
  EXPECT_EQ(work_once(queue_, reconcile), 0);
  EXPECT_EQ(work_once(queue_, reconcile), 700);
  clock_.advance_ms(700);
  outcome = {.ok = true, .revisit_ms = 42, .at_least_ms = 0};
  EXPECT_EQ(work_once(queue_, reconcile), 0);
  EXPECT_EQ(work_once(queue_, reconcile), 42);
  clock_.advance_ms(42);
  outcome = {};
  EXPECT_EQ(work_once(queue_, reconcile), 0);
  EXPECT_EQ(work_once(queue_, reconcile), -1);
  EXPECT_EQ(looked.size(), 3U);
}

}  // namespace
}  // namespace ferro::oper::runtime
