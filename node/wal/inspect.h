// The log read offline, for people and tools: what is in it, and whether a start would accept it. Never
// writes; safe beside a stopped node only, for a running one moves its tail while this reads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/io/file_system.h"
#include "node/wal/wal.h"

namespace ferro::node::wal {

struct SegmentReport {
  std::string file;
  uint64_t number = 0;
  uint64_t file_bytes = 0;
  Status header;                // why there are no further figures, if not ok
  Sequence first_sequence = 0;  // of its first record, there or still to come
  Sequence next_sequence = 0;   // behind its last readable record
  uint64_t records = 0;
  uint64_t used_bytes = 0;    // up to the tail
  bool acknowledged = false;  // the end is proved to be the end
  bool closed = false;
  bool recycled = false;
  bool salvaged = false;
};

struct LogReport {
  std::vector<SegmentReport> segments;  // ascending
  uint64_t free_files = 0;
  uint64_t records = 0;  // that a start would replay
  Sequence last_sequence = 0;
  uint64_t torn_bytes = 0;  // that a start would cut off
  Status verdict;           // what a start with a snapshot up to `after` would answer
};

// `after`: the newest snapshot's sequence, 0 for none. Fails only if the folder or a file cannot be read.
Result<LogReport> verify_log(io::FileSystem& fs, const std::string& folder, Sequence after);

// Visits every record that verifies, in the order of the files, until `visit` returns an error. Stops in each
// segment at its tail; says nothing of damage: that is verify_log's.
using VisitRecord = std::function<Status(const std::string& file, uint64_t offset, Sequence, Bytes payload)>;
Status dump_log(io::FileSystem& fs, const std::string& folder, const VisitRecord& visit);

}  // namespace ferro::node::wal
