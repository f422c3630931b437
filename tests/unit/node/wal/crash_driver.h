// A scripted user of the log with a model of what it was promised. Drives one log through crashes and faults
// and compares what comes back: every acknowledged record, in order, and nothing that was never written.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/fakes/faulty_file_system.h"
#include "tests/unit/node/wal/log_harness.h"

namespace ferro::node::wal {

class CrashDriver {
 public:
  explicit CrashDriver(uint64_t seed)
      : random_(seed), fs_(std::make_unique<tests::fakes::FaultyFileSystem>(seed)) {
    options_.folder = "log";
    options_.segment_bytes = 2048;
    options_.recycled_max = 2;
  }

  tests::fakes::FaultyFileSystem& fs() { return *fs_; }
  Wal& wal() { return *log_.wal; }
  const Status& failure() const { return failure_; }
  Sequence acknowledged() const { return snapshot_ + records_.size(); }

  // The next process: what survived a power cut or a kill.
  void restart_machine(bool power_cut) {
    log_.wal.reset();
    fs_ = power_cut ? fs_->after_power_cut(random_()) : fs_->after_kill(random_());
  }

  // Opens the log and holds it against the model. False: the open was interrupted by a crash. Sets `problem`
  // if what came back is wrong.
  bool open(std::string& problem) {
    log_ = open_log(*fs_, clock_, options_, snapshot_);
    if (!log_.status.ok()) {
      if (!fs_->crashed()) problem = "refused: " + log_.status.to_string();
      return false;
    }
    std::vector<Record> all = records_;
    all.insert(all.end(), in_doubt_.begin(), in_doubt_.end());
    if (log_.records.size() < records_.size() || log_.records.size() > all.size()) {
      problem = std::to_string(log_.records.size()) + " records came back, " +
                std::to_string(records_.size()) + " were acknowledged and " +
                std::to_string(in_doubt_.size()) + " in doubt";
      return false;
    }
    for (size_t i = 0; i < log_.records.size(); ++i) {
      if (log_.records[i] == all[i]) continue;
      problem = "record " + std::to_string(all[i].sequence) + " came back as " +
                std::to_string(log_.records[i].sequence) + " '" + log_.records[i].payload.substr(0, 40) + "'";
      return false;
    }
    records_ = log_.records;  // what a start has replayed is a promise, too
    in_doubt_.clear();
    return true;
  }

  // Up to `steps` steps; false if one failed, with failure() saying why.
  bool work(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (!step()) return false;
    }
    return true;
  }

  bool append(size_t count, size_t bytes) {
    std::vector<std::string> payloads;
    in_doubt_.clear();
    for (size_t i = 0; i < count; ++i) {
      // No two attempts are alike, so a record of a failed one is told from its successor.
      payloads.push_back("attempt " + std::to_string(++attempts_) + " ");
      if (payloads.back().size() < bytes)
        payloads.back().resize(bytes, static_cast<char>('a' + attempts_ % 26));
      in_doubt_.push_back({acknowledged() + 1 + i, payloads.back()});
    }
    const Result<Sequence> appended = log_.wal->append(payloads);
    if (!appended.ok()) return failed(appended.status());
    records_.insert(records_.end(), in_doubt_.begin(), in_doubt_.end());
    in_doubt_.clear();
    if (*appended != acknowledged()) return failed(Status::internal("append returned a wrong sequence"));
    return true;
  }

  // A snapshot up to the newest closed record, and the log behind it let go.
  bool compact() {
    const Result<Sequence> closed = log_.wal->rotate();
    if (!closed.ok()) return failed(closed.status());
    records_.erase(records_.begin(), records_.begin() + static_cast<std::ptrdiff_t>(*closed - snapshot_));
    snapshot_ = *closed;
    const Status released = log_.wal->release(snapshot_);
    return released.ok() ? true : failed(released);
  }

  // The log says that the failed append left no trace.
  void forget_doubts() { in_doubt_.clear(); }

 private:
  bool step() {
    const uint64_t dice = random_() % 100;
    if (dice < 6) return compact();
    if (dice < 9) return append(1, 3000);  // larger than a segment
    const size_t count = dice < 50 ? 1 : 1 + random_() % 5;
    // Now and then sizes that repeat, so that old and new frames lie on the same places.
    return append(count, random_() % 3 == 0 ? 100 : random_() % 500);
  }

  bool failed(const Status& status) {
    failure_ = status;
    return false;
  }

  std::mt19937_64 random_;
  std::unique_ptr<tests::fakes::FaultyFileSystem> fs_;
  ManualClock clock_;
  WalOptions options_;
  OpenLog log_;
  Status failure_;
  Sequence snapshot_ = 0;         // everything up to here stands in the snapshot
  std::vector<Record> records_;   // acknowledged, after the snapshot
  std::vector<Record> in_doubt_;  // handed to an append that was not answered or failed
  uint64_t attempts_ = 0;
};

}  // namespace ferro::node::wal
