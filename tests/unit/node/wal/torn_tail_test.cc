// Unfinished appends, made by hand byte for byte: what is cut off stays cut off, also under later records,
// and what is kept is made durable.
#include <gtest/gtest.h>

#include "node/wal/frame.h"
#include "node/wal/segment.h"
#include "tests/unit/node/wal/crash_driver.h"

namespace ferro::node::wal {
namespace {

constexpr size_t kPayload = 100;
constexpr size_t kFrame = kFrameHeaderBytes + kPayload;
const std::string kPath = "log/wal-000000000001.log";

size_t frame_offset(size_t index) {
  return kSegmentHeaderBytes + index * kFrame;
}

class TornTail : public ::testing::Test {
 protected:
  TornTail() {
    options_.folder = "log";
    options_.segment_bytes = 8192;
  }
  OpenLog open() { return open_log(*fs_, clock_, options_); }
  void append(Wal& wal, size_t count) { ASSERT_TRUE(append_records(wal, count, kPayload).ok()); }
  std::string content() { return fs_->content(kPath); }
  void replace(size_t offset, const std::string& bytes) {
    std::string all = content();
    all.replace(offset, bytes.size(), bytes);
    fs_->set_content(kPath, all);
  }
  void flip(size_t offset) {
    std::string all = content();
    all[offset] = static_cast<char>(all[offset] ^ 1);
    fs_->set_content(kPath, all);
  }

  // Appends one record to what recovery left, takes back the mark behind it (as a power cut may, for it is
  // not synced) and expects to find exactly `last` records.
  void append_and_lose_the_mark(Sequence last) {
    {
      OpenLog log = open();
      ASSERT_TRUE(log.status.ok()) << log.status.to_string();
      ASSERT_EQ(log.records, expected_records(1, last - 1, kPayload));
      const std::string before = content();
      ASSERT_TRUE(append_records(*log.wal, 1, kPayload).ok());
      replace(frame_offset(last), before.substr(frame_offset(last), kFrameHeaderBytes));
    }
    OpenLog log = open();
    ASSERT_TRUE(log.status.ok()) << log.status.to_string();
    EXPECT_EQ(log.records, expected_records(1, last, kPayload));
  }

  std::unique_ptr<tests::fakes::FaultyFileSystem> fs_ = std::make_unique<tests::fakes::FaultyFileSystem>(1);
  ManualClock clock_;
  WalOptions options_;
};

// The last append was [2 3 4]; 2 is torn, 3 and 4 are whole. If 3 were left where it is, it would follow the
// new 2.
TEST_F(TornTail, TheRestOfATornAppendNeverFollowsALaterRecord) {
  {
    OpenLog log = open();
    append(*log.wal, 1);
    append(*log.wal, 3);
  }
  flip(frame_offset(1) + kFrameHeaderBytes + 5);
  replace(frame_offset(4), std::string(kFrameHeaderBytes, '\0'));  // never synced, so never acknowledged
  append_and_lose_the_mark(2);
}

// The same, with the sector that holds the old mark and the new append's first header not written.
TEST_F(TornTail, FramesBehindAMarkThatATornAppendLeftAreErased) {
  {
    OpenLog log = open();
    append(*log.wal, 1);
    const std::string mark = content().substr(frame_offset(1), kFrameHeaderBytes);
    append(*log.wal, 3);
    replace(frame_offset(1), mark);
    replace(frame_offset(4), std::string(kFrameHeaderBytes, '\0'));
  }
  append_and_lose_the_mark(2);
}

TEST_F(TornTail, TheWholeRecordsBeforeTheTearAreKeptAndTheRestIsCounted) {
  {
    OpenLog log = open();
    append(*log.wal, 4);
  }
  flip(frame_offset(2) + kFrameHeaderBytes);
  replace(frame_offset(4), std::string(kFrameHeaderBytes, '\0'));
  OpenLog log = open();
  ASSERT_TRUE(log.status.ok()) << log.status.to_string();
  EXPECT_EQ(log.records, expected_records(1, 2, kPayload));
  EXPECT_EQ(log.report.torn_bytes, 2 * kFrame);
}

TEST_F(TornTail, GarbageBehindTheEndIsNoDamage) {
  {
    OpenLog log = open();
    append(*log.wal, 3);
  }
  const std::string first = content().substr(frame_offset(0), kFrame);
  replace(frame_offset(3) + kFrameHeaderBytes, "garbage");
  replace(frame_offset(10), first);  // a whole old record: known, so no proof of anything newer
  OpenLog log = open();
  ASSERT_TRUE(log.status.ok()) << log.status.to_string();
  EXPECT_EQ(log.records, expected_records(1, 3, kPayload));
}

// The very frame that would come next, left by an earlier life of the file.
TEST_F(TornTail, AFrameOfAnotherIncarnationIsNeverReplayed) {
  {
    OpenLog log = open();
    append(*log.wal, 2);
  }
  FrameHeader header;
  header.incarnation = 77;
  header.sequence = 3;
  header.batch_first = 3;
  std::string frame;
  encode_frame(header, as_bytes(payload_of(3, kPayload)), frame);
  replace(frame_offset(2), frame);
  EXPECT_EQ(open().records, expected_records(1, 2, kPayload));
}

// What a later version may add without a new format version.
TEST_F(TornTail, AFrameOfASkippableTypeIsSteppedOver) {
  {
    OpenLog log = open();
    append(*log.wal, 2);
  }
  const std::string all = content();
  FrameHeader header;
  header.type = static_cast<FrameType>(kFirstSkippableType);
  header.incarnation = decode_segment_header(as_bytes(all))->incarnation;
  std::string frame;
  encode_frame(header, as_bytes("news"), frame);
  const size_t end = frame_offset(2) + kFrameHeaderBytes;
  replace(frame_offset(1), frame + all.substr(frame_offset(1), end - frame_offset(1)));
  OpenLog log = open();
  EXPECT_EQ(log.records, expected_records(1, 2, kPayload));
  append(*log.wal, 1);
  EXPECT_EQ(open().records, expected_records(1, 3, kPayload));
}

// After an acknowledged append the mark stands behind it, also after kill -9: a flipped bit in the very last
// record is told from a torn write.
TEST_F(TornTail, ADamagedLastRecordBehindWhichTheMarkStandsIsRefused) {
  {
    OpenLog log = open();
    append(*log.wal, 2);
  }
  fs_ = fs_->after_kill(7);
  flip(frame_offset(1) + kFrameHeaderBytes + 50);
  const OpenLog log = open();
  EXPECT_EQ(log.status.code(), StatusCode::data_loss);
  EXPECT_NE(log.status.message().find(kPath + " at offset " + std::to_string(frame_offset(1))),
            std::string::npos)
      << log.status.message();
  EXPECT_NE(log.status.message().find("--salvage"), std::string::npos);
}

TEST_F(TornTail, ARefusedStartChangesNothing) {
  {
    OpenLog log = open();
    append(*log.wal, 2);
    append(*log.wal, 2);
  }
  flip(frame_offset(1) + 3);
  const std::string before = content();
  EXPECT_EQ(open().status.code(), StatusCode::data_loss);
  EXPECT_EQ(content(), before);
}

// ENOSPC or EIO in the middle of a write: the bytes are as before it, and that is durable.
TEST_F(TornTail, AFailedWriteLeavesNoTrace) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    fs_ = std::make_unique<tests::fakes::FaultyFileSystem>(seed);
    OpenLog log = open();
    append(*log.wal, 2);
    const std::string before = content();
    fs_->fail_write(1, seed % 2 == 0 ? StatusCode::no_space : StatusCode::io_error);
    ASSERT_FALSE(append_records(*log.wal, 4, kPayload).ok());
    EXPECT_EQ(content(), before);
    fs_ = fs_->after_power_cut(seed);
    EXPECT_EQ(content(), before);
  }
}

