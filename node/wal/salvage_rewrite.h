// Writes the replacement of a damaged segment: verified records, gap frames for what is missing, a closing
// mark.
//
// Built under a temporary name; nothing of the log changes before finish(). Owned by salvage, one at a time.
#pragma once

#include <memory>
#include <string>

#include "node/wal/frame.h"
#include "node/wal/segment.h"

namespace ferro::node::wal {

class SegmentRewriter {
 public:
  // `header`: number and incarnation of the replacement. It begins with record `start`, or with a gap there.
  static Result<SegmentRewriter> begin(io::FileSystem& fs, std::string path, SegmentHeader header,
                                       Sequence start);

  Sequence next() const noexcept { return next_; }
  // sequence >= next(); a jump is recorded as a gap.
  Status add_record(Sequence sequence, Bytes payload);
  // The records from next() up to, but without, `next` are missing.
  Status add_gap(Sequence next);
  // Makes the file durable and puts it in the damaged one's place, after copying that to a free
  // "<path>.damaged" name.
  Status finish(const std::string& folder);

 private:
  SegmentRewriter(io::FileSystem& fs, std::unique_ptr<io::File> file, std::string path, SegmentHeader header,
                  Sequence start);
  void add_frame(FrameType type, Sequence sequence, Bytes payload);
  Status flush();
  Status keep_damaged_copy();

  io::FileSystem* fs_;
  std::unique_ptr<io::File> file_;
  std::string path_;  // of the segment to be replaced
  SegmentHeader header_;
  Sequence next_;
  std::string pending_;
  uint64_t written_ = kSegmentHeaderBytes;
};

}  // namespace ferro::node::wal
