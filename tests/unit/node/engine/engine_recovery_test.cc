// Opening a data folder: whose it is, what is in it, and what happens when part of it is damaged.
#include <gmock/gmock.h>

#include "common/io/posix_file_system.h"
#include "node/snapshot/snapshot.h"
#include "tests/fakes/faulty_file_system.h"
#include "tests/fakes/temp_folder.h"
#include "tests/unit/node/engine/engine_fixture.h"

namespace ferro::node::engine {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class EngineRecoveryTest : public ::testing::Test {
 protected:
  void open() { ASSERT_EQ(engine.open().to_string(), "ok"); }
  void put(const std::string& id, int degrees) {
    ASSERT_TRUE(insert(*engine, entry(id, degrees, "answer " + id)).ok());
  }
  // `count` entries named by `prefix`, then a snapshot of everything so far.
  void fill_and_compact(const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) put(prefix + std::to_string(i), i);
    ASSERT_TRUE(compact(*engine).ok());
  }
  void expect_all(const std::string& prefix, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string id = prefix + std::to_string(i);
      EXPECT_EQ(response_of(*engine, id), "answer " + id);
    }
  }
  std::vector<std::string> files_like(const std::string& part) {
    std::vector<std::string> found = *fs_.list("/data");
    std::erase_if(found, [&](const std::string& name) { return name.find(part) == std::string::npos; });
    for (std::string& name : found) name = "/data/" + name;
    return found;
  }
  void flip(const std::string& path, size_t at) {
    std::string content = fs_.content(path);
    ASSERT_LT(at, content.size()) << path;
    content[at] = static_cast<char>(content[at] ^ 1);
    fs_.set_content(path, content);
  }

  tests::fakes::FaultyFileSystem fs_{1};
  EngineHarness engine{fs_, "/data"};
};

TEST_F(EngineRecoveryTest, TheNodeIdIsMadeOnceUnlessItIsConfigured) {
  open();
  const std::string made = engine->options().node_id;
  EXPECT_EQ(made.size(), 36U);
  open();
  EXPECT_EQ(engine->options().node_id, made);
  engine.options.node_id = "node-7";
  open();
  EXPECT_EQ(engine->options().node_id, "node-7");
  engine.options.node_id.clear();
  open();
  EXPECT_EQ(engine->options().node_id, "node-7");
  engine.options.node_id = "two\nlines";
  EXPECT_EQ(engine.open().code(), StatusCode::invalid_argument);
}

TEST_F(EngineRecoveryTest, AFolderOfAnotherClusterIsRefused) {
  open();
  engine.options.cluster_id = "another";
  const Status status = engine.open();
  EXPECT_EQ(status.code(), StatusCode::failed_precondition);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("/data"), HasSubstr("\"ferrocache\""), HasSubstr("\"another\"")));
}

TEST_F(EngineRecoveryTest, ADamagedIdentityIsReported) {
  open();
  engine.close();
  flip("/data/IDENTITY", 40);
  const Status status = engine.open();
  EXPECT_EQ(status.code(), StatusCode::data_loss);
  EXPECT_THAT(status.message(), HasSubstr("/data/IDENTITY"));
}

TEST(EngineFolderTest, TwoEnginesOnOneFolderAreRefusedAndParentsAreMade) {
  io::PosixFileSystem fs;
  tests::fakes::TempFolder temp;
  EngineHarness first(fs, temp.path() + "/not/yet/there");
  ASSERT_EQ(first.open().to_string(), "ok");
  ASSERT_TRUE(insert(*first, entry("x", 0)).ok());
  EngineHarness second(fs, first.options.data_folder);
  const Status status = second.open();
  EXPECT_EQ(status.code(), StatusCode::failed_precondition);
  EXPECT_EQ(status.message(),
            "the data folder " + first.options.data_folder + " is in use by another process");
  first.close();
  EXPECT_EQ(second.open().to_string(), "ok");
  EXPECT_EQ(response_of(*second, "x"), "answer");
}

TEST(EngineFolderTest, APlainFileInItsPlaceIsRefusedInClearWords) {
  io::PosixFileSystem fs;
  tests::fakes::TempFolder temp;
  const std::string path = temp.path() + "/ferrocache.wal";
  ASSERT_TRUE(io::write_file_atomically(fs, path, as_bytes("an older program's log")).ok());
  EngineHarness harness(fs, path);
  const Status status = harness.open();
  EXPECT_EQ(status.code(), StatusCode::failed_precondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr(path), HasSubstr("is a file"), HasSubstr("wal_path")));
}

