// Appending, reopening, rotating, releasing and recycling, on the real file system and on the fake one.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "common/io/posix_file_system.h"
#include "node/wal/segment.h"
#include "tests/fakes/faulty_file_system.h"
#include "tests/unit/node/wal/log_harness.h"

namespace ferro::node::wal {
namespace {

WalOptions small_options() {
  WalOptions options;
  options.folder = "log";
  options.segment_bytes = 4096;
  options.recycled_max = 2;
  return options;
}

class WalTest : public ::testing::Test {
 protected:
  OpenLog open(Sequence after = 0) { return open_log(fs_, clock_, options_, after); }
  std::vector<std::string> names() { return *fs_.list(options_.folder); }
  size_t count(const std::string& prefix) {
    size_t found = 0;
    for (const std::string& name : names()) found += name.starts_with(prefix) ? 1 : 0;
    return found;
  }

  tests::fakes::FaultyFileSystem fs_{1};
  ManualClock clock_;
  WalOptions options_ = small_options();
};

TEST_F(WalTest, AnEmptyFolderIsAnEmptyLog) {
  OpenLog log = open();
  ASSERT_TRUE(log.status.ok()) << log.status.to_string();
  EXPECT_EQ(log.wal->last_sequence(), 0U);
  EXPECT_TRUE(log.records.empty());
  EXPECT_EQ(*log.wal->append({}), 0U);
  EXPECT_EQ(names(), std::vector<std::string>{"wal-000000000001.log"});
  EXPECT_EQ(fs_.content("log/wal-000000000001.log").size(), options_.segment_bytes);
}

TEST_F(WalTest, RecordsComeBackInOrderAcrossSegmentsAndRestarts) {
  Sequence last = 0;
  for (int restart = 0; restart < 5; ++restart) {
    OpenLog log = open();
    ASSERT_TRUE(log.status.ok()) << log.status.to_string();
    EXPECT_EQ(log.records, expected_records(1, last));
    EXPECT_EQ(log.report.records, last);
    EXPECT_EQ(log.report.last_sequence, last);
    EXPECT_EQ(log.report.torn_bytes, 0U);
    for (size_t batch = 1; batch <= 12; ++batch) {
      last += batch;
      ASSERT_EQ(*append_records(*log.wal, batch), last);
    }
  }
  EXPECT_GT(count("wal-"), 5U);
}

TEST_F(WalTest, OneAppendIsOneSync) {
  OpenLog log = open();
  const uint64_t before = log.wal->stats().syncs.load();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(append_records(*log.wal, 5, 60).ok());
  EXPECT_EQ(log.wal->stats().syncs.load(), before + 3);
  EXPECT_EQ(log.wal->stats().last_sequence.load(), 15U);
  EXPECT_GT(log.wal->stats().last_sync_ns.load(), 0U);
}

TEST_F(WalTest, EmptyAndBinaryPayloadsAreKept) {
  const std::vector<std::string> payloads{"", std::string(300, '\0'), std::string("\xff\x00\x01", 3)};
  ASSERT_TRUE(open().wal->append(payloads).ok());
  OpenLog log = open();
  ASSERT_EQ(log.records.size(), 3U);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(log.records[i].payload, payloads[i]);
}

TEST_F(WalTest, ARecordLargerThanASegmentGetsALargerOne) {
  {
    OpenLog log = open();
    ASSERT_TRUE(append_records(*log.wal, 2).ok());
    ASSERT_TRUE(append_records(*log.wal, 1, 50'000).ok());
    ASSERT_TRUE(append_records(*log.wal, 1).ok());
  }
  OpenLog log = open();
  ASSERT_TRUE(log.status.ok()) << log.status.to_string();
  ASSERT_EQ(log.records.size(), 4U);
  EXPECT_EQ(log.records[2].payload, payload_of(3, 50'000));
  EXPECT_EQ(log.records[3].payload, payload_of(4));
}

TEST_F(WalTest, ReplayBeginsAfterTheSnapshot) {
  ASSERT_TRUE(append_records(*open().wal, 30).ok());
  OpenLog log = open(12);
  EXPECT_EQ(log.records, expected_records(13, 30));
  EXPECT_EQ(open(30).records.size(), 0U);
}

TEST_F(WalTest, ASnapshotBeyondTheLogIsGoneOnFrom) {
  ASSERT_TRUE(append_records(*open().wal, 5).ok());
  {
    OpenLog log = open(40);
    ASSERT_TRUE(log.status.ok()) << log.status.to_string();
    EXPECT_TRUE(log.records.empty());
    EXPECT_EQ(*append_records(*log.wal, 2), 42U);
  }
  EXPECT_EQ(open(40).records, expected_records(41, 42));
  // From an older snapshot the records 6 to 40 are missing, and that is said.
  const OpenLog older = open(3);
  EXPECT_EQ(older.status.code(), StatusCode::data_loss);
  EXPECT_NE(older.status.message().find("records 6 to 40 are missing"), std::string::npos)
      << older.status.message();
}

TEST_F(WalTest, RotateClosesTheSegmentOnce) {
  OpenLog log = open();
  EXPECT_EQ(*log.wal->rotate(), 0U);
  ASSERT_TRUE(append_records(*log.wal, 3).ok());
  EXPECT_EQ(*log.wal->rotate(), 3U);
  EXPECT_EQ(*log.wal->rotate(), 3U);
  EXPECT_EQ(log.wal->stats().segments.load(), 2U);
  ASSERT_TRUE(append_records(*log.wal, 1).ok());
  EXPECT_EQ(open().records, expected_records(1, 4));
}

TEST_F(WalTest, ReleaseKeepsWhatIsNeededAndRecyclesABoundedNumber) {
  OpenLog log = open();
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(append_records(*log.wal, 3).ok());
    ASSERT_TRUE(log.wal->rotate().ok());
  }
  EXPECT_EQ(log.wal->stats().segments.load(), 11U);
  const uint64_t bytes = log.wal->stats().bytes.load();
  ASSERT_TRUE(log.wal->release(14).ok());  // four segments of three; the fifth still holds 15
  EXPECT_EQ(log.wal->stats().segments.load(), 7U);
  EXPECT_LT(log.wal->stats().bytes.load(), bytes);
  EXPECT_EQ(count("free-"), 2U);
  EXPECT_EQ(open(14).records, expected_records(15, 30));
  EXPECT_EQ(open(5).status.code(), StatusCode::data_loss);
}

TEST_F(WalTest, ARecycledSegmentNeverShowsItsEarlierLife) {
  OpenLog log = open();
  Sequence last = 0;
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(round);
    // Records of one size: every old frame stands exactly where a new one would.
    last = *append_records(*log.wal, 20, 100);
    const Sequence closed = *log.wal->rotate();
    ASSERT_TRUE(append_records(*log.wal, 2, 100).ok());
    last += 2;
    ASSERT_TRUE(log.wal->release(closed).ok());
    log = open(closed);
    ASSERT_TRUE(log.status.ok()) << log.status.to_string();
    EXPECT_EQ(log.records, expected_records(closed + 1, last, 100));
    EXPECT_EQ(log.report.torn_bytes, 0U);
  }
  EXPECT_LE(names().size(), 4U);
}

TEST_F(WalTest, WithoutSyncNothingIsSyncedOrRecycled) {
  options_.sync = false;
  OpenLog log = open();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(append_records(*log.wal, 3).ok());
    ASSERT_TRUE(log.wal->rotate().ok());
  }
  ASSERT_TRUE(log.wal->release(9).ok());
  EXPECT_EQ(log.wal->stats().syncs.load(), 0U);
  EXPECT_EQ(count("free-"), 0U);
  EXPECT_EQ(open(9).records, expected_records(10, 15));
}

TEST_F(WalTest, LeftoversOfAnInterruptedCreationAreRemovedAndOtherFilesLeftAlone) {
  ASSERT_TRUE(append_records(*open().wal, 3).ok());
  fs_.set_content("log/wal-000000000002.log.tmp", "half");
  fs_.set_content("log/free-000000000001.log", "of another size");
  fs_.set_content("log/notes.txt", "mine");
  EXPECT_EQ(open().records, expected_records(1, 3));
  EXPECT_EQ(names(), (std::vector<std::string>{"notes.txt", "wal-000000000001.log"}));
}

TEST_F(WalTest, AReplayThatFailsEndsTheStart) {
  ASSERT_TRUE(append_records(*open().wal, 3).ok());
  RecoveryReport report;
  const auto opened = Wal::open(
      fs_, clock_, options_, 0,
      [](Sequence sequence, Bytes) { return sequence == 2 ? Status::data_loss("no operation") : Status(); },
      report);
  EXPECT_EQ(opened.status().code(), StatusCode::data_loss);
  EXPECT_NE(opened.status().message().find("record 2"), std::string::npos);
}

TEST_F(WalTest, ATooSmallSegmentIsRefused) {
  options_.segment_bytes = 100;
  EXPECT_EQ(open().status.code(), StatusCode::invalid_argument);
}

TEST(WalOnDisk, SurvivesRestartsOnTheRealFileSystem) {
  std::string folder = (std::filesystem::temp_directory_path() / "ferro_wal_XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  io::PosixFileSystem fs;
  SystemClock clock;
  WalOptions options = small_options();
  options.folder = folder + "/a/log";
  options.segment_bytes = 64 << 10;
  Sequence last = 0;
  for (int restart = 0; restart < 3; ++restart) {
    OpenLog log = open_log(fs, clock, options);
    ASSERT_TRUE(log.status.ok()) << log.status.to_string();
    EXPECT_EQ(log.records, expected_records(1, last));
    for (int i = 0; i < 20; ++i) last = *append_records(*log.wal, 40);
  }
  OpenLog log = open_log(fs, clock, options, last);
  ASSERT_TRUE(log.wal->rotate().ok());
  ASSERT_TRUE(log.wal->release(last).ok());
  EXPECT_EQ(log.wal->stats().segments.load(), 1U);
  log.wal.reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ferro::node::wal
