// Damaged files: every byte flipped, every length cut to, every file removed. A start either finds every
// acknowledged record, or names the file and refuses; only a cut at the very end of the log counts as an
// unfinished write. Salvage then keeps all that verifies and leaves a log that starts normally.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "node/wal/frame.h"
#include "node/wal/segment.h"
#include "tests/unit/node/wal/crash_driver.h"

namespace ferro::node::wal {
namespace {

using Files = std::map<std::string, std::string>;
using tests::fakes::FaultyFileSystem;

WalOptions options(bool salvage = false) {
  WalOptions options;
  options.folder = "log";
  options.segment_bytes = 1024;
  options.salvage = salvage;
  return options;
}

std::unique_ptr<FaultyFileSystem> disk_with(const Files& files) {
  auto fs = std::make_unique<FaultyFileSystem>(1);
  for (const auto& [path, content] : files) fs->set_content(path, content);
  return fs;
}

Files files_of(FaultyFileSystem& fs) {
  Files files;
  const std::vector<std::string> names = *fs.list("log");
  for (const std::string& name : names) files["log/" + name] = fs.content("log/" + name);
  return files;
}

// Four segments, the later ones recycled so that old frames stand behind the newest tail.
struct Sample {
  Files files;
  Sequence snapshot = 0;
  Sequence last = 0;
  std::string newest;
};

Sample make_sample() {
  FaultyFileSystem fs(1);
  const ManualClock clock;
  Sample sample;
  OpenLog log = open_log(fs, clock, options());
  for (int i = 0; i < 12; ++i) EXPECT_TRUE(append_records(*log.wal, 2).ok());
  sample.snapshot = *log.wal->rotate();
  EXPECT_TRUE(log.wal->release(sample.snapshot).ok());
  for (int i = 0; i < 8; ++i) sample.last = *append_records(*log.wal, 1 + static_cast<size_t>(i) % 3);
  sample.files = files_of(fs);
  for (const auto& [path, content] : sample.files) {
    if (path.starts_with("log/wal-")) sample.newest = path;
  }
  return sample;
}

class Damage : public ::testing::Test {
 protected:
  const Sample sample_ = make_sample();
  const std::vector<Record> all_ = expected_records(sample_.snapshot + 1, sample_.last);
  const ManualClock clock_;

  // A normal start finds everything, or refuses and names the file.
  bool starts_whole(const Files& files, const std::string& damaged_file) {
    const auto fs = disk_with(files);
    const OpenLog log = open_log(*fs, clock_, options(), sample_.snapshot);
    if (log.status.ok()) {
      EXPECT_EQ(log.records, all_);
      return true;
    }
    EXPECT_EQ(log.status.code(), StatusCode::data_loss) << log.status.to_string();
    EXPECT_NE(log.status.message().find(damaged_file), std::string::npos) << log.status.message();
    EXPECT_NE(log.status.message().find(" at offset "), std::string::npos) << log.status.message();
    EXPECT_NE(log.status.message().find("--salvage"), std::string::npos) << log.status.message();
    return false;
  }