TEST_F(EngineRecoveryTest, SnapshotAndLogTogetherGiveTheState) {
  open();
  fill_and_compact("a", 20);
  fill_and_compact("b", 10);
  ASSERT_TRUE(remove(*engine, {"a0", {}, {}}).ok());
  put("c0", 0);
  put("a1", 50);
  open();
  EXPECT_EQ(engine.report.snapshot_entries, 30U);
  EXPECT_EQ(engine.report.wal_records, 3U);
  EXPECT_THAT(engine.report.dropped, IsEmpty());
  EXPECT_EQ(engine->figures().live_entries, 30U);
  EXPECT_EQ(response_of(*engine, "a0"), "");
  EXPECT_EQ(response_of(*engine, "c0"), "answer c0");
  EXPECT_EQ(engine->find("a1", true).at(0).vector, unit_at(50));
  expect_all("b", 10);
  // Recovery is not traffic.
  EXPECT_EQ(engine->counters().inserts, 0U);
  EXPECT_EQ(engine->store().namespace_stats({"m::4", "", ""}, engine->now_ms())->counters.inserts, 0U);
}

TEST_F(EngineRecoveryTest, StampsNeverGoBackEvenIfTheClockDoes) {
  open();
  put("x", 0);
  ASSERT_TRUE(compact(*engine).ok());
  const Hlc before = engine->find("x", false).at(0).version;
  engine.clock.advance_ms(-3'600'000);
  open();
  put("x", 10);
  const Hlc after = engine->find("x", false).at(0).version;
  EXPECT_GT(after.ticks, before.ticks);
  EXPECT_EQ(look_up(*engine, {"m::4", "", ""}, 10)->hits.size(), 1U);
}

TEST_F(EngineRecoveryTest, ADamagedNewestSnapshotIsReplacedByAnOlderOneAndTheLog) {
  open();
  fill_and_compact("a", 10);
  fill_and_compact("b", 10);
  put("c0", 0);
  engine.close();
  const auto snapshots = files_like("snapshot-");
  ASSERT_EQ(snapshots.size(), 2U);
  flip(snapshots[1], 200);
  open();
  expect_all("a", 10);
  expect_all("b", 10);
  expect_all("c", 1);
  EXPECT_EQ(engine->figures().live_entries, 21U);
  EXPECT_EQ(engine.report.snapshot_entries, 10U);
  EXPECT_TRUE(engine->readiness().ok());
  // Good snapshots are made again; then the damaged one goes.
  ASSERT_TRUE(compact(*engine).ok());
  ASSERT_TRUE(compact(*engine).ok());
  open();
  EXPECT_EQ(engine->figures().live_entries, 21U);
  EXPECT_THAT(files_like("snapshot-"), Not(testing::Contains(snapshots[1])));
}

TEST_F(EngineRecoveryTest, WithEverySnapshotDamagedTheWholeLogWillDo) {
  open();
  fill_and_compact("a", 10);  // one snapshot: nothing of the log has been released
  put("b0", 0);
  engine.close();
  flip(files_like("snapshot-").at(0), 200);
  open();
  expect_all("a", 10);
  expect_all("b", 1);
}

TEST_F(EngineRecoveryTest, DamageThatCostsEntriesIsRefusedUnlessSalvaged) {
  open();
  for (const char* prefix : {"a", "b", "c"}) fill_and_compact(prefix, 40);
  put("d0", 0);
  ASSERT_TRUE(remove(*engine, {"c1", {}, {}}).ok());
  engine.close();
  for (const std::string& file : files_like("snapshot-")) flip(file, fs_.content(file).size() - 400);
  const Status status = engine.open();
  EXPECT_EQ(status.code(), StatusCode::data_loss);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("snapshot-"), HasSubstr("at offset"), HasSubstr("--salvage")));
  // Refusing changed nothing, and goes on refusing.
  EXPECT_EQ(engine.open().code(), StatusCode::data_loss);

  engine.options.salvage = true;
  open();
  EXPECT_THAT(engine.report.dropped, Not(IsEmpty()));
  EXPECT_GT(engine->figures().live_entries, 50U);
  EXPECT_EQ(response_of(*engine, "d0"), "answer d0");
  EXPECT_EQ(response_of(*engine, "c1"), "") << "a deleted entry came back";
  const uint64_t live = engine->figures().live_entries;
  ASSERT_TRUE(compact(*engine).ok());
  ASSERT_TRUE(compact(*engine).ok());
  engine.options.salvage = false;
  open();
  EXPECT_EQ(engine->figures().live_entries, live);
}

