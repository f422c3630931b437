#include "node/engine/compactor.h"

#include <algorithm>
#include <utility>

#include "common/obs/log.h"
#include "node/engine/snapshot_records.h"

namespace ferro::node::engine {

namespace {

// A snapshot writes every entry. Small ones are cheap and follow compact_interval_inserts to the letter; a
// larger one waits until the log has grown to a quarter of it, so that at most five bytes reach the disk for
// one that is new.
constexpr uint64_t kSmallSnapshotBytes = 64U << 20;
constexpr uint64_t kLogShare = 4;
// After a failure, mostly a full disk: doubled from the first to the second.
constexpr int64_t kBackOffMinMs = 1'000;
constexpr int64_t kBackOffMaxMs = 300'000;

}  // namespace

void Compactor::prime(const Recovered& recovered) {
  inserts_since_ = recovered.replayed_operations;
  log_bytes_since_ = recovered.replayed_bytes;
  soon_ = recovered.snapshot_due;
  const auto kept = core_.snapshots->list();
  figures_.kept = kept.size();
  figures_.entries = recovered.snapshot_entries;
  if (kept.empty()) return;
  figures_.number = kept.back().number;
  figures_.wal_sequence = kept.back().wal_sequence;
  figures_.bytes = kept.back().bytes;
  figures_.created_at_ms = kept.back().created_at_ms;
}

void Compactor::request(Done<CompactResult> done) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(done));
    if (running_) return;
    running_ = true;
  }
  if (!core_.queue.push_task([this] { begin(); })) answer(Status::unavailable("the node is stopping"));
}

SnapshotFigures Compactor::figures() const {
  std::lock_guard lock(mutex_);
  SnapshotFigures figures = figures_;
  figures.running = running_;
  return figures;
}

void Compactor::poll(uint64_t inserts, uint64_t log_bytes) {
  inserts_since_ += inserts;
  log_bytes_since_ += log_bytes;
  if (!automatic_due()) return;
  {
    std::lock_guard lock(mutex_);
    if (running_) return;
    running_ = true;
  }
  begin();
}

bool Compactor::automatic_due() const {
  if (cancelled_ || core_.clock.steady_ns() < not_before_ns_) return false;
  if (soon_) return true;
  const uint64_t interval = core_.options.compact_interval_inserts;
  if (interval == 0 || inserts_since_ < interval) return false;
  const uint64_t last_bytes = figures().bytes;
  return last_bytes <= kSmallSnapshotBytes || log_bytes_since_ >= last_bytes / kLogShare;
}

void Compactor::begin() {
  wal::Sequence upto = core_.wal->last_sequence();
  // Without a new segment the snapshot still helps: closed segments up to it can go.
  if (auto rotated = core_.wal->rotate(); rotated.ok()) {
    upto = *rotated;
  } else if (!wal::may_pass(rotated.status().code())) {
    core_.publish_log_health();
    finish(rotated.status());
    return;
  }
  cut_inserts_ = inserts_since_.exchange(0);
  log_bytes_since_ = 0;
  soon_ = false;
  const Status posted = worker_.post([this, upto](bool cancelled) {
    auto outcome = std::make_shared<Result<Outcome>>(
        cancelled ? Result<Outcome>(Status::unavailable("the node is stopping")) : write_snapshot(upto));
    if (!core_.queue.push_task([this, outcome] { finish(std::move(*outcome)); })) {
      answer(Status::unavailable("the node is stopping"));
    }
  });
  if (!posted.ok()) finish(posted);
}

Result<Compactor::Outcome> Compactor::write_snapshot(wal::Sequence upto) {
  FERRO_RETURN_IF_ERROR(check_room());
  Outcome outcome;
  outcome.result.wal_sequence = upto;
  FERRO_ASSIGN_OR_RETURN(auto file, core_.snapshots->begin(upto, core_.clock.wall_ms()));
  FERRO_RETURN_IF_ERROR(dump(*file, outcome.result.entries));
  FERRO_ASSIGN_OR_RETURN(const snapshot::SnapshotInfo info, file->finish());
  file.reset();
  {
    std::lock_guard lock(mutex_);
    figures_ = {info.number,
                info.wal_sequence,
                info.bytes,
                core_.snapshots->list().size(),
                outcome.result.entries,
                info.created_at_ms,
                false,
                false};
  }
  FERRO_ASSIGN_OR_RETURN(outcome.release_upto, core_.snapshots->prune());
  std::lock_guard lock(mutex_);
  figures_.kept = core_.snapshots->list().size();
  return outcome;
}

