#include "node/wal/segment_pool.h"

#include <algorithm>
#include <utility>

namespace ferro::node::wal {
namespace {

// Zeros written at once. A byte of it costs half of what it costs in steps of a few pages, and nobody waits
// much longer than for the sync before it.
constexpr uint64_t kSpareStepBytes = uint64_t{256} << 10;

// A bijective mix of 64 bits (the finaliser of the SplitMix64 generator, Steele et al. 2014).
uint64_t mix(uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

}  // namespace

uint64_t make_incarnation(const Clock& clock, uint64_t seed, uint64_t number) {
  uint64_t value = mix(seed ^ number);
  value = mix(value ^ static_cast<uint64_t>(clock.wall_ms()));
  value = mix(value ^ static_cast<uint64_t>(clock.steady_ns()));
  return value == 0 ? 1 : value;  // zero would be found in unused space
}

SegmentPool::SegmentPool(io::FileSystem& fs, const Clock& clock, const WalOptions& options)
    : fs_(fs), clock_(clock), options_(options) {}

bool SegmentPool::reusable(uint64_t free_number) {
  if (!options_.sync || free_.size() >= options_.recycled_max) return false;
  const auto file = fs_.open(path_of(free_name(free_number)), io::OpenMode::read);
  if (!file.ok()) return false;
  const auto size = (*file)->size();
  return size.ok() && *size == options_.segment_bytes;
}

Status SegmentPool::adopt(const FolderListing& listing) {
  for (const std::string& name : listing.unfinished) FERRO_RETURN_IF_ERROR(fs_.remove(path_of(name)));
  for (const uint64_t number : listing.free) {
    if (reusable(number)) {
      free_.push_back(number);
    } else {
      FERRO_RETURN_IF_ERROR(fs_.remove(path_of(free_name(number))));
    }
  }
  return {};
}

Result<ReadySegment> SegmentPool::make(uint64_t number, Sequence first_sequence, uint64_t bytes_min) {
  if (number > kSegmentNumberMax || first_sequence > kSequenceMax) {
    return Status::internal("the log has used up its numbers");
  }
  SegmentHeader header;
  header.number = number;
  header.first_sequence = first_sequence;
  header.incarnation = make_incarnation(clock_, options_.incarnation_seed, number);
  header.file_bytes = std::max(options_.segment_bytes, bytes_min);
  if (header.file_bytes == options_.segment_bytes && !free_.empty()) {
    const uint64_t free_number = free_.front();
    free_.erase(free_.begin());
    header.recycled = true;
    Result<ReadySegment> ready = make_recycled(header, free_number);
    if (ready.status().code() == StatusCode::unavailable) {
      free_.insert(free_.begin(), free_number);  // not even opened
      return ready;
    }
    // Not reusable after all: its space is worth more than the file. A restart would find it, too.
    if (!ready.ok()) static_cast<void>(fs_.remove(path_of(free_name(free_number))).ok());
    return ready;
  }
  return make_fresh(header);
}

Result<ReadySegment> SegmentPool::make_recycled(const SegmentHeader& header, uint64_t free_number) {
  const std::string path = path_of(free_name(free_number));
  std::string block;
  encode_segment_header(header, block);
  FERRO_ASSIGN_OR_RETURN(std::unique_ptr<io::File> file, fs_.open(path, io::OpenMode::read_write));
  FERRO_RETURN_IF_ERROR(file->write_at(0, as_bytes(block)));
  if (options_.sync) FERRO_RETURN_IF_ERROR(file->sync_data());
  return name_it(std::move(file), header, path);
}

Status SegmentPool::begin_spare(uint64_t number) {
  std::string path = path_of(segment_name(number) + std::string(kTemporarySuffix));
  FERRO_ASSIGN_OR_RETURN(spare_,
                         SpareSegment::begin(fs_, std::move(path), options_.segment_bytes, options_.sync));
  return {};
}

void SegmentPool::prepare(uint64_t number, uint64_t bytes) {
  if (!options_.sync || !free_.empty() || spare_failed_) return;
  spare_due_bytes_ += bytes;
  if (spare_due_bytes_ < kSpareStepBytes) return;
  Status status = spare_ ? Status() : begin_spare(number);
  if (status.ok()) status = spare_->advance(std::exchange(spare_due_bytes_, 0));
  if (status.ok()) return;
  // Nobody waits for it yet: make() tries again when somebody does.
  if (spare_) spare_->discard();
  spare_.reset();
  spare_failed_ = true;
}

Result<ReadySegment> SegmentPool::make_fresh(const SegmentHeader& header) {
  spare_failed_ = false;
  if (!spare_) FERRO_RETURN_IF_ERROR(begin_spare(header.number));
  SpareSegment spare = std::move(*spare_);
  spare_.reset();
  Result<std::unique_ptr<io::File>> file = spare.finish(header);
  if (!file.ok()) {
    spare.discard();
    return file.status();
  }
  return name_it(std::move(file).value(), header, spare.path());
}

Result<ReadySegment> SegmentPool::name_it(std::unique_ptr<io::File> file, const SegmentHeader& header,
                                          const std::string& from) {
  FERRO_RETURN_IF_ERROR(fs_.rename(from, path_of(segment_name(header.number))));
  FERRO_RETURN_IF_ERROR(sync_folder());
  return ReadySegment{std::move(file), header};
}

Status SegmentPool::retire(const SegmentInfo& segment) {
  const std::string path = path_of(segment_name(segment.number));
  const bool keep =
      options_.sync && segment.file_bytes == options_.segment_bytes && free_.size() < options_.recycled_max;
  if (!keep) return fs_.remove(path);
  FERRO_RETURN_IF_ERROR(fs_.rename(path, path_of(free_name(segment.number))));
  free_.push_back(segment.number);
  return {};
}

Status SegmentPool::sync_folder() {
  if (!options_.sync) return {};
  const Status status = fs_.sync_directory(options_.folder);
  // At this point the folder is left in an unknown state: not the kind of error to go on after.
  return may_pass(status.code()) ? Status::io_error(status.message()) : status;
}

}  // namespace ferro::node::wal