  // Salvage keeps a part of the records, in order; the next normal start finds the same; the log can be
  // written.
  std::vector<Record> salvage(const Files& files, bool expect_dropped) {
    const auto fs = disk_with(files);
    std::vector<Record> kept;
    {
      OpenLog log = open_log(*fs, clock_, options(true), sample_.snapshot);
      EXPECT_TRUE(log.status.ok()) << log.status.to_string();
      kept = log.records;
      EXPECT_EQ(log.report.dropped.empty(), !expect_dropped);
    }
    EXPECT_TRUE(std::includes(all_.begin(), all_.end(), kept.begin(), kept.end(),
                              [](const Record& a, const Record& b) { return a.sequence < b.sequence; }));
    for (const Record& record : kept) EXPECT_EQ(record.payload, payload_of(record.sequence));
    std::vector<Record> longer = kept;
    {
      OpenLog log = open_log(*fs, clock_, options(), sample_.snapshot);
      EXPECT_TRUE(log.status.ok()) << log.status.to_string();
      EXPECT_EQ(log.records, kept);
      if (!log.wal) return kept;
      const Sequence first_new = log.wal->last_sequence() + 1;
      for (int i = 0; i < 5; ++i) EXPECT_TRUE(append_records(*log.wal, 2).ok());
      for (Sequence s = first_new; s < first_new + 10; ++s) longer.push_back({s, payload_of(s)});
    }
    EXPECT_EQ(open_log(*fs, clock_, options(), sample_.snapshot).records, longer);
    return kept;
  }
};

TEST_F(Damage, TheSampleIsAsDescribed) {
  EXPECT_TRUE(starts_whole(sample_.files, ""));
  EXPECT_EQ(salvage(sample_.files, false), all_);
  EXPECT_GE(sample_.files.size(), 4U);
  const std::string& newest = sample_.files.at(sample_.newest);
  EXPECT_TRUE(decode_segment_header(as_bytes(newest))->recycled);
}

TEST_F(Damage, AFlippedBitInAnyByteIsHarmlessOrRefusedAndSalvageLosesAtMostThatRecord) {
  size_t refused = 0;
  for (const auto& [path, content] : sample_.files) {
    for (size_t i = 0; i < content.size(); ++i) {
      SCOPED_TRACE(path + " byte " + std::to_string(i));
      Files files = sample_.files;
      files[path][i] = static_cast<char>(files[path][i] ^ (1 << (i % 8)));
      if (starts_whole(files, path)) continue;
      ++refused;
      const size_t kept = salvage(files, true).size();
      EXPECT_GE(kept + (i < kSegmentHeaderBytes ? 0 : 1), all_.size());
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(refused, 1000U);
}

TEST_F(Damage, ACutAnywhereInTheNewestFileIsATornTail) {
  const std::string& content = sample_.files.at(sample_.newest);
  for (size_t size = 0; size < content.size(); ++size) {
    SCOPED_TRACE("cut to " + std::to_string(size));
    Files files = sample_.files;
    files[sample_.newest].resize(size);
    const auto fs = disk_with(files);
    std::vector<Record> kept;
    {
      OpenLog log = open_log(*fs, clock_, options(), sample_.snapshot);
      ASSERT_TRUE(log.status.ok()) << log.status.to_string();
      kept = log.records;
      ASSERT_TRUE(append_records(*log.wal, 3).ok());
      const Sequence last = log.wal->last_sequence();
      for (Sequence s = last - 2; s <= last; ++s) kept.push_back({s, payload_of(s)});
    }
    ASSERT_EQ(kept, expected_records(sample_.snapshot + 1, sample_.snapshot + kept.size()));
    ASSERT_EQ(open_log(*fs, clock_, options(), sample_.snapshot).records, kept);
  }
}

TEST_F(Damage, ACutInAnEarlierFileIsHarmlessOrRefused) {
  for (const auto& [path, content] : sample_.files) {
    if (path == sample_.newest || !path.starts_with("log/wal-")) continue;
    for (size_t size = 0; size < content.size(); size += 7) {
      SCOPED_TRACE(path + " cut to " + std::to_string(size));
      Files files = sample_.files;
      files[path].resize(size);
      if (!starts_whole(files, path)) salvage(files, true);
      if (HasFailure()) return;
    }
  }
}

TEST_F(Damage, AMissingFileIsRefusedWhicheverItIs) {
  for (const auto& [path, content] : sample_.files) {
    SCOPED_TRACE(path);
    Files files = sample_.files;
    files.erase(path);
    const auto fs = disk_with(files);
    const OpenLog log = open_log(*fs, clock_, options(), sample_.snapshot);
    if (!path.starts_with("log/wal-")) {
      EXPECT_EQ(log.records, all_);
      continue;
    }
    EXPECT_EQ(log.status.code(), StatusCode::data_loss) << log.status.to_string();
    EXPECT_NE(log.status.message().find("missing"), std::string::npos) << log.status.message();
    EXPECT_LT(salvage(files, true).size(), all_.size());
  }
}

TEST_F(Damage, ManyDamagedPlacesAtOnceAreSalvaged) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    Files files = sample_.files;
    for (auto& [path, content] : files) {
      for (uint64_t hits = random() % 4; hits > 0; --hits) {
        const size_t at = random() % content.size();
        const size_t size = std::min<size_t>(1 + random() % 200, content.size() - at);
        if (random() % 3 == 0) {
          content.erase(at, size);  // a hole: everything behind it moves
        } else {
          for (size_t i = at; i < at + size; ++i)
            content[i] = static_cast<char>(random() % 3 == 0 ? 0 : random());
        }
        if (content.empty()) break;
      }
    }
    const auto fs = disk_with(files);
    const OpenLog log = open_log(*fs, clock_, options(true), sample_.snapshot);
    ASSERT_TRUE(log.status.ok()) << log.status.to_string();
    for (const Record& record : log.records) ASSERT_EQ(record.payload, payload_of(record.sequence));
    ASSERT_EQ(open_log(*fs, clock_, options(), sample_.snapshot).records, log.records);
  }
}

TEST_F(Damage, SalvageKeepsTheDamagedFileAndSaysWhatItDropped) {
  Files files = sample_.files;
  const std::string& newest = sample_.newest;
  files[newest][kSegmentHeaderBytes + kFrameHeaderBytes + 3] ^= 4;
  const auto fs = disk_with(files);
  const OpenLog log = open_log(*fs, clock_, options(true), sample_.snapshot);
  ASSERT_EQ(log.report.dropped.size(), 1U);
  const Dropped& dropped = log.report.dropped.front();
  EXPECT_EQ(dropped.file, newest);
  EXPECT_EQ(dropped.offset, kSegmentHeaderBytes);
  EXPECT_GT(dropped.bytes, kFrameHeaderBytes);
  EXPECT_NE(dropped.reason.find("does not verify"), std::string::npos) << dropped.reason;
  EXPECT_EQ(fs->content(newest + ".damaged"), files[newest]);
}

TEST_F(Damage, ASalvageCutShortAnywhereCanBeRunAgain) {
  Files files = sample_.files;
  for (auto& [path, content] : files) {
    if (path.starts_with("log/wal-")) content[kSegmentHeaderBytes + kFrameHeaderBytes + 3] ^= 4;
  }
  const std::vector<Record> kept = salvage(files, true);
  EXPECT_LT(kept.size(), all_.size());
  for (uint64_t cut = 1;; ++cut) {
    SCOPED_TRACE("cut at operation " + std::to_string(cut));
    auto fs = disk_with(files);
    fs->crash_at(cut);
    const bool finished =
        open_log(*fs, clock_, options(true), sample_.snapshot).status.ok() && !fs->crashed();
    fs = fs->after_power_cut(cut);
    ASSERT_EQ(open_log(*fs, clock_, options(true), sample_.snapshot).records, kept);
    ASSERT_EQ(open_log(*fs, clock_, options(), sample_.snapshot).records, kept);
    if (finished) break;
  }
}

// What a client stores may look like a frame; it must not become a record when the frame around it is
// damaged. The incarnation of a segment is nothing that a client can know.
TEST_F(Damage, AFrameInsideAPayloadIsNotSalvagedAsARecord) {
  FaultyFileSystem fs(1);
  std::string forged;
  FrameHeader header;
  header.incarnation = 0x1234567890abcdefU;
  header.sequence = 1000;
  header.batch_first = 1000;
  encode_frame(header, as_bytes("forged"), forged);
  {
    OpenLog log = open_log(fs, clock_, options());
    ASSERT_TRUE(log.wal->append(std::vector<std::string>{forged, "second"}).ok());
    ASSERT_TRUE(log.wal->append(std::vector<std::string>{"third"}).ok());
  }
  std::string content = fs.content("log/wal-000000000001.log");
  content[kSegmentHeaderBytes + 9] ^= 1;  // the length of the record around it
  content[20] ^= 1;                       // and the segment's header
  fs.set_content("log/wal-000000000001.log", content);
  const OpenLog log = open_log(fs, clock_, options(true));
  ASSERT_TRUE(log.status.ok()) << log.status.to_string();
  EXPECT_EQ(log.records, (std::vector<Record>{{2, "second"}, {3, "third"}}));
}

// Header and first record gone, and most of the file is an earlier life's: still the records of this life are
// found.
TEST_F(Damage, ARecycledSegmentWithoutAHeaderIsSalvagedFromItsOwnLife) {
  FaultyFileSystem fs(1);
  OpenLog log = open_log(fs, clock_, options());
  ASSERT_TRUE(append_records(*log.wal, 6, 100).ok());
  const Sequence closed = *log.wal->rotate();
  ASSERT_TRUE(log.wal->release(closed).ok());
  ASSERT_TRUE(append_records(*log.wal, 1, 100).ok());
  ASSERT_TRUE(log.wal->rotate().ok());  // into the recycled file
  ASSERT_TRUE(append_records(*log.wal, 2, 100).ok());
  const std::string path = "log/wal-000000000003.log";
  std::string content = fs.content(path);
  ASSERT_TRUE(decode_segment_header(as_bytes(content))->recycled);
  content[20] ^= 1;
  content[kSegmentHeaderBytes] ^= 1;
  fs.set_content(path, content);
  EXPECT_EQ(open_log(fs, clock_, options(true), closed).records,
            (std::vector<Record>{{7, payload_of(7, 100)}, {9, payload_of(9, 100)}}));
}

TEST_F(Damage, SegmentsOfALaterFormatAreRefusedAsThatAndNotTouchedBySalvage) {
  Files files = sample_.files;
  std::string& content = files[sample_.newest];
  SegmentHeader header = *decode_segment_header(as_bytes(content));
  std::string frame;
  FrameHeader later;
  later.type = static_cast<FrameType>(9);
  later.incarnation = header.incarnation;
  encode_frame(later, {}, frame);
  content.replace(kSegmentHeaderBytes, frame.size(), frame);
  for (const bool with_salvage : {false, true}) {
    const auto fs = disk_with(files);
    const OpenLog log = open_log(*fs, clock_, options(with_salvage), sample_.snapshot);
    EXPECT_EQ(log.status.code(), StatusCode::failed_precondition) << log.status.to_string();
    EXPECT_EQ(fs->content(sample_.newest), content);
  }
}

}  // namespace
}  // namespace ferro::node::wal
