// What one segment says, read strictly from its start: its records in order, where they end, and what stands
// behind. Shared by recovery, salvage and the offline tools. Reads only. Rules: docs/formats/wal.md,
// "Recovery".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "node/wal/segment_reader.h"

namespace ferro::node::wal {

struct SegmentScan {
  uint64_t tail = kSegmentHeaderBytes;  // the first place that is not a record in sequence
  uint64_t last_batch_offset =
      kSegmentHeaderBytes;  // where the last append() begins; = tail if there is none
  Sequence next = 0;        // the sequence that a record at the tail would have
  uint64_t records = 0;
  bool acknowledged = false;  // a frame at the tail proves that all before it was synced
  bool continued = false;     // a frame at the tail proves that a next segment was made
  std::string stopped_by;     // why the tail is no record, for messages
};

using VisitFrame = std::function<Status(const Frame&)>;

// Visits each record; its status, if not ok, ends the scan. failed_precondition on frames of a later format.
Result<SegmentScan> scan_segment(SegmentReader& reader, const SegmentHeader& header, const VisitFrame& visit);

// What stands behind the tail of the newest segment.
struct Remainder {
  // A frame that was written only after the record missing at the tail had been synced: so that record is
  // damaged and not merely unfinished.
  std::optional<Frame> proof;
  bool own_frames = false;  // parts of an unfinished append
  uint64_t torn_bytes = 0;  // how many bytes such parts take, as far as can be told
};
Result<Remainder> examine_remainder(SegmentReader& reader, const SegmentHeader& header,
                                    const SegmentScan& scan);

}  // namespace ferro::node::wal
