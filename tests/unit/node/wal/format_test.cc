// The bytes themselves: encodings checked against the table of docs/formats/wal.md, and golden folders that
// every later version has to read.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "common/io/crc32c.h"
#include "common/io/posix_file_system.h"
#include "node/wal/frame.h"
#include "node/wal/inspect.h"
#include "node/wal/segment.h"
#include "tests/fakes/faulty_file_system.h"
#include "tests/unit/node/wal/log_harness.h"

namespace ferro::node::wal {
namespace {

const std::string kGolden = "tests/golden/wal/v1/";

TEST(WalFormat, AFrameIsAsTheTableSays) {
  FrameHeader header;
  header.incarnation = 0x1122334455667788U;
  header.sequence = 9;
  header.batch_first = 7;
  std::string bytes;
  encode_frame(header, as_bytes("abc"), bytes);
  ASSERT_EQ(bytes.size(), 43U);
  ByteReader reader(as_bytes(bytes));
  EXPECT_EQ(reader.u32(), io::crc32c(as_bytes(bytes).subspan(4, 36)));
  EXPECT_EQ(reader.u32(), io::crc32c(as_bytes("abc")));
  EXPECT_EQ(reader.u32(), 3U);
  EXPECT_EQ(reader.u8(), 1U);
  EXPECT_EQ(reader.u8(), 0U);
  EXPECT_EQ(reader.u16(), 0U);
  EXPECT_EQ(reader.u64(), 0x1122334455667788U);
  EXPECT_EQ(reader.u64(), 9U);
  EXPECT_EQ(reader.u64(), 7U);
  EXPECT_EQ(as_text(reader.raw(3)), "abc");

  FrameHeader back;
  ASSERT_TRUE(decode_frame_header(as_bytes(bytes), back));
  EXPECT_EQ(back.sequence, 9U);
  EXPECT_TRUE(payload_verifies(back, as_bytes("abc")));
  EXPECT_FALSE(payload_verifies(back, as_bytes("abd")));
  EXPECT_FALSE(payload_verifies(back, as_bytes("ab")));
  EXPECT_FALSE(decode_frame_header(as_bytes(bytes).first(39), back));
}

TEST(WalFormat, ASegmentHeaderIsAsTheTableSays) {
  SegmentHeader header;
  header.number = 7;
  header.incarnation = 42;
  header.first_sequence = 1000;
  header.file_bytes = 4096;
  header.recycled = true;
  std::string bytes;
  encode_segment_header(header, bytes);
  ASSERT_EQ(bytes.size(), 64U);
  ByteReader reader(as_bytes(bytes));
  EXPECT_EQ(as_text(reader.raw(8)), "FERROWAL");
  EXPECT_EQ(reader.u16(), 1U);
  EXPECT_EQ(reader.u16(), 64U);
  EXPECT_EQ(reader.u16(), 1U);
  EXPECT_EQ(reader.u16(), 0U);
  EXPECT_EQ(reader.u64(), 7U);
  EXPECT_EQ(reader.u64(), 42U);
  EXPECT_EQ(reader.u64(), 1000U);
  EXPECT_EQ(reader.u64(), 4096U);
  EXPECT_EQ(as_text(reader.raw(12)), std::string(12, '\0'));
  EXPECT_EQ(reader.u32(), io::crc32c(as_bytes(bytes).first(60)));
  const auto back = decode_segment_header(as_bytes(bytes));
  ASSERT_TRUE(back.ok());
  EXPECT_TRUE(back->recycled);
  EXPECT_FALSE(back->salvaged);
}

TEST(WalFormat, ALaterVersionIsToldFromDamage) {
  std::string bytes;
  SegmentHeader header;
  header.first_sequence = 1;
  encode_segment_header(header, bytes);
  bytes[8] = 2;
  EXPECT_EQ(decode_segment_header(as_bytes(bytes)).status().code(), StatusCode::data_loss);
  const uint32_t checksum = io::crc32c(as_bytes(bytes).first(60));
  std::memcpy(bytes.data() + 60, &checksum, sizeof checksum);
  EXPECT_EQ(decode_segment_header(as_bytes(bytes)).status().code(), StatusCode::failed_precondition);
}

TEST(WalFormat, NamesSortLikeNumbersAndOthersAreNotOurs) {
  EXPECT_EQ(segment_name(7), "wal-000000000007.log");
  EXPECT_EQ(*parse_segment_name("wal-000000000007.log"), 7U);
  EXPECT_EQ(*parse_free_name(free_name(12)), 12U);
  for (const char* name : {"wal-7.log", "wal-00000000000x.log", "wal-0000000000007.log",
                           "wal-000000000007.log.tmp", "free-000000000007.log", "", "wal-", ".log"}) {
    EXPECT_FALSE(parse_segment_name(name)) << name;
  }
}

// What the golden folder holds: written by WriteGolden below with the first version of the format.
std::vector<Record> golden_records() {
  std::vector<Record> records = expected_records(5, 9);
  records.push_back({10, std::string(3, '\0') + "binary\xff"});
  records.push_back({11, ""});
  records.push_back({12, payload_of(12, 5000)});
  records.push_back({13, payload_of(13)});
  return records;
}

WalOptions golden_options(const std::string& folder) {
  WalOptions options;
  options.folder = folder;
  options.segment_bytes = 1024;
  return options;
}

void write_golden(io::FileSystem& fs, const std::string& folder) {
  const ManualClock clock;
  OpenLog log = open_log(fs, clock, golden_options(folder));
  ASSERT_TRUE(log.status.ok()) << log.status.to_string();
  ASSERT_TRUE(append_records(*log.wal, 4).ok());
  ASSERT_TRUE(log.wal->rotate().ok());
  ASSERT_TRUE(log.wal->release(4).ok());
  std::vector<std::string> payloads;
  for (const Record& record : golden_records()) payloads.push_back(record.payload);
  ASSERT_TRUE(log.wal->append(std::span(payloads).first(3)).ok());
  for (size_t i = 3; i < payloads.size(); ++i)
    ASSERT_TRUE(log.wal->append(std::span(payloads).subspan(i, 1)).ok());
}

// Damages the fourth record of the golden log and salvages it.
void write_salvaged_golden(io::FileSystem& fs, const std::string& folder) {
  write_golden(fs, folder);
  const std::string path = folder + "/" + segment_name(2);
  {
    auto file = fs.open(path, io::OpenMode::read_write);
    ASSERT_TRUE(file.ok());
    std::string content;
    ASSERT_TRUE((*file)->read_at(0, 1024, content).ok());
    const size_t at = content.find("record 8");
    ASSERT_NE(at, std::string::npos);
    ASSERT_TRUE((*file)->write_at(at, as_bytes("R")).ok());
  }
  WalOptions options = golden_options(folder);
  options.salvage = true;
  const ManualClock clock;
  ASSERT_TRUE(open_log(fs, clock, options, 4).status.ok());
  ASSERT_TRUE(fs.remove(path + ".damaged").ok());
}

// Run by hand, once a format version: node_wal_test --gtest_also_run_disabled_tests
// --gtest_filter='*WriteGolden'
TEST(WalFormat, DISABLED_WriteGolden) {
  io::PosixFileSystem fs;
  write_golden(fs, kGolden + "plain");
  write_salvaged_golden(fs, kGolden + "salvaged");
}

// A golden folder has to give these records and take more.
void read_golden(const std::string& folder, const std::vector<Record>& records) {
  io::PosixFileSystem disk;
  tests::fakes::FaultyFileSystem fs(1);
  const Result<std::vector<std::string>> names = disk.list(folder);
  ASSERT_TRUE(names.ok()) << names.status().to_string();
  for (const std::string& name : names.value()) {
    fs.set_content("log/" + name, *io::read_file(disk, folder + "/" + name, 1 << 20));
  }
  const ManualClock clock;
  OpenLog log = open_log(fs, clock, golden_options("log"), 4);
  ASSERT_TRUE(log.status.ok()) << log.status.to_string();
  EXPECT_EQ(log.records, records);
  EXPECT_EQ(log.report.torn_bytes, 0U);
  ASSERT_TRUE(append_records(*log.wal, 2).ok());
  EXPECT_EQ(open_log(fs, clock, golden_options("log"), 4).records.size(), records.size() + 2);
}

TEST(WalFormat, TheGoldenFoldersOfVersion1AreReadForEver) {
  std::vector<Record> records = golden_records();
  read_golden(kGolden + "plain", records);
  records.erase(records.begin() + 3);  // record 8
  read_golden(kGolden + "salvaged", records);
}

TEST(WalInspect, TellsWhatIsInALogAndWhetherItWouldStart) {
  tests::fakes::FaultyFileSystem fs(1);
  write_golden(fs, "log");
  const uint64_t operations = fs.operations();
  Result<LogReport> report = verify_log(fs, "log", 4);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_TRUE(report->verdict.ok()) << report->verdict.to_string();
  EXPECT_EQ(report->records, 9U);
  EXPECT_EQ(report->last_sequence, 13U);
  ASSERT_GE(report->segments.size(), 3U);
  EXPECT_TRUE(report->segments.front().closed);
  EXPECT_EQ(report->segments.front().first_sequence, 5U);
  EXPECT_EQ(report->segments.back().next_sequence, 14U);
  EXPECT_TRUE(report->segments.back().acknowledged);
  EXPECT_EQ(verify_log(fs, "log", 0)->verdict.code(), StatusCode::data_loss);  // 1 to 4 were released

  std::vector<Record> seen;
  const auto collect = [&seen](const std::string& file, uint64_t offset, Sequence sequence, Bytes payload) {
    EXPECT_TRUE(file.starts_with("log/wal-"));
    EXPECT_GE(offset, kSegmentHeaderBytes);
    seen.push_back({sequence, std::string(as_text(payload))});
    return Status();
  };
  ASSERT_TRUE(dump_log(fs, "log", collect).ok());
  EXPECT_EQ(seen, golden_records());

  const std::string first = report->segments.front().file;
  std::string content = fs.content(first);
  content[kSegmentHeaderBytes + 1] ^= 1;
  fs.set_content(first, content);
  report = verify_log(fs, "log", 4);
  EXPECT_EQ(report->verdict.code(), StatusCode::data_loss);
  EXPECT_EQ(report->segments.front().records, 0U);
  content[1] ^= 1;
  fs.set_content(first, content);
  report = verify_log(fs, "log", 4);
  EXPECT_EQ(report->segments.front().header.code(), StatusCode::data_loss);
  ASSERT_TRUE(dump_log(fs, "log", collect).ok());
  EXPECT_EQ(fs.operations(), operations);  // nothing was written
}

}  // namespace
}  // namespace ferro::node::wal
