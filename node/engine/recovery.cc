#include "node/engine/recovery.h"

#include <utility>

#include "common/crypto/random.h"
#include "common/obs/log.h"
#include "node/engine/snapshot_records.h"
#include "node/store/eviction_policy.h"

namespace ferro::node::engine {

namespace {

constexpr uint64_t kOperationsPerReclaim = 256;  // what they replaced is freed now and then
constexpr size_t kDroppedSentencesMax = 1000;    // a log that is nothing but damage must not fill the memory
constexpr int kReclaimRounds = 4;  // freeing an entry takes up to three, each making room for the next
// How much more than its bytes an entry may cost the store (maps, lists, index rows). Only decides how near
// to the budget recovery starts to ask the store whether something must go.
constexpr uint64_t kEntryOverheadFactor = 4;

std::string sentence(const wal::Dropped& dropped) {
  return dropped.file + " at offset " + std::to_string(dropped.offset) + ": " +
         std::to_string(dropped.bytes) + " bytes left out, " + dropped.reason;
}

// What to do about it, where the layer below has not said so; nothing is added to other failures.
Status with_advice(Status status) {
  const bool advised = status.message().find("--salvage") != std::string::npos;
  if (status.code() != StatusCode::data_loss || advised) return status;
  return Status::data_loss(
      status.message() +
      ". Restore the data folder from a copy, or start with --salvage to keep what verifies "
      "and give up the rest");
}

class Recovery {
 public:
  Recovery(Core& core, OpenReport& report) : core_(core), report_(report), now_ms_(core.clock.wall_ms()) {}

  Result<Recovered> run();

 private:
  // Everything that was acknowledged, or data_loss.
  Status complete_state();
  Status settle(wal::Sequence after, const std::string& damage);
  // What verifies.
  Status partial_state();

  void start_empty();
  Status load(const snapshot::SnapshotInfo& info);
  Status load_record(uint8_t type, Bytes payload);
  Status replay(wal::Sequence after, bool salvage);
  Status replay_record(wal::Sequence sequence, Bytes payload, bool salvage);
  void drop(std::string what);
  void apply(model::Operation op);
  bool near_budget(const model::PutOp& put);
  void reclaim();

