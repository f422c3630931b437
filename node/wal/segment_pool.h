// Makes segment files ready for writing and takes back those that are no longer needed.
//
// A new segment is a released one with a new header (its space is already written, which halves the time of a
// sync) or a file filled with zeros. It gets its name only when its header is on the disk, so a segment
// without a header that verifies is damage and never an interrupted creation. Owned by the log, on its
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/time/clock.h"
#include "node/wal/recovery.h"
#include "node/wal/segment.h"
#include "node/wal/spare_segment.h"

namespace ferro::node::wal {

// Differs from every earlier one but by a chance of 1 in 2^64.
uint64_t make_incarnation(const Clock& clock, uint64_t seed, uint64_t number);

struct ReadySegment {
  std::unique_ptr<io::File> file;
  SegmentHeader header;
};

class SegmentPool {
 public:
  // The references outlive the pool.
  SegmentPool(io::FileSystem& fs, const Clock& clock, const WalOptions& options);

  // Removes what an interrupted creation left and the free files that cannot be used.
  Status adopt(const FolderListing& listing);
  // A durable segment of at least `bytes_min` bytes. An error that may_pass():
  // nothing of the log was touched, call again. Any other error: the disk or the folder is in an unknown
  // state.
  Result<ReadySegment> make(uint64_t number, Sequence first_sequence, uint64_t bytes_min);
  // Gets a part of the work of the next make() done: `bytes` of it, sooner or later. Errors wait for make().
  void prepare(uint64_t number, uint64_t bytes);
  // Keeps the file for reuse or removes it. Not durable, and the file not reused, before the folder is
  // synced.
  Status retire(const SegmentInfo& segment);
  Status sync_folder();

  std::string path_of(const std::string& name) const { return options_.folder + "/" + name; }

 private:
  Status begin_spare(uint64_t number);
  Result<ReadySegment> make_fresh(const SegmentHeader& header);
  Result<ReadySegment> make_recycled(const SegmentHeader& header, uint64_t free_number);
  Result<ReadySegment> name_it(std::unique_ptr<io::File> file, const SegmentHeader& header,
                               const std::string& from);
  bool reusable(uint64_t free_number);

  io::FileSystem& fs_;
  const Clock& clock_;
  const WalOptions& options_;
  std::vector<uint64_t> free_;
  std::optional<SpareSegment> spare_;
  uint64_t spare_due_bytes_ = 0;  // to be written to it
  bool spare_failed_ = false;
};

}  // namespace ferro::node::wal
