#include "node/wal/segment_scan.h"

#include <algorithm>

namespace ferro::node::wal {
namespace {

// One step of the scan: takes the frame in, or says (in stopped_by) why it ends the records.
Status take_frame(const Frame& frame, const VisitFrame& visit, Sequence& batch, SegmentScan& scan) {
  const FrameHeader& header = frame.header;
  switch (header.type) {
    case FrameType::record:
      if (header.sequence != scan.next || header.sequence > kSequenceMax) {
        scan.stopped_by = "record " + std::to_string(header.sequence) + " stands here";
        return {};
      }
      if (visit) FERRO_RETURN_IF_ERROR(visit(frame));
      if (scan.records == 0 || header.batch_first != batch) scan.last_batch_offset = frame.offset;
      batch = header.batch_first;
      ++scan.records;
      scan.next = header.sequence + 1;
      break;
    case FrameType::gap:
      if (header.sequence <= scan.next || header.sequence > kSequenceMax) {
        scan.stopped_by = "a gap up to record " + std::to_string(header.sequence) + " stands here";
        return {};
      }
      scan.next = header.sequence;
      scan.last_batch_offset = frame.end();
      break;
    case FrameType::acknowledged:
    case FrameType::continued:
      scan.stopped_by = "the records end here";
      if (header.sequence + 1 == scan.next) {
        scan.acknowledged = true;
        scan.continued = header.type == FrameType::continued;
      }
      return {};
  }
  scan.tail = frame.end();
  return {};
}

bool is_known(FrameType type) noexcept {
  return type >= FrameType::record && type <= FrameType::gap;
}

}  // namespace

Result<SegmentScan> scan_segment(SegmentReader& reader, const SegmentHeader& header,
                                 const VisitFrame& visit) {
  SegmentScan scan;
  scan.next = header.first_sequence;
  Sequence batch = 0;
  while (scan.stopped_by.empty()) {
    Frame frame;
    FERRO_ASSIGN_OR_RETURN(const SegmentReader::Found found,
                           reader.read(scan.tail, header.incarnation, frame));
    if (found == SegmentReader::Found::no_header) {
      scan.stopped_by = "no frame verifies";
    } else if (frame.header.flags != 0 || (!is_known(frame.header.type) &&
                                           static_cast<uint8_t>(frame.header.type) < kFirstSkippableType)) {
      return Status(StatusCode::failed_precondition,
                    reader.path() + " at offset " + std::to_string(scan.tail) +
                        ": a frame of a later format: start the program version that wrote it");
    } else if (found == SegmentReader::Found::damaged_payload) {
      scan.stopped_by = "the payload does not verify";
    } else if (!is_known(frame.header.type)) {
      scan.tail = frame.end();
    } else {
      FERRO_RETURN_IF_ERROR(take_frame(frame, visit, batch, scan));
    }
  }
  if (scan.records == 0) scan.last_batch_offset = scan.tail;
  return scan;
}

Result<Remainder> examine_remainder(SegmentReader& reader, const SegmentHeader& header,
                                    const SegmentScan& scan) {
  Remainder remainder;
  uint64_t end = scan.tail;
  uint64_t from = scan.tail + (scan.acknowledged ? kFrameHeaderBytes : 0);
  while (true) {
    FERRO_ASSIGN_OR_RETURN(const std::optional<Frame> found, reader.find_header(from, header.incarnation));
    if (!found) break;
    const FrameHeader& frame = found->header;
    // One append is synced before the next is written. So a record of a later append proves the one missing
    // here, and so do the frames that are written after a sync. Records of the same append prove nothing: it
    // may be torn.
    const bool proves =
        frame.type == FrameType::record ? frame.batch_first > scan.next : frame.sequence >= scan.next;
    if (proves) {
      remainder.proof = *found;
      return remainder;
    }
    remainder.own_frames = true;
    end = std::max(end, std::min(found->end(), reader.file_bytes()));
    from = found->offset + 1;
  }
  if (!scan.acknowledged && !remainder.own_frames && !header.recycled) {
    FERRO_ASSIGN_OR_RETURN(end, reader.data_end(scan.tail));
  }
  remainder.torn_bytes = end - scan.tail;
  return remainder;
}

}  // namespace ferro::node::wal
