// Files of every released format stay readable, and version 1 is written to the byte as
// docs/formats/snapshot.md says.
#include "node/snapshot/manifest.h"
#include "tests/unit/node/snapshot/snapshot_fixture.h"

namespace ferro::node::snapshot {
namespace {

const std::string kFolder = "tests/golden/snapshot/v1/";
const std::string kOperations = "tests/golden/operation/v1/";

std::string golden(const std::string& path) {
  std::string bytes = read_all(path);
  EXPECT_FALSE(bytes.empty()) << path << ": run the test from the top of the sources";
  return bytes;
}

Records golden_records() {
  std::string clock;
  ByteWriter(clock).u64((uint64_t{1'700'000'000'123} << 16) | 5);
  ByteWriter(clock).u32(77);
  std::string graph;
  for (const char* part : {"name::3", "tenant", ""}) ByteWriter(graph).text(part);
  for (char byte = 0; byte < 32; ++byte) graph.push_back(byte);
  return {{3, clock},
          {1, golden(kOperations + "put_full.bin")},
          {1, golden(kOperations + "put_minimal.bin")},
          {2, graph},
          {200, "a later program's"}};
}

TEST_F(SnapshotTest, Version1IsReadAndWrittenToTheByte) {
  const std::string name = snapshot_file_name(7);
  write_all(path_of(std::string(kManifestName)), golden(kFolder + std::string(kManifestName)));
  write_all(path_of(name), golden(kFolder + name));
  auto set = open();
  ASSERT_EQ(set->list().size(), 1U);
  const SnapshotInfo info = set->list().front();
  EXPECT_EQ(info.wal_sequence, 120034U);
  EXPECT_EQ(info.created_at_ms, 1'700'000'000'123);
  const auto records = read_snapshot(*set, info);
  ASSERT_TRUE(records.ok()) << records.status().to_string();
  EXPECT_EQ(*records, golden_records());

  // Numbers cannot be chosen: the same content as number 7, behind six others.
  TempFolder other;
  auto fresh = std::move(*SnapshotSet::open(fs_, {other.path(), 9}, false));
  for (uint64_t i = 1; i < 7; ++i) ASSERT_TRUE(write_snapshot(*fresh, i, {}).ok());
  auto writer = std::move(*fresh->begin(info.wal_sequence, info.created_at_ms));
  for (const auto& [type, payload] : golden_records()) ASSERT_TRUE(writer->add(type, as_bytes(payload)).ok());
  ASSERT_TRUE(writer->finish().ok());
  EXPECT_TRUE(read_all(other.path() + "/" + name) == golden(kFolder + name));
  EXPECT_EQ(encode_manifest({info}), golden(kFolder + std::string(kManifestName)));
}

}  // namespace
}  // namespace ferro::node::snapshot
