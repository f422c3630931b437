// The set of snapshots: manifest, leftovers, retention, salvage.
#include <gmock/gmock.h>

#include "common/io/crc32c.h"
#include "node/snapshot/manifest.h"
#include "tests/unit/node/snapshot/snapshot_fixture.h"

namespace ferro::node::snapshot {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kManifest(kManifestName);

std::vector<uint64_t> numbers(const SnapshotSet& set) {
  std::vector<uint64_t> out;
  for (const SnapshotInfo& info : set.list()) out.push_back(info.number);
  return out;
}

TEST_F(SnapshotTest, NumbersRiseAndTheListIsOldestFirst) {
  auto set = open();
  for (const uint64_t sequence : {10U, 20U, 30U})
    ASSERT_TRUE(write_snapshot(*set, sequence, {{1, "a"}}).ok());
  EXPECT_THAT(numbers(*set), ElementsAre(1, 2, 3));
  EXPECT_THAT(numbers(*open()), ElementsAre(1, 2, 3));
}

TEST_F(SnapshotTest, AnUnfinishedSnapshotLeavesNothing) {
  auto set = open();
  {
    auto writer = set->begin(10, 1);
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->add(1, as_bytes("x")).ok());
    EXPECT_EQ(files().size(), 2U);
  }
  EXPECT_THAT(files(), ElementsAre(kManifest));
  EXPECT_TRUE(write_snapshot(*set, 10, {}).ok());
}

TEST_F(SnapshotTest, LeftoversGoWhenTheSetIsOpenedAndForeignFilesStay) {
  ASSERT_TRUE(write_snapshot(*open(), 10, {{1, "a"}}).ok());
  write_all(path_of(temp_file_name(2)), "half");
  write_all(path_of(snapshot_file_name(2)), "named, but not in the manifest");
  write_all(path_of("snapshot-notes.txt"), "a person's");
  EXPECT_THAT(numbers(*open()), ElementsAre(1));
  EXPECT_THAT(files(), ElementsAre(kManifest, snapshot_file_name(1), "snapshot-notes.txt"));
}

TEST_F(SnapshotTest, TheLogIsNotReleasedBeforeTwoSnapshotsVerify) {
  auto set = open(2);
  EXPECT_EQ(*set->prune(), 0U);
  ASSERT_TRUE(write_snapshot(*set, 10, {}).ok());
  EXPECT_EQ(*set->prune(), 0U);
  ASSERT_TRUE(write_snapshot(*set, 20, {}).ok());
  EXPECT_EQ(*set->prune(), 10U);
  ASSERT_TRUE(write_snapshot(*set, 30, {}).ok());
  EXPECT_EQ(*set->prune(), 20U);
  EXPECT_THAT(numbers(*set), ElementsAre(2, 3));
  EXPECT_THAT(files(), ElementsAre(kManifest, snapshot_file_name(2), snapshot_file_name(3)));
}

TEST_F(SnapshotTest, RetentionOfOneStillNeedsTwoThatVerify) {
  auto set = open(1);
  ASSERT_TRUE(write_snapshot(*set, 10, {}).ok());
  EXPECT_EQ(*set->prune(), 0U);
  ASSERT_TRUE(write_snapshot(*set, 20, {}).ok());
  EXPECT_EQ(*set->prune(), 20U);
  EXPECT_THAT(numbers(*open(1)), ElementsAre(2));
}

TEST_F(SnapshotTest, RetentionOfFiveKeepsFive) {
  auto set = open(5);
  for (uint64_t i = 1; i <= 7; ++i) ASSERT_TRUE(write_snapshot(*set, i * 10, {}).ok());
  EXPECT_EQ(*set->prune(), 30U);
  EXPECT_THAT(numbers(*set), ElementsAre(3, 4, 5, 6, 7));
}

TEST_F(SnapshotTest, ASnapshotThatHasGoneBadCountsForNothing) {
  for (const uint64_t sequence : {10U, 20U})
    ASSERT_TRUE(write_snapshot(*open(), sequence, {{1, "abc"}}).ok());
  std::string damaged = read_all(path_of(snapshot_file_name(2)));
  damaged[70] ^= 1;
  write_all(path_of(snapshot_file_name(2)), damaged);
  auto set = open();
  EXPECT_EQ(*set->prune(), 0U);
  ASSERT_TRUE(write_snapshot(*set, 30, {{1, "abc"}}).ok());
  EXPECT_EQ(*set->prune(), 10U);
  EXPECT_THAT(numbers(*set), ElementsAre(1, 3));
}

