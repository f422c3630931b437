// Snapshot files: a checksummed stream of typed records, complete or absent. Format:
// docs/formats/snapshot.md.
//
// Written beside traffic by one background thread: temp name -> fdatasync -> rename -> manifest last
// (atomically), so a crash at any moment leaves the previous set in force. This module knows nothing of
// entries; the engine writes and reads the records. One thread at a time; a writer does not outlive its set.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/io/file_system.h"

namespace ferro::node::snapshot {

struct SnapshotInfo {
  uint64_t number = 0;        // rises by one
  uint64_t wal_sequence = 0;  // replay the log after this
  int64_t created_at_ms = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;
  std::string file;  // name in the folder
};

class SnapshotWriter {
 public:
  virtual ~SnapshotWriter() = default;                  // not finished: the temp file is removed
  virtual Status add(uint8_t type, Bytes payload) = 0;  // buffered; payload up to 1 GiB
  // Makes it durable, reads it back and, as the last step, names it in the manifest.
  virtual Result<SnapshotInfo> finish() = 0;
};

struct SnapshotOptions {
  std::string folder;
  size_t retention = 2;  // snapshots kept; at least the newest two always verify before older log is released
};

class SnapshotSet {
 public:
  using Visit = std::function<Status(uint8_t type, Bytes payload)>;

  // Reads the manifest and removes leftovers of unfinished snapshots. An unreadable manifest is data_loss
  // unless `salvage`, which looks at the files themselves.
  static Result<std::unique_ptr<SnapshotSet>> open(io::FileSystem& fs, SnapshotOptions options, bool salvage);
  virtual ~SnapshotSet() = default;

  // Oldest first.
  virtual std::vector<SnapshotInfo> list() const = 0;
  // One at a time.
  virtual Result<std::unique_ptr<SnapshotWriter>> begin(uint64_t wal_sequence, int64_t created_at_ms) = 0;
  // Visits every record; data_loss naming file and offset if anything fails to verify (visited records may by
  // then have been handed out: the caller discards). The trailer's record count and checksum are checked too.
  virtual Status read(const SnapshotInfo& info, const Visit& visit) = 0;
  // Reads everything and discards it.
  virtual Status verify(const SnapshotInfo& info) = 0;
  // Removes snapshots beyond the retention and, once enough newer ones verify, those that do not verify.
  // Returns up to which sequence no kept snapshot needs the log; 0 before two snapshots have verified.
  virtual Result<uint64_t> prune() = 0;
};

}  // namespace ferro::node::snapshot
