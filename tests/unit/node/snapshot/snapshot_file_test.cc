// One snapshot file: what was written comes back, and whatever happened to it since is noticed.
#include <gmock/gmock.h>

#include "common/io/crc32c.h"
#include "node/snapshot/format.h"
#include "tests/unit/node/snapshot/snapshot_fixture.h"

namespace ferro::node::snapshot {
namespace {

using ::testing::HasSubstr;

const Records kSmall = {{1, "first"}, {1, "other"}, {2, ""}, {200, "optional"}};

TEST_F(SnapshotTest, WhatWasWrittenComesBackInOrder) {
  // Records smaller than, as large as and larger than the buffers of writer and reader.
  Records records = kSmall;
  for (const size_t size :
       {size_t{1}, size_t{1} << 20, (size_t{1} << 20) - 16, (size_t{5} << 20) + 7, size_t{3}}) {
    records.emplace_back(7, std::string(size, static_cast<char>('a' + size % 26)));
  }
  for (int i = 0; i < 20'000; ++i) records.emplace_back(3, "record " + std::to_string(i));
  auto set = open();
  const auto info = write_snapshot(*set, 42, records);
  ASSERT_TRUE(info.ok()) << info.status().to_string();
  EXPECT_EQ(info->number, 1U);
  EXPECT_EQ(info->wal_sequence, 42U);
  EXPECT_EQ(info->records, records.size());
  EXPECT_EQ(info->bytes, std::filesystem::file_size(path_of(info->file)));

  auto reopened = open();
  ASSERT_EQ(reopened->list().size(), 1U);
  const SnapshotInfo known = reopened->list().front();
  EXPECT_EQ(known.created_at_ms, info->created_at_ms);
  EXPECT_EQ(known.records, info->records);
  const auto read = read_snapshot(*reopened, known);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_TRUE(*read == records);
}

TEST_F(SnapshotTest, AnEmptySnapshotIsASnapshot) {
  auto set = open();
  const auto info = write_snapshot(*set, 0, {});
  ASSERT_TRUE(info.ok());
  EXPECT_TRUE(set->verify(*info).ok());
}

TEST_F(SnapshotTest, AVisitorsErrorEndsTheReading) {
  auto set = open();
  const auto info = write_snapshot(*set, 5, kSmall);
  int visited = 0;
  const Status status = set->read(*info, [&](uint8_t, Bytes) {
    return ++visited == 2 ? Status(StatusCode::failed_precondition, "enough") : Status();
  });
  EXPECT_EQ(status.code(), StatusCode::failed_precondition);
  EXPECT_EQ(visited, 2);
}

TEST_F(SnapshotTest, EveryFlippedBitIsNoticed) {
  auto set = open();
  const auto info = write_snapshot(*set, 5, kSmall);
  const std::string whole = read_all(path_of(info->file));
  for (size_t at = 0; at < whole.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      write_all(path_of(info->file), damaged);
      const Status status = set->verify(*info);
      ASSERT_EQ(status.code(), StatusCode::data_loss) << "byte " << at << " bit " << bit;
      ASSERT_THAT(status.message(), HasSubstr(info->file + " at offset ")) << "byte " << at << " bit " << bit;
    }
  }
}

TEST_F(SnapshotTest, EveryTruncationAndExtensionIsNoticed) {
  auto set = open();
  const auto info = write_snapshot(*set, 5, kSmall);
  const std::string whole = read_all(path_of(info->file));
  for (size_t size = 0; size < whole.size(); ++size) {
    write_all(path_of(info->file), whole.substr(0, size));
    ASSERT_EQ(set->verify(*info).code(), StatusCode::data_loss) << "cut to " << size;
  }
  write_all(path_of(info->file), whole + '\0');
  EXPECT_EQ(set->verify(*info).code(), StatusCode::data_loss);
  std::filesystem::remove(path_of(info->file));
  EXPECT_EQ(set->verify(*info).code(), StatusCode::data_loss);
  write_all(path_of(info->file), whole);
  EXPECT_TRUE(set->verify(*info).ok());
}

// Two whole records of one length in each other's place, or one twice, have fitting checksums of their own.
TEST_F(SnapshotTest, RecordsOutOfPlaceAreNoticed) {
  auto set = open();
  const auto info = write_snapshot(*set, 5, kSmall);
  const std::string whole = read_all(path_of(info->file));
  const size_t record = kRecordHeadBytes + 5;
  const std::string head = whole.substr(0, kHeaderBytes);
  const std::string first = whole.substr(kHeaderBytes, record);
  const std::string second = whole.substr(kHeaderBytes + record, record);
  const std::string rest = whole.substr(kHeaderBytes + 2 * record);
  for (const std::string& damaged : {head + second + first + rest, head + first + first + rest,
                                     head + first + rest, head + first + second + second + rest}) {
    write_all(path_of(info->file), damaged);
    EXPECT_EQ(set->verify(*info).code(), StatusCode::data_loss);
  }
}

TEST_F(SnapshotTest, ADamagedRecordIsNamedByItsOffset) {
  auto set = open();
  const auto info = write_snapshot(*set, 5, kSmall);
  std::string damaged = read_all(path_of(info->file));
  const size_t second = kHeaderBytes + kRecordHeadBytes + 5;
  damaged[second + kRecordHeadBytes] ^= 1;
  write_all(path_of(info->file), damaged);
  EXPECT_THAT(set->verify(*info).message(), HasSubstr("at offset " + std::to_string(second) + ":"));
}

TEST_F(SnapshotTest, AnotherSnapshotUnderTheNameIsNoticed) {
  auto set = open();
  const auto first = write_snapshot(*set, 5, kSmall);
  const auto second = write_snapshot(*set, 9, kSmall);
  write_all(path_of(second->file), read_all(path_of(first->file)));
  EXPECT_EQ(set->verify(*second).code(), StatusCode::data_loss);
}

TEST(SnapshotFormatTest, ALaterVersionIsToldApartFromDamage) {
  std::string header;
  encode_header({1, 2, 3}, header);
  ASSERT_EQ(header.size(), kHeaderBytes);
  ASSERT_TRUE(decode_header(as_bytes(header)).ok());
  header[8] = 9;
  EXPECT_EQ(decode_header(as_bytes(header)).status().code(), StatusCode::data_loss);
  header.resize(kHeaderBytes - 4);
  ByteWriter(header).u32(io::crc32c(as_bytes(header)));
  EXPECT_EQ(decode_header(as_bytes(header)).status().code(), StatusCode::failed_precondition);
}

TEST_F(SnapshotTest, APayloadOverTheLimitIsRefusedAndTheSnapshotStaysUsable) {
  auto set = open();
  auto writer = set->begin(1, 1);
  ASSERT_TRUE(writer.ok());
  const std::string one = "x";
  // Only the length counts before anything is read.
  const Bytes huge(as_bytes(one).data(), kPayloadBytesMax + 1);
  EXPECT_EQ((*writer)->add(1, huge).code(), StatusCode::too_large);
  EXPECT_TRUE((*writer)->add(1, as_bytes(one)).ok());
  EXPECT_TRUE((*writer)->finish().ok());
  EXPECT_EQ((*writer)->finish().status().code(), StatusCode::failed_precondition);
}

}  // namespace
}  // namespace ferro::node::snapshot