TEST_F(SnapshotTest, AnUnreadableManifestIsDataLossAndIsNotTouched) {
  ASSERT_TRUE(write_snapshot(*open(), 10, {{1, "a"}}).ok());
  const std::string whole = read_all(path_of(kManifest));
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] ^= 4;
    write_all(path_of(kManifest), damaged);
    ASSERT_EQ(open_status().code(), StatusCode::data_loss) << "byte " << at;
    ASSERT_EQ(files().size(), 2U);
  }
  write_all(path_of(kManifest), std::string(kManifestBytesMax + 1, 'x'));
  EXPECT_EQ(open_status().code(), StatusCode::data_loss);
  std::filesystem::remove(path_of(kManifest));
  const Status status = open_status();
  EXPECT_EQ(status.code(), StatusCode::data_loss);
  EXPECT_THAT(status.message(), HasSubstr(path_of(kManifest)));
  EXPECT_THAT(files(), ElementsAre(snapshot_file_name(1)));
}

TEST_F(SnapshotTest, SalvageFindsTheSnapshotsWithoutTheManifest) {
  for (const uint64_t sequence : {10U, 20U, 30U})
    ASSERT_TRUE(write_snapshot(*open(3), sequence, {{1, "abc"}}).ok());
  write_all(path_of(kManifest), "nonsense");
  std::string damaged = read_all(path_of(snapshot_file_name(2)));
  damaged[3] ^= 1;  // the header: this one cannot even be listed
  write_all(path_of(snapshot_file_name(2)), damaged);
  auto set = open(2, true);
  ASSERT_THAT(numbers(*set), ElementsAre(1, 3));
  const SnapshotInfo newest = set->list().back();
  EXPECT_EQ(newest.wal_sequence, 30U);
  const auto read = read_snapshot(*set, newest);
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_EQ(*read, (Records{{1, "abc"}}));
  // The manifest is whole again.
  EXPECT_THAT(numbers(*open()), ElementsAre(1, 3));
}

TEST_F(SnapshotTest, ManifestMadeBySalvageNamesTheFilesAsTheyAre) {
  for (const uint64_t sequence : {10U, 20U})
    ASSERT_TRUE(write_snapshot(*open(), sequence, {{1, "abc"}, {1, "de"}}).ok());
  const std::vector<SnapshotInfo> before = open()->list();
  std::filesystem::remove(path_of(kManifest));
  open(2, true);
  auto set = open();
  const std::vector<SnapshotInfo> after = set->list();
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].records, before[i].records);
    EXPECT_EQ(after[i].bytes, before[i].bytes);
    EXPECT_TRUE(set->verify(after[i]).ok());
  }
}

TEST(SnapshotManifestTest, RoundTripAndOrder) {
  const std::vector<SnapshotInfo> infos = {
      {3, 10, -5, 7, 900, snapshot_file_name(3)},
      {UINT64_MAX, UINT64_MAX, INT64_MAX, 0, 1, snapshot_file_name(UINT64_MAX)}};
  const auto decoded = decode_manifest(encode_manifest(infos));
  ASSERT_TRUE(decoded.ok()) << decoded.status().to_string();
  ASSERT_EQ(decoded->size(), 2U);
  EXPECT_EQ((*decoded)[1].wal_sequence, UINT64_MAX);
  EXPECT_EQ((*decoded)[0].created_at_ms, -5);
  EXPECT_EQ(decode_manifest(encode_manifest({infos[1], infos[0]})).status().code(), StatusCode::data_loss);
}

std::string with_checksum(const std::string& body) {
  char line[32];
  std::snprintf(line, sizeof line, "crc32c %08x\n", io::crc32c(as_bytes(body)));
  return body + line;
}

TEST(SnapshotManifestTest, LinesThatAreNotSnapshotsAreRefused) {
  const std::string name = snapshot_file_name(1);
  EXPECT_TRUE(decode_manifest(with_checksum("ferrocache snapshots 1\n1 2 3 4 5 " + name + "\n")).ok());
  for (const std::string& line :
       {"1 2 3 4 " + name, "1 2 3 4 5 ../" + name, "2 2 3 4 5 " + name, "1 2 3 x 5 " + name,
        "1  2 3 4 5 " + name, "-1 2 3 4 5 " + name, std::string()}) {
    const auto decoded = decode_manifest(with_checksum("ferrocache snapshots 1\n" + line + "\n"));
    EXPECT_EQ(decoded.status().code(), StatusCode::data_loss) << line;
  }
  EXPECT_EQ(decode_manifest(with_checksum("ferrocache snapshots 2\n")).status().code(),
            StatusCode::failed_precondition);
  EXPECT_EQ(decode_manifest(with_checksum("another file\n")).status().code(), StatusCode::data_loss);
}

}  // namespace
}  // namespace ferro::node::snapshot