Status Compactor::dump(snapshot::SnapshotWriter& file, uint64_t& entries) {
  std::string record;
  encode_clock_record(core_.hlc.next(), record);
  FERRO_RETURN_IF_ERROR(file.add(static_cast<uint8_t>(SnapshotRecord::clock), as_bytes(record)));
  store::Store::SnapshotSink sink;
  sink.entry = [&](Bytes encoded) {
    if (cancelled_) return Status::unavailable("the node is stopping");
    ++entries;
    return file.add(static_cast<uint8_t>(SnapshotRecord::entry), encoded);
  };
  sink.graph = [&](const model::NamespaceKey& ns, std::string_view graph) {
    if (cancelled_) return Status::unavailable("the node is stopping");
    record.clear();
    encode_graph_record(ns, graph, record);
    return file.add(static_cast<uint8_t>(SnapshotRecord::graph), as_bytes(record));
  };
  sink.removal = [&](Bytes encoded) {
    if (cancelled_) return Status::unavailable("the node is stopping");
    return file.add(static_cast<uint8_t>(SnapshotRecord::removal), encoded);
  };
  FERRO_RETURN_IF_ERROR(core_.store->dump(sink, core_.clock.wall_ms()));
  // Asked for last: what was given up while the tombstones were written is in it.
  const int64_t collected_upto_ms = core_.store->tombstones().collected_upto_ms;
  if (collected_upto_ms == 0) return {};
  record.clear();
  encode_collected_record(collected_upto_ms, record);
  return file.add(static_cast<uint8_t>(SnapshotRecord::collected), as_bytes(record));
}

// A snapshot must not take the last room from the log: its failure costs a longer replay, the log's costs
// writes.
Status Compactor::check_room() const {
  const uint64_t needed = core_.store->memory_bytes() + core_.options.wal_segment_bytes;
  FERRO_ASSIGN_OR_RETURN(const uint64_t room, core_.fs.free_bytes(core_.options.data_folder));
  if (room >= needed) return {};
  return {StatusCode::no_space, "a snapshot needs up to " + std::to_string(needed) + " bytes, the disk has " +
                                    std::to_string(room)};
}

void Compactor::finish(Result<Outcome> outcome) {
  Status status = outcome.status();
  const uint64_t cut_inserts = std::exchange(cut_inserts_, 0);
  if (!status.ok()) inserts_since_ += cut_inserts;
  if (status.ok() && outcome->release_upto > 0) {
    // The snapshot stands either way; a log that cannot be released is only longer than it need be.
    if (Status released = core_.wal->release(outcome->release_upto); !released.ok()) {
      core_.publish_log_health();
      obs::warn("the log behind a snapshot could not be released", {{"reason", released.to_string()}});
    }
  }
  if (status.ok()) {
    ++core_.counters.compactions;
    back_off_ms_ = 0;
    not_before_ns_ = 0;
    obs::info("snapshot written", {{"entries", std::to_string(outcome->result.entries)},
                                   {"wal_sequence", std::to_string(outcome->result.wal_sequence)}});
  } else if (!cancelled_) {
    back_off_ms_ = std::clamp(back_off_ms_ * 2, kBackOffMinMs, kBackOffMaxMs);
    not_before_ns_ = core_.clock.steady_ns() + back_off_ms_ * 1'000'000;
    soon_ = core_.options.compact_interval_inserts > 0;  // when the back-off has passed
    obs::error("the snapshot failed", {{"reason", status.to_string()}});
    std::lock_guard lock(mutex_);
    figures_.failed = true;
  }
  answer(status.ok() ? Result<CompactResult>(outcome->result) : Result<CompactResult>(status));
}

void Compactor::answer(const Result<CompactResult>& result) {
  std::vector<Done<CompactResult>> waiting;
  {
    std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
    running_ = false;
  }
  for (auto& done : waiting) done(result);
}

}  // namespace ferro::node::engine
