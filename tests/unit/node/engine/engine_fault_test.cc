// A disk that is full or fails under the log: reads go on, nothing acknowledged is lost, and the node says
// why.
#include <gmock/gmock.h>

#include "tests/fakes/faulty_file_system.h"
#include "tests/unit/node/engine/engine_fixture.h"

namespace ferro::node::engine {
namespace {

using ::testing::HasSubstr;

using tests::fakes::FaultyFileSystem;

class EngineFaultTest : public ::testing::Test {
 protected:
  void open() { ASSERT_EQ(engine.open().to_string(), "ok"); }
  void expect_only(const std::vector<std::string>& ids) {
    for (const std::string& id : ids) EXPECT_NE(response_of(*engine, id), "") << id;
    EXPECT_EQ(engine->figures().live_entries, ids.size());
  }

  FaultyFileSystem fs_{1};
  EngineHarness engine{fs_, "/data"};
};

TEST_F(EngineFaultTest, AFullDiskRefusesWritesAndWritingResumesWithRoom) {
  open();
  std::vector<std::string> acknowledged;
  const std::string response(3000, 'r');
  fs_.set_capacity(200U << 10);
  Status refused;
  for (int i = 0; i < 200 && refused.ok(); ++i) {
    const auto id = insert(*engine, entry("a" + std::to_string(i), i, response));
    if (id.ok()) acknowledged.push_back(*id);
    refused = id.status();
  }
  ASSERT_EQ(refused.code(), StatusCode::no_space) << refused.to_string();
  EXPECT_GT(acknowledged.size(), 10U);
  EXPECT_EQ(engine->readiness().code(), StatusCode::no_space);
  EXPECT_THAT(engine->readiness().message(), HasSubstr("the disk is full"));
  EXPECT_EQ(insert(*engine, entry("again", 0, response)).status().code(), StatusCode::no_space);
  EXPECT_EQ(remove(*engine, {"a0", {}, {}}).status().code(), StatusCode::no_space);
  expect_only(acknowledged);
  EXPECT_EQ(look_up(*engine, {"m::4", "", ""}, 3)->hits.size(), 1U);

  fs_.set_capacity(10U << 20);
  const auto id = insert(*engine, entry("with-room", 0));
  ASSERT_TRUE(id.ok()) << id.status().to_string();
  acknowledged.push_back(*id);
  EXPECT_TRUE(engine->readiness().ok());
  expect_only(acknowledged);
  open();
  expect_only(acknowledged);
}

TEST_F(EngineFaultTest, ANodeOnAFullDiskResumesByItself) {
  open();
  ASSERT_TRUE(insert(*engine, entry("a", 0)).ok());
  fs_.set_capacity(1);
  EXPECT_EQ(insert(*engine, entry("b", 0, std::string(100'000, 'r'))).status().code(), StatusCode::no_space);
  fs_.set_capacity(10U << 20);
  const auto end = std::chrono::steady_clock::now() + kAnswerWithin;
  while (!engine->readiness().ok() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_TRUE(engine->readiness().ok());
}

// It was taken for a broken disk: the node stayed read-only until a restart.
TEST_F(EngineFaultTest, NoDescriptorForTheNextLogFileRefusesWritesUntilThereIsOne) {
  open();
  std::vector<std::string> acknowledged;
  const std::string response(3000, 'r');
  fs_.set_out_of_descriptors(true);
  Status refused;
  for (int i = 0; i < 200 && refused.ok(); ++i) {
    const auto id = insert(*engine, entry("a" + std::to_string(i), i, response));
    if (id.ok()) acknowledged.push_back(*id);
    refused = id.status();
  }
  ASSERT_EQ(refused.code(), StatusCode::unavailable) << refused.to_string();
  EXPECT_THAT(refused.message(), HasSubstr("Too many open files"));
  EXPECT_GT(acknowledged.size(), 10U) << "what is open serves on";
  EXPECT_EQ(engine->readiness().code(), StatusCode::unavailable);
  EXPECT_EQ(compact(*engine).status().code(), StatusCode::unavailable);
  expect_only(acknowledged);

  fs_.set_out_of_descriptors(false);
  const auto end = std::chrono::steady_clock::now() + kAnswerWithin;
  while (!engine->readiness().ok() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  for (int i = 0; i < 60; ++i) {  // into another segment
    const auto id = insert(*engine, entry("b" + std::to_string(i), i, response));
    ASSERT_TRUE(id.ok()) << id.status().to_string();
    acknowledged.push_back(*id);
  }
  EXPECT_TRUE(compact(*engine).ok());
  expect_only(acknowledged);
  open();
  expect_only(acknowledged);
}

// A snapshot closes the segment in hand; without a descriptor for another it goes on in that one.
TEST_F(EngineFaultTest, NoDescriptorForASnapshotDoesNotStopTheLog) {
  open();
  ASSERT_TRUE(insert(*engine, entry("a", 0)).ok());
  fs_.set_out_of_descriptors(true);
  EXPECT_EQ(compact(*engine).status().code(), StatusCode::unavailable);
  EXPECT_TRUE(engine->readiness().ok());
  EXPECT_TRUE(insert(*engine, entry("b", 10)).ok());
  fs_.set_out_of_descriptors(false);
  EXPECT_TRUE(compact(*engine).ok());
  open();
  expect_only({"a", "b"});
}

TEST_F(EngineFaultTest, ARestartOnAFullDiskServesReads) {
  open();
  ASSERT_TRUE(insert(*engine, entry("a", 0)).ok());
  fs_.set_capacity(1);
  const Status status = engine.open();
  ASSERT_EQ(status.to_string(), "ok");
  expect_only({"a"});
  EXPECT_EQ(insert(*engine, entry("b", 0, std::string(100'000, 'r'))).status().code(), StatusCode::no_space);
  fs_.set_capacity(10U << 20);
  EXPECT_TRUE(insert(*engine, entry("b", 0)).ok());
}

// After a failed sync nobody knows what is on the disk: no more writes, whatever the disk says later.
TEST_F(EngineFaultTest, AFailedSyncMakesTheNodeReadOnlyForGood) {
  open();
  ASSERT_TRUE(insert(*engine, entry("a", 0)).ok());
  fs_.fail_sync(1);
  const auto failed = insert(*engine, entry("b", 10));
  EXPECT_EQ(failed.status().code(), StatusCode::unavailable) << failed.status().to_string();
  for (int i = 0; i < 3; ++i) {
    const auto refused = insert(*engine, entry("c", 20));
    EXPECT_EQ(refused.status().code(), StatusCode::unavailable);
    EXPECT_THAT(refused.status().message(), HasSubstr("read-only"));
  }
  EXPECT_EQ(engine->readiness().code(), StatusCode::unavailable);
  EXPECT_THAT(engine->readiness().message(), HasSubstr("write-ahead log"));
  EXPECT_FALSE(compact(*engine).ok());
  expect_only({"a"});
  EXPECT_TRUE(look_up(*engine, {"m::4", "", ""}, 10)->hits.empty());
  engine.close();
  const auto disk = fs_.after_power_cut(3);
  EngineHarness after(*disk, "/data");
  ASSERT_EQ(after.open().to_string(), "ok");
  EXPECT_EQ(response_of(*after, "a"), "answer");
  EXPECT_TRUE(insert(*after, entry("c", 20)).ok());
}

TEST_F(EngineFaultTest, ItemsOfABatchAreAnsweredEachByItsOwnFate) {
  size_t cut_in_the_middle = 0;
  for (uint64_t nth = 1; nth <= 12; ++nth) {
    SCOPED_TRACE("write " + std::to_string(nth));
    FaultyFileSystem fs(nth);
    EngineHarness node(fs, "/data");
    node.options.wal_batch_size = 4;  // three log writes for the twelve items
    ASSERT_EQ(node.open().to_string(), "ok");
    fs.fail_write(nth);
    std::vector<InsertRequest> items;
    for (int i = 0; i < 12; ++i) items.push_back(entry("a" + std::to_string(i), i));
    const auto results = insert_batch(*node, items);
    ASSERT_EQ(results.size(), 12U);
    std::vector<std::string> acknowledged;
    for (const auto& result : results) {
      if (result.ok()) acknowledged.push_back(*result);
    }
    cut_in_the_middle += acknowledged.size() % 12 == 0 ? 0 : 1;
    EXPECT_EQ(node->figures().live_entries, acknowledged.size());
    node.close();
    const auto disk = fs.after_power_cut(nth);
    EngineHarness after(*disk, "/data");
    ASSERT_EQ(after.open().to_string(), "ok");
    for (const std::string& id : acknowledged) EXPECT_EQ(response_of(*after, id), "answer");
  }
  EXPECT_GT(cut_in_the_middle, 0U);
}

}  // namespace
}  // namespace ferro::node::engine
