#include "node/wal/inspect.h"

#include <utility>

#include "node/wal/log_files.h"
#include "node/wal/recovery.h"
#include "node/wal/segment_scan.h"

namespace ferro::node::wal {
namespace {

Result<SegmentReport> report_segment(io::FileSystem& fs, const std::string& folder, const SegmentFile& file) {
  SegmentReport report;
  report.file = file.path;
  report.number = file.number;
  report.file_bytes = file.file_bytes;
  report.header = file.header.status();
  if (!file.header.ok()) return report;
  report.first_sequence = file.header->first_sequence;
  report.recycled = file.header->recycled;
  report.salvaged = file.header->salvaged;
  FERRO_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(fs, folder, file.number));
  FERRO_ASSIGN_OR_RETURN(const SegmentScan scan, scan_segment(reader, *file.header, nullptr));
  report.next_sequence = scan.next;
  report.records = scan.records;
  report.used_bytes = scan.tail;
  report.acknowledged = scan.acknowledged;
  report.closed = scan.continued;
  return report;
}

}  // namespace

Result<LogReport> verify_log(io::FileSystem& fs, const std::string& folder, Sequence after) {
  FERRO_ASSIGN_OR_RETURN(const FolderListing listing, list_folder(fs, folder));
  FERRO_ASSIGN_OR_RETURN(const LogFiles files, open_log_files(fs, folder, listing.segments));
  LogReport report;
  report.free_files = listing.free.size();
  for (const SegmentFile& file : files.segments) {
    FERRO_ASSIGN_OR_RETURN(SegmentReport segment, report_segment(fs, folder, file));
    report.segments.push_back(std::move(segment));
  }
  RecoveryReport recovery;
  const auto read_only = [](Sequence, Bytes) { return Status(); };
  report.verdict = recover_log(fs, folder, listing.segments, after, read_only, recovery).status();
  report.records = recovery.records;
  report.last_sequence = recovery.last_sequence;
  report.torn_bytes = recovery.torn_bytes;
  return report;
}

Status dump_log(io::FileSystem& fs, const std::string& folder, const VisitRecord& visit) {
  FERRO_ASSIGN_OR_RETURN(const FolderListing listing, list_folder(fs, folder));
  FERRO_ASSIGN_OR_RETURN(const LogFiles files, open_log_files(fs, folder, listing.segments));
  for (const SegmentFile& file : files.segments) {
    if (!file.header.ok()) continue;
    FERRO_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(fs, folder, file.number));
    const auto visit_frame = [&](const Frame& frame) {
      return visit(file.path, frame.offset, frame.header.sequence, frame.payload);
    };
    const Result<SegmentScan> scan = scan_segment(reader, *file.header, visit_frame);
    if (!scan.ok()) return scan.status();
  }
  return {};
}

}  // namespace ferro::node::wal
