#include "node/wal/spare_segment.h"

#include <algorithm>
#include <utility>

#include "node/wal/segment_file.h"

namespace ferro::node::wal {
namespace {
constexpr uint64_t kSyncStepBytes = uint64_t{1} << 20;  // a few milliseconds of a disk
}  // namespace

SpareSegment::SpareSegment(io::FileSystem& fs, std::unique_ptr<io::File> file, std::string path,
                           uint64_t bytes, bool sync)
    : fs_(&fs), file_(std::move(file)), path_(std::move(path)), bytes_(bytes), sync_(sync) {}

Result<SpareSegment> SpareSegment::begin(io::FileSystem& fs, std::string path, uint64_t bytes, bool sync) {
  FERRO_ASSIGN_OR_RETURN(std::unique_ptr<io::File> file, fs.open(path, io::OpenMode::create_empty));
  return SpareSegment(fs, std::move(file), std::move(path), bytes, sync);
}

Status SpareSegment::advance(uint64_t bytes) {
  const uint64_t end = std::min(bytes_, written_ + bytes);
  // Zeros and not fallocate: space that is only reserved costs a metadata change at its first write.
  FERRO_RETURN_IF_ERROR(write_zeros(*file_, written_, end));
  written_ = end;
  if (sync_ && written_ - synced_ >= kSyncStepBytes) {
    FERRO_RETURN_IF_ERROR(file_->sync_data());
    synced_ = written_;
  }
  return {};
}

Result<std::unique_ptr<io::File>> SpareSegment::finish(const SegmentHeader& header) {
  FERRO_RETURN_IF_ERROR(write_zeros(*file_, written_, header.file_bytes));
  std::string block;
  encode_segment_header(header, block);
  FERRO_RETURN_IF_ERROR(file_->write_at(0, as_bytes(block)));
  if (sync_) FERRO_RETURN_IF_ERROR(file_->sync_data());
  return std::move(file_);
}

void SpareSegment::discard() {
  file_.reset();
  static_cast<void>(fs_->remove(path_).ok());  // if that fails, the next start does it
}

}  // namespace ferro::node::wal
