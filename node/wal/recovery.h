// Reads a whole log folder strictly and says where writing goes on. Rules: docs/formats/wal.md, "Recovery".
//
// `recover_log` only reads: a refused start changes nothing. `repair_tail` then makes what was read durable
// and what was cut off unreadable. Called once, by Wal::open, on its thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/wal/segment_scan.h"
#include "node/wal/wal.h"

namespace ferro::node::wal {

struct SegmentInfo {
  uint64_t number = 0;
  Sequence first_sequence = 0;
  uint64_t file_bytes = 0;
  uint64_t live_bytes = 0;  // frames; for a segment that was not read, its size
};

struct RecoveredLog {
  std::vector<SegmentInfo> segments;  // ascending
  Sequence next = 1;                  // of the next record
  uint64_t next_number = 1;           // of the next segment
  // The newest segment, if there is one to go on with.
  bool has_tail = false;
  SegmentHeader header;
  SegmentScan scan;
  bool tail_clean = false;  // acknowledged, with nothing of ours behind it
};

// Replays every record with a sequence > `after`. `segments` ascending, as list_folder gives them.
Result<RecoveredLog> recover_log(io::FileSystem& fs, const std::string& folder,
                                 const std::vector<uint64_t>& segments, Sequence after,
                                 const Wal::Replay& replay, RecoveryReport& report);

// Writes and syncs the newest segment's tail so that appending may go on there.
Status repair_tail(io::FileSystem& fs, const std::string& folder, const RecoveredLog& log, bool sync);

}  // namespace ferro::node::wal
