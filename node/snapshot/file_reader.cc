#include "node/snapshot/file_reader.h"

#include <algorithm>

#include "common/io/crc32c.h"

namespace ferro::node::snapshot {

namespace {

constexpr size_t kChunkBytes = 1U << 20;  // large enough for the disk, small beside the entries being loaded

Status damaged(const std::string& path, uint64_t offset, const Status& why) {
  return why.with_context("snapshot file " + path + " at offset " + std::to_string(offset));
}

Result<std::unique_ptr<io::File>> open_file(io::FileSystem& fs, const std::string& path) {
  auto file = fs.open(path, io::OpenMode::read);
  if (!file.ok() && file.status().code() == StatusCode::not_found) {
    return Status::data_loss("snapshot file " + path + " is missing");
  }
  return file;
}

// A window onto the file that moves forward as it is asked for.
class Window {
 public:
  Window(const io::File& file, uint64_t file_bytes) : file_(file), file_bytes_(file_bytes) {}

  // `size` bytes at `offset`, valid until the next call; fewer only if the file ends before.
  Result<Bytes> at(uint64_t offset, size_t size) {
    const size_t wanted =
        static_cast<size_t>(std::min<uint64_t>(size, file_bytes_ - std::min(offset, file_bytes_)));
    if (offset < start_ || offset + wanted > start_ + buffer_.size()) {
      // One very large record must not keep its memory for the rest of the file.
      if (buffer_.capacity() > 2 * kChunkBytes && wanted <= kChunkBytes) buffer_ = std::string();
      FERRO_RETURN_IF_ERROR(file_.read_at(offset, std::max(wanted, kChunkBytes), buffer_));
      start_ = offset;
    }
    const Bytes held = as_bytes(buffer_).subspan(static_cast<size_t>(offset - start_));
    return held.first(std::min(wanted, held.size()));
  }

 private:
  const io::File& file_;
  const uint64_t file_bytes_;
  std::string buffer_;
  uint64_t start_ = 0;
};

Status check_trailer(Bytes payload, uint64_t records, uint64_t end, uint64_t file_bytes) {
  FERRO_ASSIGN_OR_RETURN(const Trailer trailer, decode_trailer(payload));
  if (trailer.records != records || trailer.bytes != end) {
    return Status::data_loss("the trailer counts other records or bytes than the file has");
  }
  if (end != file_bytes) return Status::data_loss("there are bytes after the trailer");
  return {};
}

}  // namespace

Result<FileFigures> read_snapshot_file(io::FileSystem& fs, const std::string& path,
                                       const SnapshotSet::Visit& visit) {
  FERRO_ASSIGN_OR_RETURN(const auto file, open_file(fs, path));
  FERRO_ASSIGN_OR_RETURN(const uint64_t file_bytes, file->size());
  Window window(*file, file_bytes);
  FERRO_ASSIGN_OR_RETURN(const Bytes header_bytes, window.at(0, kHeaderBytes));
  const auto header = decode_header(header_bytes);
  if (!header.ok()) return damaged(path, 0, header.status());

  uint32_t chain = header->chain;
  uint64_t records = 0;
  for (uint64_t offset = kHeaderBytes;; ++records) {
    FERRO_ASSIGN_OR_RETURN(const Bytes head_bytes, window.at(offset, kRecordHeadBytes));
    const auto head = decode_record_head(head_bytes, chain);
    if (!head.ok()) return damaged(path, offset, head.status());
    const uint64_t payload_at = offset + kRecordHeadBytes;
    if (head->length > kPayloadBytesMax || head->length > file_bytes - payload_at) {
      return damaged(path, offset, Status::data_loss("a record is longer than the file"));
    }
    FERRO_ASSIGN_OR_RETURN(const Bytes payload, window.at(payload_at, head->length));
    if (payload.size() != head->length || io::crc32c(payload) != head->payload_crc) {
      return damaged(path, offset, Status::data_loss("a record's checksum does not match"));
    }
    const uint64_t end = payload_at + head->length;
    if (head->type == kTrailerType) {
      if (Status status = check_trailer(payload, records, end, file_bytes); !status.ok()) {
        return damaged(path, offset, status);
      }
      return FileFigures{header->header, records, file_bytes};
    }
    FERRO_RETURN_IF_ERROR(visit(head->type, payload));
    offset = end;
  }
}

Result<FileHeader> read_snapshot_header(io::FileSystem& fs, const std::string& path) {
  FERRO_ASSIGN_OR_RETURN(const auto file, open_file(fs, path));
  std::string bytes;
  FERRO_RETURN_IF_ERROR(file->read_at(0, kHeaderBytes, bytes));
  const auto header = decode_header(as_bytes(bytes));
  if (!header.ok()) return damaged(path, 0, header.status());
  return header->header;
}

}  // namespace ferro::node::snapshot
