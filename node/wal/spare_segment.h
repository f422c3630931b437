// A segment file in the making: filled with zeros little by little, so that no append waits for a whole one.
//
// Lives under a temporary name until the pool gives it its own. Owned by the pool; after a failed call it is
// good for nothing but discard().
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "node/wal/segment.h"

namespace ferro::node::wal {

class SpareSegment {
 public:
  // `bytes`: how far advance() fills it.
  static Result<SpareSegment> begin(io::FileSystem& fs, std::string path, uint64_t bytes, bool sync);

  const std::string& path() const noexcept { return path_; }
  // Writes up to `bytes` zeros more and syncs every now and then, in steps short enough to go unnoticed.
  Status advance(uint64_t bytes);
  // Fills it up to header.file_bytes, writes the header, syncs, and hands the file over.
  Result<std::unique_ptr<io::File>> finish(const SegmentHeader& header);
  // Gives the space back.
  void discard();

 private:
  SpareSegment(io::FileSystem& fs, std::unique_ptr<io::File> file, std::string path, uint64_t bytes,
               bool sync);

  io::FileSystem* fs_;
  std::unique_ptr<io::File> file_;
  std::string path_;
  uint64_t bytes_;
  bool sync_;
  uint64_t written_ = 0;
  uint64_t synced_ = 0;
};

}  // namespace ferro::node::wal
