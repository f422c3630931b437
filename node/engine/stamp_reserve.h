// Keeps a node of a cluster from issuing a stamp twice. What it decides goes to the other owners while its
// own log still syncs; after a crash the log may not know of it, and a clock that was set back, or a restart
// within the same millisecond, would give the stamp away again, for something else. So before a stamp leaves
// the node, the file STAMPS of the data folder says what bounds it (docs/formats/stamps.md), and the next
// start issues none up to that bound:
// - of the same boot of the machine: how far stamps have been ahead of its steady clock, which runs on while
//   no process does and which nobody sets. While the wall clock is left alone the two keep their distance, so
//   the bound is the present moment, and a killed node goes on from its clock: were it ahead of it, its
//   deletes would win over what others wrote later.
// - of another boot: a time ten seconds ahead of the last stamp.
//
// Owned by the engine; the writer thread's after open().
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.h"
#include "common/io/file_system.h"
#include "common/time/clock.h"
#include "common/time/hlc.h"

namespace ferro::node::engine {

class StampReserve {
 public:
  // How far ahead is reserved at a time: so much later than the clock the stamps may be of a node whose
  // machine was started anew at once. A fraction of what others tolerate (limits::kClockSkewMaxMs), and a
  // write of the file every five seconds.
  static constexpr int64_t kAheadMs = 10'000;

  // Reads the file, if there is one. `boot_id`: EngineOptions. data_loss says what to do.
  static Result<StampReserve> open(io::FileSystem& fs, const Clock& clock, const std::string& folder,
                                   const std::string& boot_id, bool salvage);

  // No stamp up to here may be issued by this life of the node; {} = nothing is reserved.
  Hlc used() const noexcept { return {used_ticks_, UINT32_MAX}; }

  // Before operations with stamps up to `stamp`, the newest that was issued, leave the node. Writes and syncs
  // the file if need be.
  Status cover(const Hlc& stamp);
  // Half of what is reserved is used: a good moment to cover more, before somebody has to wait for it.
  bool running_short(const Hlc& stamp) const noexcept;
  Status extend(const Hlc& stamp) { return write(stamp, stamp.ticks + kAheadTicks); }
  // No stamp after `last` will be issued any more: the next start need not leave any out.
  void settle(const Hlc& last);

 private:
  static constexpr uint64_t kAheadTicks = static_cast<uint64_t>(kAheadMs) << 16;

  StampReserve(io::FileSystem& fs, const Clock& clock, std::string path, std::string boot_id)
      : fs_(&fs), clock_(&clock), path_(std::move(path)), boot_id_(std::move(boot_id)) {}
  int64_t steady_ms() const noexcept { return clock_->steady_ns() / 1'000'000; }
  Status write(const Hlc& stamp, uint64_t upto_ticks);

  io::FileSystem* fs_;
  const Clock* clock_;
  std::string path_, boot_id_;
  uint64_t used_ticks_ = 0;
  // What the file says, if this life has written it.
  bool written_ = false;
  uint64_t upto_ticks_ = 0;
  int64_t ahead_of_steady_ms_ = 0;
};

}  // namespace ferro::node::engine
