// Snapshots on a disk that fails: whatever the moment, the set in force afterwards is whole, and it is the
// old or the new one.
#include <gtest/gtest.h>

#include "node/snapshot/manifest.h"
#include "tests/fakes/faulty_file_system.h"
#include "tests/unit/node/snapshot/snapshot_fixture.h"

namespace ferro::node::snapshot {
namespace {

using tests::fakes::FaultyFileSystem;

const std::string kFolder = "/data";

Records records_of(uint64_t wal_sequence) {
  Records records;
  for (int i = 0; i < 40; ++i) {
    records.emplace_back(1,
                         std::to_string(wal_sequence) + " " + std::string(static_cast<size_t>(i) * 37, 'x'));
  }
  return records;
}

// What the engine relies on, step by step; stops at the first failure.
struct Progress {
  uint64_t finished = 0;  // newest sequence whose snapshot was acknowledged
  uint64_t released = 0;  // the log up to here was let go
};

Progress run_workload(io::FileSystem& fs) {
  Progress progress;
  auto set = SnapshotSet::open(fs, {kFolder, 2}, false);
  if (!set.ok()) return progress;
  for (uint64_t sequence = 10; sequence <= 50; sequence += 10) {
    if (!write_snapshot(**set, sequence, records_of(sequence)).ok()) return progress;
    progress.finished = sequence;
    const auto released = (*set)->prune();
    if (!released.ok()) return progress;
    progress.released = *released;
  }
  return progress;
}

void expect_whole(io::FileSystem& fs, const Progress& before) {
  auto set = SnapshotSet::open(fs, {kFolder, 2}, false);
  ASSERT_TRUE(set.ok()) << set.status().to_string();
  const auto infos = (*set)->list();
  uint64_t newest = 0;
  for (const SnapshotInfo& info : infos) {
    const auto records = read_snapshot(**set, info);
    ASSERT_TRUE(records.ok()) << records.status().to_string();
    EXPECT_TRUE(*records == records_of(info.wal_sequence));
    newest = info.wal_sequence;
  }
  EXPECT_GE(newest, before.finished);
  // The log starts behind the released part: every snapshot kept must be usable with it.
  if (before.released > 0) {
    ASSERT_FALSE(infos.empty());
    EXPECT_GE(infos.front().wal_sequence, before.released);
  }
  const std::vector<std::string> files = *fs.list(kFolder);
  for (const std::string& file : files) {
    if (!is_snapshot_or_temp_file(file)) continue;
    EXPECT_TRUE(
        std::any_of(infos.begin(), infos.end(), [&](const SnapshotInfo& info) { return info.file == file; }))
        << file << " was left behind";
  }
  EXPECT_TRUE(write_snapshot(**set, 60, records_of(60)).ok());
  EXPECT_TRUE((*set)->prune().ok());
}

uint64_t operations_of_workload() {
  FaultyFileSystem fs(1);
  EXPECT_TRUE(fs.create_directories(kFolder).ok());
  EXPECT_EQ(run_workload(fs).finished, 50U);
  return fs.operations();
}

TEST(SnapshotCrashTest, APowerCutAtEveryOperationLeavesAWholeSet) {
  const uint64_t operations = operations_of_workload();
  ASSERT_GT(operations, 50U);
  for (uint64_t cut = 1; cut <= operations; ++cut) {
    for (uint64_t seed = 1; seed <= 6; ++seed) {
      SCOPED_TRACE("cut at " + std::to_string(cut) + ", seed " + std::to_string(seed));
      FaultyFileSystem fs(seed);
      ASSERT_TRUE(fs.create_directories(kFolder).ok());
      fs.crash_at(cut);
      const Progress before = run_workload(fs);
      const auto after = seed % 2 == 0 ? fs.after_kill(seed) : fs.after_power_cut(seed);
      ASSERT_TRUE(after->create_directories(kFolder).ok());
      expect_whole(*after, before);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(SnapshotCrashTest, EveryFailedWriteOrSyncIsReportedAndLeavesTheOldSet) {
  for (const bool sync : {false, true}) {
    for (uint64_t nth = 1; nth <= 40; ++nth) {
      SCOPED_TRACE(std::string(sync ? "sync " : "write ") + std::to_string(nth));
      FaultyFileSystem fs(nth);
      ASSERT_TRUE(fs.create_directories(kFolder).ok());
      sync ? fs.fail_sync(nth) : fs.fail_write(nth);
      const Progress before = run_workload(fs);
      fs.fail_sync(0);
      fs.fail_write(0);
      expect_whole(fs, before);
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(SnapshotCrashTest, AFullDiskCostsTheNewSnapshotAndNothingElse) {
  FaultyFileSystem fs(7);
  ASSERT_TRUE(fs.create_directories(kFolder).ok());
  auto set = std::move(*SnapshotSet::open(fs, {kFolder, 2}, false));
  ASSERT_TRUE(write_snapshot(*set, 10, records_of(10)).ok());
  const std::vector<std::string> files = *fs.list(kFolder);
  const uint64_t used = set->list().front().bytes;
  for (uint64_t room = 0; room < used + 1000; room += 333) {
    fs.set_capacity(used + 200 + room);  // 200: the manifest
    const auto failed = write_snapshot(*set, 20, records_of(20));
    if (failed.ok()) return;  // room for two
    EXPECT_EQ(failed.status().code(), StatusCode::no_space);
    std::vector<std::string> left = *fs.list(kFolder);
    std::erase_if(left, [](const std::string& name) { return !is_snapshot_or_temp_file(name); });
    EXPECT_EQ(left, std::vector<std::string>{snapshot_file_name(1)}) << "room " << room;
    EXPECT_TRUE(set->verify(set->list().front()).ok());
  }
  fs.set_capacity(1U << 20);
  EXPECT_TRUE(write_snapshot(*set, 20, records_of(20)).ok());
}

}  // namespace
}  // namespace ferro::node::snapshot
