#include "node/wal/salvage.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "node/wal/log_files.h"
#include "node/wal/salvage_rewrite.h"
#include "node/wal/segment_pool.h"
#include "node/wal/segment_scan.h"

namespace ferro::node::wal {
namespace {

std::string lost(Sequence first, Sequence end) {
  if (end <= first) return "these bytes are no record of the log";
  if (end == first + 1) return "record " + std::to_string(first) + " does not verify";
  return "records " + std::to_string(first) + " to " + std::to_string(end - 1) + " do not verify";
}

// How many payload bytes may be checksummed for a file. A damaged payload is searched for frames, in case the
// file has a hole; a file made on purpose could nest such frames, so beyond the budget they are stepped over
// and time stays linear.
uint64_t verify_budget_for(uint64_t file_bytes) {
  return 8 * file_bytes + (uint64_t{1} << 20);
}

// Takes what verifies from one damaged segment over into its replacement. Lives for one segment.
class SegmentSalvage {
 public:
  SegmentSalvage(SegmentReader& reader, uint64_t incarnation, std::optional<Sequence> next_first,
                 SegmentRewriter& rewriter, std::vector<Dropped>& dropped)
      : reader_(reader),
        incarnation_(incarnation),
        next_first_(next_first),
        rewriter_(rewriter),
        dropped_(dropped),
        verify_budget_(verify_budget_for(reader.file_bytes())) {}

  Status run() {
    uint64_t from = kSegmentHeaderBytes;
    while (true) {
      FERRO_ASSIGN_OR_RETURN(const std::optional<Frame> found, reader_.find_header(from, incarnation_));
      if (!found) break;
      own_end_ = std::max(own_end_, std::min(found->end(), reader_.file_bytes()));
      if (found->header.type == FrameType::record) own_last_ = std::max(own_last_, found->header.sequence);
      FERRO_ASSIGN_OR_RETURN(from, take(*found));
    }
    drop_until(own_end_, next_first_.value_or(own_last_ + 1));
    if (next_first_ && *next_first_ > rewriter_.next()) {
      if (!dropped_here_) add_dropped(good_end_, 0, lost(rewriter_.next(), *next_first_));
      FERRO_RETURN_IF_ERROR(rewriter_.add_gap(*next_first_));
    }
    return {};
  }

 private:
  // Returns where to look on.
  Result<uint64_t> take(const Frame& candidate) {
    Frame frame;
    if (verify_budget_ < candidate.header.payload_bytes) return candidate.end();  // see verify_budget_for
    verify_budget_ -= candidate.header.payload_bytes;
    FERRO_ASSIGN_OR_RETURN(const SegmentReader::Found found,
                           reader_.read(candidate.offset, incarnation_, frame));
    if (found != SegmentReader::Found::frame || frame.header.flags != 0) return candidate.offset + 1;
    const Sequence sequence = frame.header.sequence;
    const bool in_order = sequence >= rewriter_.next() && sequence < kSequenceMax;
    switch (frame.header.type) {
      case FrameType::record:
        if (!in_order || (next_first_ && sequence >= *next_first_)) return frame.end();
        drop_until(frame.offset, sequence);
        FERRO_RETURN_IF_ERROR(rewriter_.add_record(sequence, frame.payload));
        break;
      case FrameType::gap:
        if (!in_order) return frame.end();
        drop_until(frame.offset, sequence);
        FERRO_RETURN_IF_ERROR(rewriter_.add_gap(sequence));
        break;
      case FrameType::acknowledged:
      case FrameType::continued:
        // Up to here everything was there once.
        if (in_order) {
          drop_until(frame.offset, sequence + 1);
          FERRO_RETURN_IF_ERROR(rewriter_.add_gap(sequence + 1));
        }
        break;
    }
    good_end_ = frame.end();
    return good_end_;
  }

  // The bytes since the last good frame hold the records before `sequence`, or did.
  void drop_until(uint64_t end, Sequence sequence) {
    if (end > good_end_) add_dropped(good_end_, end - good_end_, lost(rewriter_.next(), sequence));
  }

  void add_dropped(uint64_t offset, uint64_t bytes, std::string reason) {
    dropped_.push_back({reader_.path(), offset, bytes, std::move(reason)});
    dropped_here_ = true;
  }

  SegmentReader& reader_;
  const uint64_t incarnation_;
  const std::optional<Sequence> next_first_;
  SegmentRewriter& rewriter_;
  std::vector<Dropped>& dropped_;
  uint64_t verify_budget_;
  uint64_t good_end_ = kSegmentHeaderBytes;
  uint64_t own_end_ = 0;
  Sequence own_last_ = 0;
  bool dropped_here_ = false;
};

class Salvage {
 public:
  Salvage(io::FileSystem& fs, const Clock& clock, const WalOptions& options, Sequence after)
      : fs_(fs), clock_(clock), options_(options), after_(after) {}

  Result<std::vector<Dropped>> run() {
    FERRO_ASSIGN_OR_RETURN(const FolderListing listing, list_folder(fs_, options_.folder));
    FERRO_ASSIGN_OR_RETURN(files_, open_log_files(fs_, options_.folder, listing.segments));
    for (size_t i = 0; i < files_.segments.size(); ++i) {
      if (const std::optional<Sequence> next = files_.covered(i, after_)) {
        next_ = *next;
        continue;
      }
      FERRO_ASSIGN_OR_RETURN(const bool intact, pass_if_intact(i));
      if (!intact) FERRO_RETURN_IF_ERROR(rewrite(i));
    }
    return std::move(dropped_);
  }

