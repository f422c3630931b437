// The writing side of the log: the Wal that Wal::open hands out. Private to this module.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "node/wal/recovery.h"
#include "node/wal/segment_pool.h"
#include "node/wal/wal.h"

namespace ferro::node::wal {

class SegmentedLog final : public Wal {
 public:
  SegmentedLog(io::FileSystem& fs, const Clock& clock, WalOptions options);

  // Takes over what recovery found. Full disk: ok, and health() says so.
  Status start(const FolderListing& listing, const RecoveredLog& log, Sequence after);

  Result<Sequence> append(std::span<const std::string> payloads) override;
  Result<Sequence> rotate() override;
  Status release(Sequence upto) override;
  Status health() const override { return health_; }
  Status try_resume() override;
  Sequence last_sequence() const override { return next_ - 1; }
  const WalStats& stats() const override { return stats_; }

 private:
  Status continue_in(const RecoveredLog& log);
  // Makes a new segment with room for `bytes` of frames and closes the current one.
  Status roll(uint64_t bytes);
  Status close_current();
  // roll(), stopping the log if it fails.
  Status roll_or_stop(uint64_t bytes);
  void encode_batch(std::span<const std::string> payloads);
  Status write_batch();
  // Makes the place of the batch unreadable again; not synced.
  Status restore_tail();
  // A frame at the tail that proves that everything before it was synced. The next batch overwrites it.
  Status write_mark(FrameType type);
  // The mark after a sync. Itself not synced: it costs next to nothing and yet survives kill -9.
  void mark_acknowledged();
  Status timed_sync();
  void stop(const Status& error, bool resumable);
  uint64_t room() const noexcept;
  void publish();

  io::FileSystem& fs_;
  const Clock& clock_;
  const WalOptions options_;
  SegmentPool pool_;
  std::vector<SegmentInfo> segments_;  // ascending; the last is the one being written if current_ has a file
  ReadySegment current_;
  uint64_t tail_ = 0;
  Sequence next_ = 1;
  uint64_t next_number_ = 1;
  uint64_t live_bytes_ = 0;
  std::string batch_;  // frames of the append under way
  Status health_;
  bool resumable_ = false;
  uint64_t room_needed_ = 0;  // by the append that failed
  WalStats stats_;
};

}  // namespace ferro::node::wal