// The append was answered with an error: after a kill, which leaves the kernel's copy, it should not be
// found.
TEST_F(TornTail, AnAppendWhoseSyncFailedIsNotFoundAfterAKill) {
  {
    OpenLog log = open();
    append(*log.wal, 1);
    fs_->fail_sync(1);
    ASSERT_FALSE(append_records(*log.wal, 2, kPayload).ok());
  }
  fs_ = fs_->after_kill(1);
  EXPECT_EQ(open().records, expected_records(1, 1, kPayload));
}

// A failed sync leaves pages in memory that count as written. If such a record is replayed after a kill, it
// has to be on the disk from then on.
TEST_F(TornTail, WhatARestartReplaysAfterAFailedSyncIsDurable) {
  size_t replayed = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    fs_ = std::make_unique<tests::fakes::FaultyFileSystem>(seed);
    {
      OpenLog log = open();
      append(*log.wal, 1);
      fs_->fail_sync(1);
      fs_->crash_at(fs_->operations() +
                    3);  // after the write and the sync: killed while it cuts the tail back
      ASSERT_FALSE(append_records(*log.wal, 2, kPayload).ok());
    }
    fs_ = fs_->after_kill(seed);
    Sequence last = 0;
    {
      OpenLog log = open();
      ASSERT_TRUE(log.status.ok()) << log.status.to_string();
      last = log.records.size();
      replayed += last > 1 ? 1 : 0;
      last = *append_records(*log.wal, 1, kPayload);
    }
    fs_ = fs_->after_power_cut(seed);
    OpenLog log = open();
    ASSERT_TRUE(log.status.ok()) << log.status.to_string();
    EXPECT_EQ(log.records, expected_records(1, last, kPayload));
  }
  EXPECT_GT(replayed, 10U);
}

TEST_F(TornTail, AReleaseIsDurable) {
  OpenLog log = open();
  append(*log.wal, 2);
  const Sequence closed = *log.wal->rotate();
  ASSERT_TRUE(log.wal->release(closed).ok());
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    fs_ = fs_->after_power_cut(seed);
    EXPECT_EQ(*fs_->list("log"), (std::vector<std::string>{"free-000000000001.log", "wal-000000000002.log"}));
  }
}

}  // namespace
}  // namespace ferro::node::wal
