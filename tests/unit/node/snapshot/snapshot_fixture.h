// A folder of its own for each test and the records that the snapshot tests write.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "common/io/posix_file_system.h"
#include "node/snapshot/snapshot.h"
#include "tests/fakes/temp_folder.h"

namespace ferro::node::snapshot {

using Record = std::pair<uint8_t, std::string>;
using Records = std::vector<Record>;

using tests::fakes::TempFolder;

inline std::string read_all(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void write_all(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(content.data(), static_cast<std::streamsize>(content.size()));
}

inline Result<SnapshotInfo> write_snapshot(SnapshotSet& set, uint64_t wal_sequence, const Records& records) {
  FERRO_ASSIGN_OR_RETURN(auto writer,
                         set.begin(wal_sequence, 1'700'000'000'000 + static_cast<int64_t>(wal_sequence)));
  for (const auto& [type, payload] : records) FERRO_RETURN_IF_ERROR(writer->add(type, as_bytes(payload)));
  return writer->finish();
}

inline Result<Records> read_snapshot(SnapshotSet& set, const SnapshotInfo& info) {
  Records records;
  FERRO_RETURN_IF_ERROR(set.read(info, [&](uint8_t type, Bytes payload) {
    records.emplace_back(type, std::string(as_text(payload)));
    return Status();
  }));
  return records;
}

class SnapshotTest : public ::testing::Test {
 protected:
  std::unique_ptr<SnapshotSet> open(size_t retention = 2, bool salvage = false) {
    auto set = SnapshotSet::open(fs_, {folder_.path(), retention}, salvage);
    EXPECT_TRUE(set.ok()) << set.status().to_string();
    return set.ok() ? std::move(*set) : nullptr;
  }
  Status open_status(bool salvage = false) {
    return SnapshotSet::open(fs_, {folder_.path(), 2}, salvage).status();
  }
  std::string path_of(const std::string& name) const { return folder_.path() + "/" + name; }
  std::vector<std::string> files() { return *fs_.list(folder_.path()); }

  io::PosixFileSystem fs_;
  TempFolder folder_;
};

}  // namespace ferro::node::snapshot
