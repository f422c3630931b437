#include "node/wal/recovery.h"

#include <memory>
#include <optional>
#include <utility>

#include "node/wal/log_files.h"
#include "node/wal/segment_file.h"

namespace ferro::node::wal {
namespace {

std::string missing(Sequence first, Sequence last) {
  return first == last ? "record " + std::to_string(first) + " is missing"
                       : "records " + std::to_string(first) + " to " + std::to_string(last) + " are missing";
}

// Reads the segments of one folder in turn. Lives for one call of recover_log.
class Recovery {
 public:
  Recovery(io::FileSystem& fs, const std::string& folder, Sequence after, const Wal::Replay& replay,
           RecoveryReport& report)
      : fs_(fs), folder_(folder), after_(after), replay_(replay), report_(report) {}

  Result<RecoveredLog> run(const std::vector<uint64_t>& numbers) {
    FERRO_ASSIGN_OR_RETURN(files_, open_log_files(fs_, folder_, numbers));
    report_.torn_bytes += files_.cut_bytes;
    for (size_t i = 0; i < files_.segments.size(); ++i) {
      if (const std::optional<Sequence> next = files_.covered(i, after_)) {
        skip(files_.segments[i], *next);
      } else {
        FERRO_RETURN_IF_ERROR(read_segment(i));
      }
    }
    if (!numbers.empty()) log_.next_number = files_.cut_number.value_or(numbers.back() + 1);
    report_.last_sequence = log_.next - 1;
    return std::move(log_);
  }

 private:
  void skip(const SegmentFile& file, Sequence next) {
    const Sequence first = file.header.ok() ? file.header->first_sequence : next;
    log_.segments.push_back({file.number, first, file.file_bytes, file.file_bytes});
    log_.next = next;
  }

  Status read_segment(size_t i) {
    const SegmentFile& file = files_.segments[i];
    if (!file.header.ok()) return file.header.status();
    FERRO_RETURN_IF_ERROR(check_start(file));
    FERRO_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(fs_, folder_, file.number));
    FERRO_ASSIGN_OR_RETURN(
        const SegmentScan scan,
        scan_segment(reader, *file.header, [this](const Frame& frame) { return replay_one(frame); }));
    log_.segments.push_back(
        {file.number, file.header->first_sequence, file.file_bytes, scan.tail - kSegmentHeaderBytes});
    log_.next = scan.next;
    return files_.newest(i) ? read_end_of_log(reader, *file.header, scan) : check_end(i, scan);
  }

  Status check_start(const SegmentFile& file) const {
    const Sequence first = file.header->first_sequence;
    const Sequence expected = log_.segments.empty() ? after_ + 1 : log_.next;
    if (first > expected) {
      return damaged(file.path, 0,
                     "the segment begins with record " + std::to_string(first) + ", but " +
                         missing(expected, first - 1) + " (a segment file before it is gone)");
    }
    if (!log_.segments.empty() && first < expected) {
      return damaged(file.path, 0,
                     "the segment begins with record " + std::to_string(first) +
                         ", which stands in an earlier segment, too");
    }
    return {};
  }

  // A closed segment has to reach to the next one's first record.
  Status check_end(size_t i, const SegmentScan& scan) const {
    // Without a next header, or with records beyond it, the next segment is refused when its turn comes; and
    // an acknowledged end that does not reach it means that a file between the two is gone: the same.
    const std::optional<Sequence> next_first = files_.next_first(i);
    if (!next_first || scan.next >= *next_first || scan.acknowledged) return {};
    return damaged(files_.segments[i].path, scan.tail,
                   "record " + std::to_string(scan.next) + " is damaged: " + scan.stopped_by +
                       ", and a later segment goes on with record " + std::to_string(*next_first));
  }

  Status read_end_of_log(SegmentReader& reader, const SegmentHeader& header, const SegmentScan& scan) {
    FERRO_ASSIGN_OR_RETURN(const Remainder remainder, examine_remainder(reader, header, scan));
    if (remainder.proof) {
      return damaged(reader.path(), scan.tail,
                     "record " + std::to_string(scan.next) + " is damaged: " + scan.stopped_by +
                         ", but what was written after it is there, at offset " +
                         std::to_string(remainder.proof->offset));
    }
    if (scan.continued && !files_.cut_number) {
      return damaged(
          folder_ + "/" + segment_name(header.number + 1), 0,
          "the segment is gone: the one before it was closed when this one existed, so records from " +
              std::to_string(scan.next) + " on are missing");
    }
    report_.torn_bytes += remainder.torn_bytes;
    if (scan.continued) return {};  // closed; the segment that was cut inside its header is made again
    log_.has_tail = true;
    log_.header = header;
    log_.scan = scan;
    log_.tail_clean = scan.acknowledged && !remainder.own_frames;
    return {};
  }

  Status replay_one(const Frame& frame) {
    if (frame.header.sequence <= after_) return {};
    ++report_.records;
    const Status status = replay_(frame.header.sequence, frame.payload);
    return status.ok() ? status : status.with_context("record " + std::to_string(frame.header.sequence));
  }

  io::FileSystem& fs_;
  const std::string& folder_;
  const Sequence after_;
  const Wal::Replay& replay_;
  RecoveryReport& report_;
  LogFiles files_;
  RecoveredLog log_;
};

}  // namespace

Result<RecoveredLog> recover_log(io::FileSystem& fs, const std::string& folder,
                                 const std::vector<uint64_t>& segments, Sequence after,
                                 const Wal::Replay& replay, RecoveryReport& report) {
  return Recovery(fs, folder, after, replay, report).run(segments);
}

Status repair_tail(io::FileSystem& fs, const std::string& folder, const RecoveredLog& log, bool sync) {
  const std::string path = folder + "/" + segment_name(log.header.number);
  FERRO_ASSIGN_OR_RETURN(const std::unique_ptr<io::File> file, fs.open(path, io::OpenMode::read_write));
  FERRO_ASSIGN_OR_RETURN(const uint64_t file_bytes, file->size());
  if (!log.tail_clean) {
    // Nobody knows whether the last append was synced, and a failed sync may have left its pages in memory,
    // marked clean: write it again, so that the sync below counts for it.
    FERRO_RETURN_IF_ERROR(write_again(*file, log.scan.last_batch_offset, log.scan.tail));
    // And nothing of an unfinished append may stand where a later tail could come to lie before it.
    FERRO_RETURN_IF_ERROR(write_zeros(*file, log.scan.tail, file_bytes));
  }
  // Also when the tail is clean: a process that died left what it wrote to the kernel, not to the disk.
  return sync ? file->sync_data() : Status();
}

}  // namespace ferro::node::wal
