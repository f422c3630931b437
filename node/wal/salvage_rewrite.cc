#include "node/wal/salvage_rewrite.h"

#include <utility>

namespace ferro::node::wal {
namespace {
constexpr size_t kPieceBytes = size_t{1} << 20;
constexpr int kDamagedCopiesMax = 100;  // a segment salvaged that often has a disk to be replaced
}  // namespace

SegmentRewriter::SegmentRewriter(io::FileSystem& fs, std::unique_ptr<io::File> file, std::string path,
                                 SegmentHeader header, Sequence start)
    : fs_(&fs), file_(std::move(file)), path_(std::move(path)), header_(header), next_(start) {
  header_.first_sequence = start;
  header_.salvaged = true;
}

Result<SegmentRewriter> SegmentRewriter::begin(io::FileSystem& fs, std::string path, SegmentHeader header,
                                               Sequence start) {
  FERRO_ASSIGN_OR_RETURN(std::unique_ptr<io::File> file,
                         fs.open(path + std::string(kTemporarySuffix), io::OpenMode::create_empty));
  return SegmentRewriter(fs, std::move(file), std::move(path), header, start);
}

void SegmentRewriter::add_frame(FrameType type, Sequence sequence, Bytes payload) {
  FrameHeader frame;
  frame.type = type;
  frame.incarnation = header_.incarnation;
  frame.sequence = sequence;
  frame.batch_first = type == FrameType::record ? sequence : 0;
  encode_frame(frame, payload, pending_);
}

Status SegmentRewriter::flush() {
  FERRO_RETURN_IF_ERROR(file_->write_at(written_, as_bytes(pending_)));
  written_ += pending_.size();
  pending_.clear();
  return {};
}

Status SegmentRewriter::add_gap(Sequence next) {
  FERRO_ASSERT(next >= next_, "records of a log ascend");
  if (next > next_) add_frame(FrameType::gap, next, {});
  next_ = next;
  return {};
}

Status SegmentRewriter::add_record(Sequence sequence, Bytes payload) {
  FERRO_RETURN_IF_ERROR(add_gap(sequence));
  add_frame(FrameType::record, sequence, payload);
  next_ = sequence + 1;
  return pending_.size() >= kPieceBytes ? flush() : Status();
}

Status SegmentRewriter::finish(const std::string& folder) {
  add_frame(FrameType::acknowledged, next_ - 1, {});
  FERRO_RETURN_IF_ERROR(flush());
  header_.file_bytes = written_;
  std::string block;
  encode_segment_header(header_, block);
  FERRO_RETURN_IF_ERROR(file_->write_at(0, as_bytes(block)));
  FERRO_RETURN_IF_ERROR(file_->sync_data());
  FERRO_RETURN_IF_ERROR(keep_damaged_copy());
  FERRO_RETURN_IF_ERROR(fs_->rename(path_ + std::string(kTemporarySuffix), path_));
  return fs_->sync_directory(folder);
}

Status SegmentRewriter::keep_damaged_copy() {
  std::string copy_path;
  for (int i = 1; i <= kDamagedCopiesMax; ++i) {
    copy_path = path_ + ".damaged" + (i == 1 ? "" : "." + std::to_string(i));
    FERRO_ASSIGN_OR_RETURN(const bool taken, fs_->exists(copy_path));
    if (!taken) break;
  }
  FERRO_ASSIGN_OR_RETURN(const std::unique_ptr<io::File> from, fs_->open(path_, io::OpenMode::read));
  FERRO_ASSIGN_OR_RETURN(const std::unique_ptr<io::File> to,
                         fs_->open(copy_path, io::OpenMode::create_empty));
  uint64_t offset = 0;
  std::string piece;
  while (true) {
    FERRO_RETURN_IF_ERROR(from->read_at(offset, kPieceBytes, piece));
    if (piece.empty()) break;
    FERRO_RETURN_IF_ERROR(to->write_at(offset, as_bytes(piece)));
    offset += piece.size();
  }
  return to->sync_data();
}

}  // namespace ferro::node::wal