  Core& core_;
  OpenReport& report_;
  const int64_t now_ms_;
  std::vector<snapshot::SnapshotInfo> snapshots_;  // oldest first
  Recovered recovered_;
  uint64_t entries_loaded_ = 0;  // from the snapshot at hand
  uint64_t applied_ = 0;
  uint64_t dropped_ = 0;  // of the log, by the last replay
};

Result<Recovered> Recovery::run() {
  const EngineOptions& options = core_.options;
  auto snapshots = snapshot::SnapshotSet::open(core_.fs, {options.data_folder, options.snapshot_retention},
                                               options.salvage);
  if (!snapshots.ok()) return with_advice(snapshots.status());
  core_.snapshots = std::move(*snapshots);
  snapshots_ = core_.snapshots->list();
  Status status = complete_state();
  if (status.code() == StatusCode::data_loss) {
    if (!options.salvage) return with_advice(std::move(status));
    status = partial_state();
  }
  FERRO_RETURN_IF_ERROR(status);
  reclaim();
  core_.store->end_batch();
  core_.store->start_counting();
  report_.snapshot_entries = recovered_.snapshot_entries = entries_loaded_;
  report_.wal_records = recovered_.replayed_operations;
  recovered_.snapshot_due |= !report_.dropped.empty();
  if (dropped_ > kDroppedSentencesMax) {
    report_.dropped.push_back("in all " + std::to_string(dropped_) + " places of the log were left out");
  }
  return recovered_;
}

Status Recovery::complete_state() {
  std::string damage;  // of the snapshots passed over
  for (auto it = snapshots_.rbegin(); it != snapshots_.rend(); ++it) {
    Status loaded = load(*it);
    if (loaded.ok()) return settle(it->wal_sequence, damage);
    if (loaded.code() != StatusCode::data_loss) return loaded;
    damage += (damage.empty() ? "" : "; ") + loaded.message();
  }
  start_empty();
  return settle(0, damage);
}

// The newest state that loads decides: an older one would need even more of the log.
Status Recovery::settle(wal::Sequence after, const std::string& damage) {
  Status status = replay(after, false);
  if (damage.empty()) return status;
  if (status.ok() && core_.wal->last_sequence() < snapshots_.back().wal_sequence) {
    status = Status::data_loss("the log ends at " + std::to_string(core_.wal->last_sequence()) +
                               ", before the damaged snapshot");
  }
  if (status.code() == StatusCode::data_loss) return Status::data_loss(damage + "; " + status.message());
  FERRO_RETURN_IF_ERROR(status);
  recovered_.snapshot_due = true;
  obs::warn("a snapshot is damaged, recovered from what stands behind it", {{"damage", damage}});
  return {};
}

// The newest snapshot that gives anything at all, even a part: an entry missing from it is a miss, while an
// entry that only an older one has may have been deleted since.
Status Recovery::partial_state() {
  wal::Sequence after = 0;
  bool found = false;
  for (auto it = snapshots_.rbegin(); it != snapshots_.rend() && !found; ++it) {
    Status loaded = load(*it);
    if (!loaded.ok() && loaded.code() != StatusCode::data_loss) return loaded;
    if (!loaded.ok()) {
      report_.dropped.push_back(loaded.message() + "; " + std::to_string(entries_loaded_) +
                                " entries before it kept");
    }
    found = loaded.ok() || entries_loaded_ > 0;
    if (found) after = it->wal_sequence;
  }
  if (!found) start_empty();
  return replay(after, true);
}

void Recovery::start_empty() {
  const EngineOptions& options = core_.options;
  core_.wal.reset();
  core_.store.reset();
  store::StoreOptions store_options;
  store_options.index = options.index;
  store_options.max_entries_per_namespace = options.max_entries_per_namespace;
  store_options.memory_max_bytes = options.memory_max_bytes;
  store_options.tombstone_retention_ms = options.tombstone_retention_ms;
  core_.store = store::Store::create(store_options, core_.clock, core_.epochs, store::make_recency_policy());
  reclaim();
  entries_loaded_ = 0;
  recovered_ = {};
}

Status Recovery::load(const snapshot::SnapshotInfo& info) {
  start_empty();
  uint64_t record = 0;
  return core_.snapshots->read(info, [&](uint8_t type, Bytes payload) {
    ++record;
    Status status = load_record(type, payload);
    if (status.ok()) return status;
    return status.with_context("snapshot file " + info.file + ", record " + std::to_string(record));
  });
}

Status Recovery::load_record(uint8_t type, Bytes payload) {
  switch (static_cast<SnapshotRecord>(type)) {
    case SnapshotRecord::entry: {
      FERRO_ASSIGN_OR_RETURN(model::Operation op, model::decode(payload));
      if (!std::holds_alternative<model::PutOp>(op))
        return Status::data_loss("a snapshot record is not an entry");
      apply(std::move(op));
      ++entries_loaded_;
      return {};
    }
    case SnapshotRecord::graph: {
      FERRO_ASSIGN_OR_RETURN(const GraphRecord record, decode_graph_record(payload));
      // A search structure can be made anew; entries cannot.
      if (Status status = core_.store->load_graph(record.ns, record.graph); !status.ok()) {
        obs::warn("an index is rebuilt: its graph in the snapshot could not be used",
                  {{"reason", status.message()}});
      }
      return {};
    }
    case SnapshotRecord::removal: {
      FERRO_ASSIGN_OR_RETURN(model::Operation op, model::decode(payload));
      if (std::holds_alternative<model::PutOp>(op))
        return Status::data_loss("a removal in the snapshot is an entry");
      apply(std::move(op));
      return {};
    }
    case SnapshotRecord::collected: {
      FERRO_ASSIGN_OR_RETURN(const int64_t upto_ms, decode_collected_record(payload));
      core_.store->restore_collected(upto_ms);
      return {};
    }
    case SnapshotRecord::clock: {
      FERRO_ASSIGN_OR_RETURN(const Hlc newest, decode_clock_record(payload));
      core_.hlc.observe(newest);
      return {};
    }
  }
  if (type >= kOptionalRecordMin) return {};
  return {StatusCode::failed_precondition,
          "the snapshot has records of type " + std::to_string(type) + ": it was written by a later program"};
}

Status Recovery::replay(wal::Sequence after, bool salvage) {
  const EngineOptions& options = core_.options;
  wal::WalOptions log;
  log.folder = options.data_folder;
  log.segment_bytes = options.wal_segment_bytes;
  log.sync = options.wal_sync;
  log.incarnation_seed = crypto::random_u64();
  log.salvage = salvage;
  wal::RecoveryReport found;
  FERRO_ASSIGN_OR_RETURN(core_.wal, wal::Wal::open(
                                        core_.fs, core_.clock, std::move(log), after,
                                        [&](wal::Sequence sequence, Bytes payload) {
                                          return replay_record(sequence, payload, salvage);
                                        },
                                        found));
  report_.torn_bytes = found.torn_bytes;
  for (const wal::Dropped& dropped : found.dropped) drop(sentence(dropped));
  return {};
}

Status Recovery::replay_record(wal::Sequence sequence, Bytes payload, bool salvage) {
  auto op = model::decode(payload);
  if (!op.ok()) {
    const std::string message =
        "record " + std::to_string(sequence) + " of the log: " + op.status().message();
    if (!salvage) return {op.status().code(), message};
    drop(message);
    return {};
  }
  apply(std::move(*op));
  ++recovered_.replayed_operations;
  recovered_.replayed_bytes += payload.size();
  return {};
}

void Recovery::drop(std::string what) {
  ++dropped_;
  if (report_.dropped.size() < kDroppedSentencesMax) report_.dropped.push_back(std::move(what));
}

void Recovery::apply(model::Operation op) {
  core_.hlc.observe(model::version_of(op));
  if (const auto* put = std::get_if<model::PutOp>(&op); put != nullptr && near_budget(*put)) {
    // As the live node would, but in memory alone: what goes here goes again after the next restart.
    if (core_.store->admit(*put, now_ms_).code() == StatusCode::out_of_memory_budget) {
      // No room at all. An older version of the entry must not answer in its place.
      op = model::DeleteOp{put->ns, put->id, put->version, model::DeleteReason::evicted, now_ms_};
    } else {
      for (store::EntryRef& victim : core_.store->victims_for(*put, now_ms_)) {
        core_.store->apply(model::DeleteOp{std::move(victim.ns), std::move(victim.id), victim.version,
                                           model::DeleteReason::evicted, now_ms_},
                           now_ms_);
      }
    }
  }
  core_.store->apply(op, now_ms_);
  if (++applied_ % kOperationsPerReclaim == 0) reclaim();
}

bool Recovery::near_budget(const model::PutOp& put) {
  const uint64_t budget = core_.options.memory_max_bytes;
  const uint64_t wanted = kEntryOverheadFactor * waiting_bytes(put);
  if (budget == 0 || core_.store->memory_bytes() + wanted <= budget) return false;
  reclaim();
  return core_.store->memory_bytes() + wanted > budget;
}

// Nobody reads yet, so all that was retired can go.
void Recovery::reclaim() {
  for (int round = 0; round < kReclaimRounds && core_.epochs.collect() > 0; ++round) {
  }
}

}  // namespace

Result<Recovered> recover(Core& core, OpenReport& report) {
  return Recovery(core, report).run();
}

}  // namespace ferro::node::engine
