// The threads: steps that run, wake, wait and end; workers on a queue; a reflector beside a writer.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <set>

#include "operator/k8s/resources.h"
#include "operator/k8s/rest_client.h"
#include "operator/runtime/reflector.h"
#include "operator/runtime/step_thread.h"
#include "operator/runtime/worker.h"
#include "tests/fakes/kube_api/in_process_transport.h"

namespace ferro::oper::runtime {
namespace {

// What a thread counts up and a test waits for.
class Counter {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  void wait_for(int count) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::minutes(2), [&] { return count_ >= count; }))
        << "only " << count_ << " of " << count;
  }
  int count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

TEST(StepThread, RunsAtOnceThenWhenWoken) {
  Counter steps;
  StepThread thread("test", [&] {
    steps.add();
    return int64_t{-1};
  });
  steps.wait_for(1);
  for (int i = 2; i < 50; ++i) {
    thread.wake();
    steps.wait_for(i);
  }
  thread.stop();
  thread.stop();
}

TEST(StepThread, AWakeDuringAStepRunsAnother) {
  Counter entered;
  std::promise<void> go_on;
  std::future<void> allowed = go_on.get_future();
  StepThread thread("test", [&] {
    entered.add();
    if (entered.count() == 1) allowed.wait();
    return int64_t{-1};
  });
  entered.wait_for(1);
  thread.wake();
  go_on.set_value();
  entered.wait_for(2);
}

TEST(StepThread, GoesOnByItselfWhenAskedTo) {
  Counter steps;
  StepThread thread("a name longer than the system keeps", [&] {
    steps.add();
    return int64_t{steps.count() % 2};
  });
  steps.wait_for(100);
}

TEST(Workers, EveryKeyIsLookedAtByOneThreadAtATime) {
  const SystemClock clock;
  std::unique_ptr<WorkerPool> pool;
  std::mutex mutex;
  std::set<std::string> in_hand;
  Counter looks;
  std::atomic<WorkerPool*> workers{nullptr};
  WorkQueue queue(clock, {.per_second = 0}, [&] {
    if (WorkerPool* woken = workers.load()) woken->wake();
  });
  pool = std::make_unique<WorkerPool>(
      queue,
      [&](const std::string& key) {
        {
          const std::lock_guard lock(mutex);
          EXPECT_TRUE(in_hand.insert(key).second) << key << " is in two hands";
        }
        looks.add();
        const std::lock_guard lock(mutex);
        in_hand.erase(key);
        return Outcome{.ok = key != "bad", .revisit_ms = key == "again" ? 1 : -1, .at_least_ms = 0};
      },
      4);
  workers = pool.get();
  for (int i = 0; i < 500; ++i) {
    queue.add("k" + std::to_string(i % 7));
    queue.add(i % 2 == 0 ? "bad" : "again");
  }
  looks.wait_for(200);
  pool->stop();
  EXPECT_EQ(queue.in_hand(), 0U);
  EXPECT_FALSE(queue.add("late"));
}

TEST(Threads, AReflectorFollowsAWriterAndStopsWhenInterrupted) {
  const SystemClock clock;
  k8s::SystemWaiter waiter;
  fakes::kube::ApiServer server(clock);
  fakes::kube::InProcessTransport transport(server, {.blocking_watches = true});
  k8s::RestClient client(transport, clock, waiter);
  Store store;
  Counter changes;
  Reflector reflector(client, clock, k8s::kConfigMaps, store, [&](const Change&) { changes.add(); });
  StepThread thread("reflector", [&] { return reflector.step(); });
  for (int i = 0; i < 50; ++i) {
    server.create("t", "configmaps",
                  {{"metadata", {{"name", "m" + std::to_string(i)}, {"namespace", "default"}}}});
  }
  changes.wait_for(50);
  EXPECT_EQ(store.size(), 50U);
  EXPECT_TRUE(store.synced());
  transport.interrupt_streams();
  waiter.stop();
  thread.stop();
}

TEST(Waiter, AStopEndsAWaitAndEveryLaterOne) {
  k8s::SystemWaiter waiter;
  EXPECT_TRUE(waiter.wait_ms(1));
  std::future<bool> waiting = std::async(std::launch::async, [&] { return waiter.wait_ms(600'000); });
  waiter.stop();
  EXPECT_FALSE(waiting.get());
  EXPECT_FALSE(waiter.wait_ms(600'000));
}

}  // namespace
}  // namespace ferro::oper::runtime
