// Snapshots beside traffic: the writer cuts the log, the snapshot thread writes and verifies the file, the
// writer drops the log behind it and answers. One at a time; calls made meanwhile get the running one's
// result.
//
// Why the file may be written while entries change: it holds at least what stood when the log was cut,
// perhaps with later changes, and replaying the log from the cut over it ends in the same state
// (operation.h).
//
// Owned by the engine. `request` and the figures from any thread, the rest as said.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include "node/engine/core.h"
#include "node/engine/recovery.h"
#include "node/engine/worker.h"

namespace ferro::node::engine {

struct SnapshotFigures {
  uint64_t number = 0, wal_sequence = 0, bytes = 0, kept = 0, entries = 0;
  int64_t created_at_ms = 0;
  bool failed = false;   // the last attempt
  bool running = false;  // one is being made
};

class Compactor {
 public:
  Compactor(Core& core, Worker& snapshot_worker) : core_(core), worker_(snapshot_worker) {}

  // Before the threads start: what recovery replayed counts towards the next automatic snapshot.
  void prime(const Recovered& recovered);

  void request(Done<CompactResult> done);
  SnapshotFigures figures() const;
  // Entries written since the log was last cut for a snapshot, or for one before if that failed. Any thread.
  uint64_t inserts_since() const noexcept { return inserts_since_.load(); }
  // Makes a running snapshot give up.
  void cancel() noexcept { cancelled_.store(true); }

  // Writer thread, after every batch and now and then when idle: starts an automatic snapshot when enough was
  // inserted.
  void poll(uint64_t inserts, uint64_t log_bytes);

 private:
  struct Outcome {
    CompactResult result;
    wal::Sequence release_upto = 0;
  };
  void begin();                                        // writer thread
  Result<Outcome> write_snapshot(wal::Sequence upto);  // snapshot thread
  Status dump(snapshot::SnapshotWriter& file, uint64_t& entries);
  Status check_room() const;
  void finish(Result<Outcome> outcome);  // writer thread
  void answer(const Result<CompactResult>& result);
  bool automatic_due() const;

  Core& core_;
  Worker& worker_;
  std::atomic<bool> cancelled_{false};

  mutable std::mutex mutex_;  // guards what follows, never held over I/O or a callback
  bool running_ = false;
  std::vector<Done<CompactResult>> waiting_;
  SnapshotFigures figures_;

  // Writer thread changes it, others read it.
  std::atomic<uint64_t> inserts_since_{0};

  // Writer thread.
  uint64_t cut_inserts_ = 0;  // those in front of the snapshot that is being written
  uint64_t log_bytes_since_ = 0;
  bool soon_ = false;
  int64_t not_before_ns_ = 0;  // steady; after a failure
  int64_t back_off_ms_ = 0;
};

}  // namespace ferro::node::engine
