// The small parts of the engine by themselves: queue, worker, snapshot records, data folder names.
#include <gmock/gmock.h>

#include "node/engine/snapshot_records.h"
#include "node/engine/worker.h"
#include "node/engine/write_queue.h"
#include "tests/unit/node/engine/engine_fixture.h"

namespace ferro::node::engine {
namespace {

using ::testing::ElementsAre;

WriteRequestPtr request_of(size_t items, uint64_t bytes = 1) {
  auto request = std::make_unique<WriteRequest>();
  for (size_t i = 0; i < items; ++i) request->items.push_back({RemoveRequest{}, {}, {}, 0});
  request->bytes = bytes;
  return request;
}

bool accepted(WriteQueue& queue, size_t items, uint64_t bytes = 1) {
  auto request = request_of(items, bytes);
  const Status status = queue.push(request);
  EXPECT_EQ(status.ok(), request == nullptr) << "a refused request stays with the caller";
  EXPECT_EQ(status.code(), status.ok() ? StatusCode::ok : StatusCode::unavailable);
  return status.ok();
}

std::vector<size_t> take(WriteQueue& queue, size_t operations) {
  WriteQueue::Taken taken;
  queue.take(operations, taken);
  std::vector<size_t> sizes;
  for (const auto& request : taken.requests) sizes.push_back(request->items.size());
  return sizes;
}

TEST(WriteQueueTest, IsBoundedInOperationsAndBytesButTakesAnythingWhenEmpty) {
  WriteQueue queue(10, 1000);
  EXPECT_TRUE(accepted(queue, 20, 5000));
  EXPECT_FALSE(accepted(queue, 1));
  EXPECT_THAT(take(queue, 1), ElementsAre(20));
  EXPECT_EQ(queue.operations(), 0U);
  EXPECT_TRUE(accepted(queue, 4, 400));
  EXPECT_TRUE(accepted(queue, 6, 600));
  EXPECT_FALSE(accepted(queue, 1, 1));
  EXPECT_THAT(take(queue, 4), ElementsAre(4));
  EXPECT_FALSE(accepted(queue, 1, 401));
  EXPECT_TRUE(accepted(queue, 1, 400));
  EXPECT_THAT(take(queue, 100), ElementsAre(6, 1));
}

TEST(WriteQueueTest, ContinuationsPassTheBoundAndTasksPassTheClosing) {
  WriteQueue queue(1, 1000);
  EXPECT_TRUE(accepted(queue, 1));
  auto more = request_of(5);
  EXPECT_TRUE(queue.push_continuation(more).ok());
  queue.close();
  EXPECT_FALSE(accepted(queue, 1));
  more = request_of(5);
  EXPECT_FALSE(queue.push_continuation(more).ok());
  int ran = 0;
  EXPECT_TRUE(queue.push_task([&] { ++ran; }));
  queue.end();
  EXPECT_FALSE(queue.finish_if_drained());
  WriteQueue::Taken taken;
  queue.take(100, taken);
  EXPECT_EQ(taken.requests.size(), 2U);
  ASSERT_EQ(taken.tasks.size(), 1U);
  taken.tasks[0]();
  EXPECT_EQ(ran, 1);
  EXPECT_TRUE(queue.finish_if_drained());
  EXPECT_FALSE(queue.push_task([] {}));
}

TEST(WriteQueueTest, WaitingEndsWithEnoughOperationsATaskOrTheEnd) {
  for (const int what : {0, 1, 2}) {
    WriteQueue queue(100, 1000);
    EXPECT_TRUE(accepted(queue, 1));
    std::thread other([&] {
      const bool woken = what == 0   ? accepted(queue, 1)
                         : what == 1 ? queue.push_task([] {})
                                     : (queue.end(), true);
      EXPECT_TRUE(woken);
    });
    const auto start = std::chrono::steady_clock::now();
    queue.wait(2, kAnswerWithin);
    EXPECT_LT(std::chrono::steady_clock::now() - start, kAnswerWithin);
    other.join();
  }
  WriteQueue empty(100, 1000);
  empty.wait(1, std::chrono::milliseconds(1));  // comes back by itself
}

TEST(WriteQueueTest, WatchingSeesOperationsAndTasksAndEndsByItself) {
  WriteQueue queue(100, 1000);
  EXPECT_FALSE(queue.watch(10));
  EXPECT_TRUE(accepted(queue, 1));
  EXPECT_TRUE(queue.watch(1));
  WriteQueue::Taken taken;
  queue.take(100, taken);
  EXPECT_FALSE(queue.watch(10));
  EXPECT_TRUE(queue.push_task([] {}));
  EXPECT_TRUE(queue.watch(1));
  queue.take(100, taken);
  EXPECT_FALSE(queue.watch(10));
}

TEST(WorkerTest, RunsInOrderRefusesWhenFullAndCancelsWhatWaits) {
  Worker worker("test", sync::ThreadRole::background, 2);
  std::promise<void> entered, gate;
  std::vector<std::string> events;
  ASSERT_TRUE(worker
                  .post([&](bool cancelled) {
                    events.push_back(cancelled ? "cancelled 1" : "ran 1");
                    entered.set_value();
                    gate.get_future().wait();
                  })
                  .ok());
  worker.start();
  entered.get_future().wait();
  for (const char* name : {"2", "3"}) {
    ASSERT_TRUE(worker
                    .post([&, name](bool cancelled) {
                      events.push_back((cancelled ? "cancelled " : "ran ") + std::string(name));
                    })
                    .ok());
  }
  EXPECT_EQ(worker.post([](bool) { ADD_FAILURE(); }).code(), StatusCode::unavailable);
  std::thread stopper([&] { worker.stop(); });
  // stop() cancels before it waits for the running job.
  while (worker.post([](bool) {}).message() != "the node is stopping") std::this_thread::yield();
  gate.set_value();
  stopper.join();
  EXPECT_THAT(events, ElementsAre("ran 1", "cancelled 2", "cancelled 3"));
  worker.stop();
}

TEST(WorkerTest, ARunningJobSeesThatTheWorkerStops) {
  Worker worker("test", sync::ThreadRole::background, 1);
  std::promise<void> entered;
  ASSERT_TRUE(worker
                  .post([&](bool) {
                    entered.set_value();
                    while (!worker.stopping()) std::this_thread::yield();
                  })
                  .ok());
  worker.start();
  entered.get_future().wait();
  EXPECT_FALSE(worker.stopping());
  worker.stop();
}

TEST(SnapshotRecordsTest, RoundTripAndRefusal) {
  std::string bytes;
  encode_graph_record({"m", "scope", ""}, "graph", bytes);
  const auto graph = decode_graph_record(as_bytes(bytes));
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(graph->ns, (model::NamespaceKey{"m", "scope", ""}));
  EXPECT_EQ(as_text(graph->graph), "graph");
  for (size_t size = 0; size < 9; ++size) {  // inside the key
    EXPECT_EQ(decode_graph_record(as_bytes(bytes).first(size)).status().code(), StatusCode::data_loss)
        << size;
  }
  bytes.clear();
  encode_clock_record({77, 5}, bytes);
  EXPECT_EQ(*decode_clock_record(as_bytes(bytes)), (Hlc{77, 5}));
  bytes.push_back(0);
  EXPECT_EQ(decode_clock_record(as_bytes(bytes)).status().code(), StatusCode::data_loss);
  bytes.clear();
  encode_collected_record(1'700'000'000'000, bytes);
  EXPECT_EQ(*decode_collected_record(as_bytes(bytes)), 1'700'000'000'000);
  EXPECT_EQ(decode_collected_record(as_bytes(bytes).first(7)).status().code(), StatusCode::data_loss);
  bytes.back() = static_cast<char>(0xff);
  EXPECT_EQ(decode_collected_record(as_bytes(bytes)).status().code(), StatusCode::data_loss) << "negative";
}

}  // namespace
}  // namespace ferro::node::engine