TEST_F(EngineRecoveryTest, ALostManifestIsRefusedUnlessSalvaged) {
  open();
  fill_and_compact("a", 10);
  fill_and_compact("b", 10);
  engine.close();
  fs_.erase("/data/SNAPSHOTS");
  EXPECT_EQ(engine.open().code(), StatusCode::data_loss);
  engine.options.salvage = true;
  open();
  expect_all("a", 10);
  expect_all("b", 10);
}

TEST_F(EngineRecoveryTest, AFlippedBitInTheMiddleOfTheLogIsRefusedUnlessSalvaged) {
  open();
  for (int i = 0; i < 50; ++i) put("a" + std::to_string(i), i);
  engine.close();
  const std::string segment = files_like("wal").at(0);
  flip(segment, fs_.content(segment).find("answer a20"));
  const Status status = engine.open();
  EXPECT_EQ(status.code(), StatusCode::data_loss);
  EXPECT_THAT(status.message(), AllOf(HasSubstr(segment), HasSubstr("--salvage")));
  engine.options.salvage = true;
  open();
  EXPECT_EQ(engine->figures().live_entries, 49U);
  EXPECT_EQ(response_of(*engine, "a20"), "");
  EXPECT_THAT(engine.report.dropped, Not(IsEmpty()));
  put("b0", 0);
  engine.options.salvage = false;
  open();
  EXPECT_EQ(engine->figures().live_entries, 50U);
}

TEST_F(EngineRecoveryTest, ATornTailIsCutAndWhatIsWrittenAfterwardsSurvives) {
  open();
  for (int i = 0; i < 5; ++i) put("a" + std::to_string(i), i);
  const auto after = fs_.after_kill(1);
  engine.close();
  // The last record was being written when the process died: half of it is there.
  io::FileSystem& disk = *after;
  EngineHarness second(disk, "/data");
  const std::vector<std::string> names = *disk.list("/data");
  std::string segment, content;
  size_t last = std::string::npos;
  for (const std::string& name : names) {
    if (last != std::string::npos) break;
    segment = "/data/" + name;
    content = after->content(segment);
    last = content.rfind("answer a4");
  }
  ASSERT_NE(last, std::string::npos);
  std::fill(content.begin() + static_cast<std::ptrdiff_t>(last), content.end(), '\0');
  after->set_content(segment, content);
  ASSERT_EQ(second.open().to_string(), "ok");
  EXPECT_EQ(second->figures().live_entries, 4U);
  EXPECT_GT(second.report.torn_bytes, 0U);
  ASSERT_TRUE(insert(*second, entry("b", 0, "after")).ok());
  ASSERT_EQ(second.open().to_string(), "ok");
  EXPECT_EQ(second->figures().live_entries, 5U);
  EXPECT_EQ(response_of(*second, "b"), "after");
}

// A file whose checksums are true and whose content is not an entry: written by a broken or foreign program.
TEST_F(EngineRecoveryTest, ASnapshotRecordThatIsNoEntryIsNamed) {
  open();
  engine.close();
  {
    auto set = std::move(*snapshot::SnapshotSet::open(fs_, {"/data", 2}, false));
    auto writer = std::move(*set->begin(0, 1));
    ASSERT_TRUE(writer->add(200, as_bytes("a later program's, may be skipped")).ok());
    ASSERT_TRUE(writer->add(1, as_bytes("nonsense")).ok());
    ASSERT_TRUE(writer->finish().ok());
  }
  // The log is whole, so nothing is lost; it is only said.
  EXPECT_EQ(engine.open().to_string(), "ok");
  EXPECT_EQ(engine->figures().live_entries, 0U);
  engine.close();
  {
    auto set = std::move(*snapshot::SnapshotSet::open(fs_, {"/data", 2}, false));
    auto writer = std::move(*set->begin(0, 1));
    ASSERT_TRUE(writer->add(100, as_bytes("a later program's, must be understood")).ok());
    ASSERT_TRUE(writer->finish().ok());
  }
  const Status later = engine.open();
  EXPECT_EQ(later.code(), StatusCode::failed_precondition);
  EXPECT_THAT(later.message(), AllOf(HasSubstr("record 1"), HasSubstr("later program")));
}

}  // namespace
}  // namespace ferro::node::engine
