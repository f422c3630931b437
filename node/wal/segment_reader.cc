#include "node/wal/segment_reader.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace ferro::node::wal {
namespace {
constexpr uint64_t kWindowBytes = uint64_t{1} << 20;  // large reads, yet nothing beside a segment
}  // namespace

Status damaged(const std::string& path, uint64_t offset, const std::string& reason) {
  return Status::data_loss(
      path + " at offset " + std::to_string(offset) + ": " + reason +
      ". Restore the file from a backup, or start once with --salvage to keep every record that "
      "verifies");
}

SegmentReader::SegmentReader(std::unique_ptr<io::File> file, std::string path, uint64_t number,
                             uint64_t file_bytes)
    : file_(std::move(file)), path_(std::move(path)), number_(number), file_bytes_(file_bytes) {}

Result<SegmentReader> SegmentReader::open(io::FileSystem& fs, const std::string& folder, uint64_t number) {
  std::string path = folder + "/" + segment_name(number);
  FERRO_ASSIGN_OR_RETURN(std::unique_ptr<io::File> file, fs.open(path, io::OpenMode::read));
  FERRO_ASSIGN_OR_RETURN(const uint64_t file_bytes, file->size());
  return SegmentReader(std::move(file), std::move(path), number, file_bytes);
}

Result<Bytes> SegmentReader::view(uint64_t offset, uint64_t size) {
  size = offset < file_bytes_ ? std::min(size, file_bytes_ - offset) : 0;
  if (size == 0) return Bytes();
  if (offset < window_offset_ || offset + size > window_offset_ + window_.size()) {
    const uint64_t wanted = std::min(std::max(size, kWindowBytes), file_bytes_ - offset);
    window_offset_ = offset;
    FERRO_RETURN_IF_ERROR(file_->read_at(offset, static_cast<size_t>(wanted), window_));
    size = std::min<uint64_t>(size, window_.size());
  }
  return as_bytes(window_).subspan(static_cast<size_t>(offset - window_offset_), static_cast<size_t>(size));
}

Result<Bytes> SegmentReader::view_some(uint64_t offset) {
  if (offset >= window_offset_ && offset + kFrameHeaderBytes <= window_offset_ + window_.size()) {
    return as_bytes(window_).subspan(static_cast<size_t>(offset - window_offset_));
  }
  return view(offset, kWindowBytes);
}

Result<SegmentHeader> SegmentReader::header() {
  std::string block;
  FERRO_RETURN_IF_ERROR(file_->read_at(0, kSegmentHeaderBytes, block));
  Result<SegmentHeader> header = decode_segment_header(as_bytes(block));
  if (header.ok() && header->number != number_) {
    header = Status::data_loss("the header belongs to " + segment_name(header->number));
  }
  if (header.ok()) return header;
  const Status& status = header.status();
  return status.code() == StatusCode::data_loss ? damaged(path_, 0, status.message())
                                                : status.with_context(path_);
}

Result<SegmentReader::Found> SegmentReader::read(uint64_t offset, uint64_t incarnation, Frame& frame) {
  FERRO_ASSIGN_OR_RETURN(const Bytes head, view(offset, kFrameHeaderBytes));
  frame.offset = offset;
  frame.payload = {};
  if (!decode_frame_header(head, frame.header) || frame.header.incarnation != incarnation)
    return Found::no_header;
  FERRO_ASSIGN_OR_RETURN(const Bytes whole,
                         view(offset, kFrameHeaderBytes + uint64_t{frame.header.payload_bytes}));
  if (whole.size() < kFrameHeaderBytes) return Found::no_header;  // the file shrank while it was read
  const Bytes payload = whole.subspan(kFrameHeaderBytes);
  if (!payload_verifies(frame.header, payload)) return Found::damaged_payload;
  frame.payload = payload;
  return Found::frame;
}

Result<std::optional<Frame>> SegmentReader::find_header(uint64_t from, uint64_t incarnation) {
  char needle_bytes[sizeof incarnation];
  std::memcpy(needle_bytes, &incarnation, sizeof incarnation);
  const std::string_view needle(needle_bytes, sizeof needle_bytes);
  // Each window overlaps the one before by a header less a byte, so none is missed at the seam.
  while (from + kFrameHeaderBytes <= file_bytes_) {
    FERRO_ASSIGN_OR_RETURN(const Bytes bytes, view_some(from));
    if (bytes.size() < kFrameHeaderBytes) break;
    const std::string_view text = as_text(bytes);
    const size_t last_start = bytes.size() - kFrameHeaderBytes;
    for (size_t hit = text.find(needle, kIncarnationOffset); hit != std::string_view::npos;
         hit = text.find(needle, hit + 1)) {
      const size_t start = hit - kIncarnationOffset;
      if (start > last_start) break;
      Frame frame;
      frame.offset = from + start;
      if (decode_frame_header(bytes.subspan(start), frame.header)) return std::optional<Frame>(frame);
    }
    from += last_start + 1;
  }
  return std::optional<Frame>();
}

Result<std::optional<Frame>> SegmentReader::find_any_header(uint64_t from) {
  while (from + kFrameHeaderBytes <= file_bytes_) {
    FERRO_ASSIGN_OR_RETURN(const Bytes bytes, view_some(from));
    if (bytes.size() < kFrameHeaderBytes) break;
    const size_t last_start = bytes.size() - kFrameHeaderBytes;
    for (size_t start = 0; start <= last_start; ++start) {
      Frame frame;
      frame.offset = from + start;
      if (decode_frame_header(bytes.subspan(start), frame.header)) return std::optional<Frame>(frame);
    }
    from += last_start + 1;
  }
  return std::optional<Frame>();
}

Result<uint64_t> SegmentReader::data_end(uint64_t from) {
  uint64_t end = from;
  while (from < file_bytes_) {
    FERRO_ASSIGN_OR_RETURN(const Bytes bytes, view(from, kWindowBytes));
    if (bytes.empty()) break;
    const size_t last = as_text(bytes).find_last_not_of('\0');
    if (last != std::string_view::npos) end = from + last + 1;
    from += bytes.size();
  }
  return end;
}

}  // namespace ferro::node::wal
