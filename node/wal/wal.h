// Segmented write-ahead log of opaque payloads. Format and recovery rules: docs/formats/wal.md.
//
// A record gets the next sequence number, is durable once `append` returned ok, and is replayed in order
// after a restart. One owner (the engine's writer thread); not thread-safe except `stats()`. After any write
// or sync error the log fails stop: every later append is refused with the first error; it never retries a
// sync.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/io/file_system.h"
#include "common/time/clock.h"

namespace ferro::node::wal {

using Sequence = uint64_t;  // 1 is the first record ever; 0 means "none"

struct WalOptions {
  std::string folder;
  uint64_t segment_bytes = 16U << 20;
  bool sync = true;         // false: the operating system decides when (documented as unsafe)
  size_t recycled_max = 4;  // preallocated segments kept for reuse
  uint64_t incarnation_seed =
      0;                 // random in production: keeps stored content from imitating frames of the log
  bool salvage = false;  // recover all that verifies instead of refusing a corrupt log
};

struct Dropped {  // what salvage left out
  std::string file;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  std::string reason;
};

struct RecoveryReport {
  uint64_t records = 0;
  Sequence last_sequence = 0;
  uint64_t torn_bytes = 0;  // incomplete tail cut off
  std::vector<Dropped> dropped;
};

struct WalStats {                  // readable from any thread
  std::atomic<uint64_t> bytes{0};  // live records in all segments
  std::atomic<uint64_t> segments{0};
  std::atomic<uint64_t> last_sequence{0};
  std::atomic<uint64_t> syncs{0};
  std::atomic<uint64_t> sync_ns_total{0};
  std::atomic<uint64_t> last_sync_ns{0};
};

// Whether an error of the log passes by itself: a full disk (no_space) or no descriptor for the next segment
// (unavailable). Then nothing is left of what failed, and try_resume() may go on.
inline bool may_pass(StatusCode code) noexcept {
  return code == StatusCode::no_space || code == StatusCode::unavailable;
}

class Wal {
 public:
  using Replay = std::function<Status(Sequence, Bytes payload)>;

  // Opens or creates the log and replays every record with sequence > `after`, in order. A torn tail (the
  // unfinished last write) is cut off; a record that fails to verify before the tail is data_loss naming file
  // and offset, unless options.salvage. A gap between `after` and the first record is data_loss.
  static Result<std::unique_ptr<Wal>> open(io::FileSystem& fs, const Clock& clock, WalOptions options,
                                           Sequence after, const Replay& replay, RecoveryReport& report);
  virtual ~Wal() = default;

  // Appends all payloads as consecutive records with one write and one sync; returns the last one's sequence.
  // After an error that may_pass() nothing of them is left, and try_resume() may go on; after any other it
  // may not.
  virtual Result<Sequence> append(std::span<const std::string> payloads) = 0;
  // Ends the current segment, so that everything up to the returned sequence lies in closed segments.
  // An error that may_pass() does not stop the log here.
  virtual Result<Sequence> rotate() = 0;
  // Recycles or removes segments whose records are all <= `upto` (they stand in a verified snapshot). Works
  // on a full disk, too.
  virtual Status release(Sequence upto) = 0;
  // ok, or the error that stopped the log.
  virtual Status health() const = 0;
  // After an error that may_pass(): try to make room ready again without a restart. Safe only because nothing
  // unsynced was ever acknowledged and the tail has been cut back; refuses after a failed sync.
  virtual Status try_resume() = 0;
  virtual Sequence last_sequence() const = 0;
  virtual const WalStats& stats() const = 0;
};

}  // namespace ferro::node::wal
