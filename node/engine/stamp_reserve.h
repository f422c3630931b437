// Keeps a node of a cluster from issuing a stamp twice. What it decides goes to the other owners while its
// own log still syncs; after a crash the log may not know of it, and a clock that was set back, or a restart
// within the same millisecond, would give the stamp away again, for something else. So before a stamp leaves
// the node a later time is on disk, in the file STAMPS of the data folder, and the next start issues none up
// to it.
//
// Owned by the engine; the writer thread's after open().
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/io/file_system.h"
#include "common/time/hlc.h"

namespace ferro::node::engine {

class StampReserve {
 public:
  // How far ahead is reserved at a time: so much later than the clock the stamps of a restarted node may be.
  // A fraction of what others tolerate (limits::kClockSkewMaxMs), and a write of the file every five seconds.
  static constexpr int64_t kAheadMs = 10'000;

  // Reads the file, if there is one. data_loss says what to do.
  static Result<StampReserve> open(io::FileSystem& fs, const std::string& folder, bool salvage);

  // No stamp up to here may be issued by this life of the node; {} = nothing is reserved.
  Hlc used() const noexcept { return {upto_ticks_, UINT32_MAX}; }

  // Before operations with stamps up to `stamp` leave the node. Writes and syncs the file if need be.
  Status cover(const Hlc& stamp);
  // Half of what is reserved is used: a good moment to cover more, before somebody has to wait for it.
  bool running_short(const Hlc& stamp) const noexcept;
  Status extend(const Hlc& stamp) { return write(stamp.ticks + kAheadTicks); }
  // No stamp will be issued any more: the next start need not leave any out.
  void settle(const Hlc& last);

 private:
  static constexpr uint64_t kAheadTicks = static_cast<uint64_t>(kAheadMs) << 16;

  StampReserve(io::FileSystem& fs, std::string path, uint64_t upto_ticks)
      : fs_(&fs), path_(std::move(path)), upto_ticks_(upto_ticks) {}
  Status write(uint64_t upto_ticks);

  io::FileSystem* fs_;
  std::string path_;
  uint64_t upto_ticks_ = 0;
  bool extended_ = false;  // by this life
};

}  // namespace ferro::node::engine
