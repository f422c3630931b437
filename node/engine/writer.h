// The writer thread: the one place where the state changes. Takes what waits, decides it, logs it with one
// write and one sync, applies it, answers; between batches it does the housekeeping that only a writer may do
// (expiry, reclaiming memory, handing out index work, resuming after a full disk). docs/architecture.md, "A
// write".
//
// Owned by the engine. `start` and `end` from the owner; the rest runs on the thread itself. In manual mode
// there is no thread: the owner calls `serve_waiting`, and `end` serves the rest.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "node/engine/batch.h"
#include "node/engine/core.h"
#include "node/engine/planner.h"
#include "node/engine/worker.h"

namespace ferro::node::engine {

class Writer {
 public:
  // Runs on the writer thread after every batch, with the inserts and log bytes it added, and now and then
  // when idle.
  using Progress = std::function<void(uint64_t inserts, uint64_t log_bytes)>;

  Writer(Core& core, Worker& index_worker, Progress progress);
  ~Writer();

  void start();
  // Announces the end to the queue and returns when what waited has been served.
  void end();

  // Manual mode: takes and serves one round of what waits, without waiting. False if there was nothing to do.
  bool serve_waiting();
  // Memory is left that nobody reads any more: another round may free it.
  bool unreclaimed() const noexcept { return unreclaimed_ > 0; }

 private:
  void run();
  void serve_taken();
  void await_work();
  void gather();
  void let_others_bring_more() const;
  std::chrono::nanoseconds idle_wait() const;

  bool may_resume() const;
  bool ready_to_log();
  void resume();
  void reserve_stamps(const Status& reserved);
  void serve_batch();
  void commit();
  uint64_t encode();
  Status tell_sink();
  void apply();
  void count(const PlannedOperation& planned, const store::ApplyResult& result);
  void answer(WriteRequestPtr request);
  void refuse_taken(const Status& why);

  void housekeeping();
  void extend_stamps_if_short();
  void reap_if_due();
  void reclaim();
  void hand_out_index_work();

  Core& core_;
  Worker& index_worker_;
  const Progress progress_;
  Planner planner_;
  std::thread thread_;

  WriteQueue::Taken taken_;
  size_t next_item_ = 0;  // of the request in front
  Batch batch_;
  std::deque<WriteRequestPtr> decided_;  // every item is in the batch or already answered
  std::vector<std::string> payloads_;    // reused, for their memory
  size_t last_batch_operations_ = 0;
  bool stays_awake_ = false;  // the last sleep was so short that staying awake is cheaper

  int64_t next_reap_ns_ = 0, next_extension_ns_ = 0;  // steady
  Hlc decided_upto_;                                  // the newest stamp that has left this node
  bool more_to_reap_ = false;
  size_t index_jobs_out_ = 0;
  size_t unreclaimed_ = 0;
  uint64_t inserts_ = 0;  // not reported to progress_ yet
  uint64_t log_bytes_ = 0;
};

}  // namespace ferro::node::engine