 private:
  // Whether the segment follows what came before it and would be read without complaint.
  Result<bool> pass_if_intact(size_t i) {
    const SegmentFile& file = files_.segments[i];
    if (!file.header.ok()) {
      dropped_.push_back({file.path, 0, kSegmentHeaderBytes, "the segment header does not verify"});
      return false;
    }
    const Sequence first = file.header->first_sequence;
    const Sequence expected = next_.value_or(after_ + 1);
    if (first > expected)
      dropped_.push_back({file.path, 0, 0, lost(expected, first) + ": their file is gone"});
    if (next_ ? first != expected : first > expected) return false;

    FERRO_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(fs_, options_.folder, file.number));
    FERRO_ASSIGN_OR_RETURN(const SegmentScan scan, scan_segment(reader, *file.header, nullptr));
    bool intact = false;
    if (const std::optional<Sequence> next_first = files_.next_first(i)) {
      intact = scan.next == *next_first || (scan.acknowledged && scan.next < *next_first);
    } else if (files_.newest(i) && scan.continued && !files_.cut_number) {
      dropped_.push_back({options_.folder + "/" + segment_name(file.number + 1), 0, 0,
                          "the file is gone: records from " + std::to_string(scan.next) + " on are missing"});
    } else {
      FERRO_ASSIGN_OR_RETURN(const Remainder remainder, examine_remainder(reader, *file.header, scan));
      intact = !remainder.proof;
    }
    if (intact) next_ = scan.next;
    return intact;
  }

  Status rewrite(size_t i) {
    const SegmentFile& file = files_.segments[i];
    FERRO_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::open(fs_, options_.folder, file.number));
    Sequence start = next_.value_or(after_ + 1);
    std::optional<uint64_t> incarnation;
    if (file.header.ok()) {
      incarnation = file.header->incarnation;
    } else {
      FERRO_ASSIGN_OR_RETURN(incarnation, guess_incarnation(reader, start));
    }
    if (!next_ && incarnation) {
      // The oldest segment may begin before `after`, as it did.
      FERRO_ASSIGN_OR_RETURN(const std::optional<Frame> first,
                             reader.find_header(kSegmentHeaderBytes, *incarnation));
      if (first && first->header.sequence != 0) start = std::min(start, first->header.sequence);
    }
    SegmentHeader header;
    header.number = file.number;
    header.incarnation = make_incarnation(clock_, options_.incarnation_seed, file.number);
    FERRO_ASSIGN_OR_RETURN(SegmentRewriter rewriter, SegmentRewriter::begin(fs_, file.path, header, start));
    if (incarnation) {
      SegmentSalvage salvage(reader, *incarnation, files_.next_first(i), rewriter, dropped_);
      FERRO_RETURN_IF_ERROR(salvage.run());
    } else {
      dropped_.push_back({file.path, 0, file.file_bytes, "no record of the segment verifies"});
      if (const auto next_first = files_.next_first(i)) FERRO_RETURN_IF_ERROR(rewriter.add_gap(*next_first));
    }
    FERRO_RETURN_IF_ERROR(rewriter.finish(options_.folder));
    next_ = rewriter.next();
    return {};
  }

  // The incarnation of a segment whose header is lost: that of the first frame if it stands where it should,
  // else the one that most bytes of records from `start` on belong to. What an earlier life of the file left
  // is older than that, and whole frames are stepped over, so that nothing inside a stored payload is taken
  // for one.
  static Result<std::optional<uint64_t>> guess_incarnation(SegmentReader& reader, Sequence start) {
    std::map<uint64_t, uint64_t> bytes_of;
    uint64_t verify_budget = verify_budget_for(reader.file_bytes());
    uint64_t from = kSegmentHeaderBytes;
    while (true) {
      FERRO_ASSIGN_OR_RETURN(const std::optional<Frame> found, reader.find_any_header(from));
      if (!found) break;
      const FrameHeader& header = found->header;
      if (found->offset == kSegmentHeaderBytes) return std::optional<uint64_t>(header.incarnation);
      from = found->end();
      if (verify_budget < header.payload_bytes) continue;
      verify_budget -= header.payload_bytes;
      Frame frame;
      FERRO_ASSIGN_OR_RETURN(const SegmentReader::Found state,
                             reader.read(found->offset, header.incarnation, frame));
      if (state != SegmentReader::Found::frame) {
        from = found->offset + 1;
      } else if (header.type == FrameType::record && header.sequence >= start) {
        bytes_of[header.incarnation] += frame.end() - frame.offset;
      }
    }
    const auto most = std::max_element(bytes_of.begin(), bytes_of.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == bytes_of.end() ? std::nullopt : std::optional<uint64_t>(most->first);
  }

  io::FileSystem& fs_;
  const Clock& clock_;
  const WalOptions& options_;
  const Sequence after_;
  LogFiles files_;
  std::optional<Sequence> next_;  // of the record that has to come next, once that is known
  std::vector<Dropped> dropped_;
};

}  // namespace

Result<std::vector<Dropped>> salvage_log(io::FileSystem& fs, const Clock& clock, const WalOptions& options,
                                         Sequence after) {
  return Salvage(fs, clock, options, after).run();
}

}  // namespace ferro::node::wal
