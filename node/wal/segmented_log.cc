#include "node/wal/segmented_log.h"

#include <algorithm>
#include <utility>

#include "common/base/limits.h"
#include "node/wal/segment_file.h"

namespace ferro::node::wal {
namespace {

// A batch buffer beyond this is given back after use, so that one huge batch does not hold memory for ever.
constexpr size_t kBatchBufferKept = size_t{4} << 20;
// Every segment keeps room for the frame that closes it.
constexpr uint64_t kMarkBytes = kFrameHeaderBytes;

}  // namespace

SegmentedLog::SegmentedLog(io::FileSystem& fs, const Clock& clock, WalOptions options)
    : fs_(fs), clock_(clock), options_(std::move(options)), pool_(fs_, clock_, options_) {}

Status SegmentedLog::start(const FolderListing& listing, const RecoveredLog& log, Sequence after) {
  FERRO_RETURN_IF_ERROR(pool_.adopt(listing));
  segments_ = log.segments;
  for (const SegmentInfo& segment : segments_) live_bytes_ += segment.live_bytes;
  next_ = std::max(log.next, after + 1);
  if (next_ > kSequenceMax) return Status::internal("the log has used up its numbers");
  next_number_ = log.next_number;
  if (!listing.free.empty()) next_number_ = std::max(next_number_, listing.free.back() + 1);
  if (log.has_tail) FERRO_RETURN_IF_ERROR(repair_tail(fs_, options_.folder, log, options_.sync));
  // A process that died may have made a segment or a folder entry that is not on the disk yet.
  FERRO_RETURN_IF_ERROR(pool_.sync_folder());
  // A snapshot may stand beyond the log's end (a cut tail): then the numbering goes on in a segment of its
  // own.
  if (log.has_tail && log.next == next_) {
    FERRO_RETURN_IF_ERROR(continue_in(log));
  } else if (Status status = roll_or_stop(0); !status.ok() && !resumable_) {
    return status;
  }
  publish();
  return {};
}

Status SegmentedLog::continue_in(const RecoveredLog& log) {
  const std::string path = pool_.path_of(segment_name(log.header.number));
  FERRO_ASSIGN_OR_RETURN(current_.file, fs_.open(path, io::OpenMode::read_write));
  current_.header = log.header;
  // The file may have been cut shorter than it was made: it is used as far as it goes.
  current_.header.file_bytes = log.segments.back().file_bytes;
  tail_ = log.scan.tail;
  if (!log.tail_clean) mark_acknowledged();
  return {};
}

uint64_t SegmentedLog::room() const noexcept {
  if (!current_.file) return 0;
  const uint64_t used = tail_ + kMarkBytes;
  return current_.header.file_bytes > used ? current_.header.file_bytes - used : 0;
}

void SegmentedLog::stop(const Status& error, bool resumable) {
  if (!health_.ok()) return;  // the first error is the one that counts
  health_ = error.with_context("the write-ahead log has stopped");
  resumable_ = resumable;
}

Status SegmentedLog::timed_sync() {
  if (!options_.sync) return {};
  const int64_t begin_ns = clock_.steady_ns();
  const Status status = current_.file->sync_data();
  const auto elapsed_ns = static_cast<uint64_t>(clock_.steady_ns() - begin_ns);
  stats_.syncs.fetch_add(1, std::memory_order_relaxed);
  stats_.sync_ns_total.fetch_add(elapsed_ns, std::memory_order_relaxed);
  stats_.last_sync_ns.store(elapsed_ns, std::memory_order_relaxed);
  // What a failed sync left on the disk is unknown, also when its reason was a full disk.
  return status.code() == StatusCode::no_space ? Status::io_error(status.message()) : status;
}

Result<Sequence> SegmentedLog::append(std::span<const std::string> payloads) {
  FERRO_RETURN_IF_ERROR(health_);
  uint64_t bytes = 0;
  for (const std::string& payload : payloads) {
    if (payload.size() > limits::kWalPayloadBytesMax) {
      return Status(StatusCode::too_large, "a log record of " + std::to_string(payload.size()) + " bytes");
    }
    bytes += kFrameHeaderBytes + payload.size();
  }
  if (payloads.empty()) return last_sequence();
  if (payloads.size() > kSequenceMax - next_) return Status::internal("the log has used up its numbers");
  if (bytes > room()) FERRO_RETURN_IF_ERROR(roll_or_stop(bytes));
  encode_batch(payloads);
  FERRO_RETURN_IF_ERROR(write_batch());
  tail_ += batch_.size();
  next_ += payloads.size();
  segments_.back().live_bytes += batch_.size();
  live_bytes_ += batch_.size();
  mark_acknowledged();
  // Twice as fast as this segment fills, so that the next one is ready when half of it is written.
  if (health_.ok()) pool_.prepare(next_number_, 2 * batch_.size());
  publish();
  if (batch_.capacity() > kBatchBufferKept) batch_ = std::string();
  return last_sequence();
}

void SegmentedLog::encode_batch(std::span<const std::string> payloads) {
  batch_.clear();
  FrameHeader header;
  header.incarnation = current_.header.incarnation;
  header.batch_first = next_;
  header.sequence = next_;
  for (const std::string& payload : payloads) {
    encode_frame(header, as_bytes(payload), batch_);
    ++header.sequence;
  }
}

Status SegmentedLog::write_batch() {
  if (Status status = current_.file->write_at(tail_, as_bytes(batch_)); !status.ok()) {
    // If the tail comes back and the disk is only full, the log stands exactly as before this append.
    Status restored = restore_tail();
    if (restored.ok()) restored = timed_sync();
    room_needed_ = batch_.size();
    stop(status, restored.ok() && may_pass(status.code()));
    return status;
  }
  if (Status status = timed_sync(); !status.ok()) {
    // No second sync; but after a kill -9 the kernel's copy decides, and there the append should not be
    // found.
    const Status ignored = restore_tail();
    stop(status, false);
    return status;
  }
  return {};
}

Status SegmentedLog::restore_tail() {
  const uint64_t end = std::min<uint64_t>(tail_ + batch_.size(), current_.header.file_bytes);
  FERRO_RETURN_IF_ERROR(write_zeros(*current_.file, tail_, end));
  return write_mark(FrameType::acknowledged);
}

Status SegmentedLog::write_mark(FrameType type) {
  if (tail_ + kMarkBytes > current_.header.file_bytes) return {};  // only in a file that somebody cut
  FrameHeader header;
  header.type = type;
  header.incarnation = current_.header.incarnation;
  header.sequence = next_ - 1;
  std::string frame;
  encode_frame(header, {}, frame);
  return current_.file->write_at(tail_, as_bytes(frame));
}

void SegmentedLog::mark_acknowledged() {
  // The records before the mark are safe either way; but a disk that refuses 40 bytes takes no more of them.
  if (Status status = write_mark(FrameType::acknowledged); !status.ok()) {
    stop(status, may_pass(status.code()));
  }
}

Status SegmentedLog::close_current() {
  if (!current_.file) return {};
  FERRO_RETURN_IF_ERROR(write_mark(FrameType::continued));
  return timed_sync();
}

Status SegmentedLog::roll(uint64_t bytes) {
  const uint64_t bytes_min = kSegmentHeaderBytes + bytes + kMarkBytes;
  FERRO_ASSIGN_OR_RETURN(ReadySegment next, pool_.make(next_number_, next_, bytes_min));
  // From here on the new segment exists, whatever becomes of the frame that closes the old one.
  ++next_number_;
  Status closed = close_current();
  current_ = std::move(next);
  tail_ = kSegmentHeaderBytes;
  segments_.push_back({current_.header.number, next_, current_.header.file_bytes, 0});
  publish();
  return closed;
}

Status SegmentedLog::roll_or_stop(uint64_t bytes) {
  Status status = roll(bytes);
  if (!status.ok()) {
    room_needed_ = bytes;
    stop(status, may_pass(status.code()));
  }
  return status;
}

Result<Sequence> SegmentedLog::rotate() {
  FERRO_RETURN_IF_ERROR(health_);
  if (segments_.back().live_bytes == 0) return last_sequence();  // nothing to close
  if (Status status = roll(0); !status.ok()) {
    // Without another segment the current one still has room.
    if (!may_pass(status.code())) stop(status, false);
    return status;
  }
  return last_sequence();
}

Status SegmentedLog::release(Sequence upto) {
  // A log stopped by a full disk may release: that is how it gets room again.
  if (!health_.ok() && !resumable_) return health_;
  size_t released = 0;
  Status status;
  // Oldest first, so that what is left after a crash is still without holes beyond `upto`.
  while (released + 1 < segments_.size() && segments_[released + 1].first_sequence - 1 <= upto) {
    status = pool_.retire(segments_[released]);
    if (!status.ok()) break;
    live_bytes_ -= segments_[released].live_bytes;
    ++released;
  }
  if (released == 0) return status;
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(released));
  publish();
  if (Status synced = pool_.sync_folder(); !synced.ok()) {
    stop(synced, false);
    return synced;
  }
  return status;
}

Status SegmentedLog::try_resume() {
  if (health_.ok() || !resumable_) return health_;
  const uint64_t usable = options_.segment_bytes - kSegmentHeaderBytes - kMarkBytes;
  // An almost empty segment is room enough, even if the append that failed was larger than any ordinary
  // segment.
  if (room() < std::min(room_needed_, usable) || !current_.file) {
    if (Status status = roll(0); !status.ok()) {
      resumable_ = may_pass(status.code());
      return status;
    }
  }
  health_ = {};
  resumable_ = false;
  return {};
}

void SegmentedLog::publish() {
  stats_.bytes.store(live_bytes_, std::memory_order_relaxed);
  stats_.segments.store(segments_.size(), std::memory_order_relaxed);
  stats_.last_sequence.store(last_sequence(), std::memory_order_relaxed);
}

}  // namespace ferro::node::wal
