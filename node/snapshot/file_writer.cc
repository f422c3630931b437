#include "node/snapshot/file_writer.h"

#include <utility>

#include "common/base/assert.h"
#include "common/io/crc32c.h"
#include "node/snapshot/file_reader.h"
#include "node/snapshot/manifest.h"

namespace ferro::node::snapshot {

namespace {

constexpr size_t kBufferBytes = 1U << 20;
// The log shares the disk: syncing in steps keeps its syncs from waiting behind a whole snapshot of dirty
// pages.
constexpr uint64_t kSyncStepBytes = 16U << 20;

}  // namespace

Result<std::unique_ptr<SnapshotWriter>> FileWriter::create(io::FileSystem& fs, std::string folder,
                                                           FileHeader header, Commit commit,
                                                           std::function<void()> closed) {
  auto writer =
      std::make_unique<FileWriter>(fs, std::move(folder), header, std::move(commit), std::move(closed));
  FERRO_ASSIGN_OR_RETURN(writer->file_, fs.open(writer->temp_path(), io::OpenMode::create_empty));
  writer->chain_ = encode_header(header, writer->buffer_);
  return std::unique_ptr<SnapshotWriter>(std::move(writer));
}

FileWriter::FileWriter(io::FileSystem& fs, std::string folder, FileHeader header, Commit commit,
                       std::function<void()> closed)
    : fs_(fs),
      folder_(std::move(folder)),
      header_(header),
      commit_(std::move(commit)),
      closed_(std::move(closed)) {}

FileWriter::~FileWriter() {
  const bool opened = file_ != nullptr || renamed_;
  file_.reset();
  // Best effort: what stays behind is removed at the next open.
  if (opened && !renamed_) static_cast<void>(fs_.remove(temp_path()));
  closed_();
}

Status FileWriter::add(uint8_t type, Bytes payload) {
  FERRO_ASSERT(type != kTrailerType, "this record type is the trailer's");
  if (!failed_.ok()) return failed_;
  if (payload.size() > kPayloadBytesMax) {
    return {StatusCode::too_large, "a snapshot record of " + std::to_string(payload.size()) + " bytes"};
  }
  failed_ = append_record(type, payload);
  if (failed_.ok()) ++records_;
  return failed_;
}

Result<SnapshotInfo> FileWriter::finish() {
  FERRO_RETURN_IF_ERROR(failed_);
  failed_ = Status(StatusCode::failed_precondition, "the snapshot is already finished");

  std::string trailer;
  const uint64_t bytes = written_ + buffer_.size() + kRecordHeadBytes + kTrailerPayloadBytes;
  encode_trailer({records_, bytes}, trailer);
  FERRO_RETURN_IF_ERROR(append_record(kTrailerType, as_bytes(trailer)));
  FERRO_RETURN_IF_ERROR(flush());
  FERRO_RETURN_IF_ERROR(file_->sync_data());
  file_.reset();

  // Read back before anything relies on it: the log behind it is going to be thrown away.
  const auto visit_nothing = [](uint8_t, Bytes) { return Status(); };
  auto figures = read_snapshot_file(fs_, temp_path(), visit_nothing);
  if (!figures.ok()) {
    static_cast<void>(fs_.remove(temp_path()));
    return figures.status().with_context("reading back what was written");
  }
  const SnapshotInfo info{header_.number,
                          header_.wal_sequence,
                          header_.created_at_ms,
                          records_,
                          bytes,
                          snapshot_file_name(header_.number)};
  FERRO_RETURN_IF_ERROR(fs_.rename(temp_path(), folder_ + "/" + info.file));
  renamed_ = true;
  FERRO_RETURN_IF_ERROR(fs_.sync_directory(folder_));
  FERRO_RETURN_IF_ERROR(commit_(info));
  return info;
}

Status FileWriter::append_record(uint8_t type, Bytes payload) {
  const RecordHead head{type, static_cast<uint32_t>(payload.size()), io::crc32c(payload)};
  encode_record_head(head, chain_, buffer_);
  if (payload.size() >= kBufferBytes) {  // not worth a copy
    FERRO_RETURN_IF_ERROR(flush());
    return write(payload);
  }
  buffer_.append(as_text(payload));
  return buffer_.size() >= kBufferBytes ? flush() : Status();
}

Status FileWriter::flush() {
  FERRO_RETURN_IF_ERROR(write(as_bytes(buffer_)));
  buffer_.clear();
  return {};
}

Status FileWriter::write(Bytes bytes) {
  FERRO_RETURN_IF_ERROR(file_->write_at(written_, bytes));
  written_ += bytes.size();
  unsynced_ += bytes.size();
  if (unsynced_ < kSyncStepBytes) return {};
  unsynced_ = 0;
  return file_->sync_data();
}

std::string FileWriter::temp_path() const {
  return folder_ + "/" + temp_file_name(header_.number);
}

}  // namespace ferro::node::snapshot
