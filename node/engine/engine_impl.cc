#include "node/engine/engine_impl.h"

#include <algorithm>
#include <utility>

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "common/crypto/uuid.h"
#include "node/engine/invalidation.h"
#include "node/engine/lookup.h"
#include "node/model/text.h"

namespace ferro::node::engine {

namespace {

constexpr size_t kIndexJobsMax = 4;     // more than the writer ever hands out
constexpr size_t kSnapshotJobsMax = 2;  // one runs at a time
constexpr size_t kScanJobsMax = 64;     // invalidations waiting; each scan takes milliseconds to a second
constexpr uint64_t kMillisecondsPerSecond = 1000;
// Rounds of freeing when nothing else is left to do: an entry takes up to three, each making room for the
// next.
constexpr size_t kIdleRoundsMax = 8;

// Whatever the log or a snapshot holds must be readable after the next start, so nothing enters that the
// decoder would refuse. Costs about as much as copying the entry once.
Status check_storable(const model::PutOp& op) {
  std::string encoded;
  model::encode(op, encoded);
  auto decoded = model::decode(as_bytes(encoded));
  return decoded.ok() ? Status() : Status::invalid(decoded.status().message());
}

template <typename Asked>
WriteItem make_item(Asked asked) {
  const WriteTag tag = asked.tag;
  const int64_t decide_by_ns = asked.decide_by_ns;
  return {std::move(asked), {}, {}, 0, tag, decide_by_ns};
}

WriteRequestPtr make_request(WriteItem item, std::function<void(WriteRequest&)> done) {
  auto request = std::make_unique<WriteRequest>();
  request->items.push_back(std::move(item));
  request->bytes = sizeof(WriteRequest) + sizeof(WriteItem);
  request->done = std::move(done);
  return request;
}

// Removing nothing is an answer of its own.
std::function<void(WriteRequest&)> answer_removed(Done<uint64_t> done, std::string none,
                                                  bool none_is_ok = false) {
  return [done = std::move(done), none = std::move(none), none_is_ok](WriteRequest& request) {
    const WriteItem& item = request.items.front();
    if (!item.status.ok()) return done(item.status);
    if (item.removed == 0 && !none_is_ok) return done(Status::not_found(none));
    done(item.removed);
  };
}

// Of copies and purges: how many changed something, or the first failure.
std::function<void(WriteRequest&)> answer_changed(Done<uint64_t> done) {
  return [done = std::move(done)](WriteRequest& request) {
    uint64_t changed = 0;
    for (const WriteItem& item : request.items) {
      if (!item.status.ok()) return done(item.status);
      changed += item.removed;
    }
    done(changed);
  };
}

// Not stamped by a clock that is far ahead: what it wrote would win for as long as it is ahead, and its
// deletes would never grow old.
Status check_stamps(const model::Operation& op, int64_t now_ms) {
  int64_t stamp_ms = model::version_of(op).wall_ms();
  if (const auto* deletion = std::get_if<model::DeleteOp>(&op)) stamp_ms = model::deleted_at_ms(*deletion);
  if (stamp_ms <= now_ms + limits::kClockSkewMaxMs) return {};
  return Status::invalid("an operation is stamped " + std::to_string(stamp_ms - now_ms) +
                         " ms ahead of this node's clock: check the clocks of both nodes");
}

Result<std::string> answer_of(WriteItem& item) {
  if (!item.status.ok()) return item.status;
  return std::move(item.id);
}

}  // namespace

EngineImpl::EngineImpl(DataFolder folder, std::unique_ptr<Core> core, const Recovered& recovered)
    : folder_(std::move(folder)),
      core_(std::move(core)),
      index_worker_("index", sync::ThreadRole::background, kIndexJobsMax),
      snapshot_worker_("snapshot", sync::ThreadRole::background, kSnapshotJobsMax),
      scan_worker_("scan", sync::ThreadRole::serving, kScanJobsMax),
      compactor_(*core_, snapshot_worker_),
      writer_(*core_, index_worker_,
              [this](uint64_t inserts, uint64_t bytes) { compactor_.poll(inserts, bytes); }) {
  compactor_.prime(recovered);
}

EngineImpl::~EngineImpl() {
  stop();
}

void EngineImpl::start() {
  if (!core_->options.manual) {
    index_worker_.start();
    snapshot_worker_.start();
    scan_worker_.start();
  }
  writer_.start();
}

void EngineImpl::stop() {
  std::lock_guard lock(stop_mutex_);
  stopping_ = true;
  core_->queue.close();
  compactor_.cancel();
  // The workers first, while the writer still takes what they hand over; the writer then serves what is left.
  scan_worker_.stop();
  snapshot_worker_.stop();
  index_worker_.stop();
  writer_.end();
  core_->stamps->settle(core_->hlc.latest());
}

Result<LookupResult> EngineImpl::lookup(const LookupRequest& request) {
  return look_up(*core_, request);
}

std::vector<store::EntryView> EngineImpl::find(std::string_view id, bool with_vector) {
  return core_->store->find(id, now_ms(), with_vector);
}

void EngineImpl::insert(InsertRequest request, Done<std::string> done) {
  const WriteTag tag = request.tag;
  const int64_t decide_by_ns = request.decide_by_ns;
  auto intent = intent_of(std::move(request));
  if (!intent.ok()) return done(intent.status());
  const uint64_t bytes = waiting_bytes(intent->op);
  auto write = make_request(
      {std::move(*intent), {}, {}, 0, tag, decide_by_ns},
      [done = std::move(done)](WriteRequest& answered) { done(answer_of(answered.items.front())); });
  write->bytes = bytes;
  submit(std::move(write));
}

void EngineImpl::insert_batch(std::vector<InsertRequest> requests,
                              std::function<void(std::vector<Result<std::string>>)> done) {
  // Refused items keep their place in the results and never reach the writer.
  auto refusals = std::make_shared<std::vector<Status>>(requests.size());
  auto write = std::make_unique<WriteRequest>();
  for (size_t i = 0; i < requests.size(); ++i) {
    const WriteTag tag = requests[i].tag;
    const int64_t decide_by_ns = requests[i].decide_by_ns;
    auto intent = intent_of(std::move(requests[i]));
    if (intent.ok()) {
      write->bytes += waiting_bytes(intent->op);
      write->items.push_back({std::move(*intent), {}, {}, 0, tag, decide_by_ns});
    } else {
      (*refusals)[i] = intent.status();
    }
  }
  write->done = [refusals, done = std::move(done)](WriteRequest& answered) {
    std::vector<Result<std::string>> results;
    results.reserve(refusals->size());
    size_t next = 0;
    for (Status& refusal : *refusals) {
      results.push_back(refusal.ok() ? answer_of(answered.items[next++])
                                     : Result<std::string>(std::move(refusal)));
    }
    done(std::move(results));
  };
  if (write->items.empty()) return write->done(*write);
  submit(std::move(write));
}

void EngineImpl::remove(RemoveRequest request, Done<uint64_t> done) {
  submit(make_request(make_item(std::move(request)), answer_removed(std::move(done), "entry not found")));
}

void EngineImpl::drop_namespace(DropRequest request, Done<uint64_t> done) {
  const bool some = request.slots != model::kAllSlots;
  submit(make_request(make_item(std::move(request)),
                      answer_removed(std::move(done), "namespace not found", some)));
}

void EngineImpl::invalidate(InvalidateRequest request, Done<std::vector<std::string>> done) {
  start_invalidation(*core_, scan_worker_, std::move(request), std::move(done));
}

void EngineImpl::compact(Done<CompactResult> done) {
  if (stopping_) return done(Status::unavailable("the node is stopping"));
  compactor_.request(std::move(done));
}

void EngineImpl::apply_replicated(std::vector<model::Operation> operations, Done<uint64_t> applied) {
  const int64_t now = now_ms();
  for (const model::Operation& op : operations) {
    if (Status status = check_stamps(op, now); !status.ok()) return applied(status);
  }
  if (operations.empty()) return applied(uint64_t{0});
  auto write = std::make_unique<WriteRequest>();
  for (model::Operation& op : operations) {
    core_->hlc.observe(model::version_of(op));
    const auto* put = std::get_if<model::PutOp>(&op);
    write->bytes += put != nullptr ? waiting_bytes(*put) : sizeof(WriteItem);
    write->items.push_back({CopyIntent{std::move(op)}, {}, {}, 0});
  }
  write->done = answer_changed(std::move(applied));
  submit(std::move(write));
}

void EngineImpl::purge(std::vector<store::EntryRef> entries, Done<uint64_t> done) {
  if (entries.empty()) return done(uint64_t{0});
  auto write = std::make_unique<WriteRequest>();
  for (store::EntryRef& ref : entries) write->items.push_back({PurgeIntent{std::move(ref)}, {}, {}, 0});
  write->bytes = write->items.size() * sizeof(WriteItem);
  write->done = answer_changed(std::move(done));
  submit(std::move(write));
}

void EngineImpl::pump() {
  FERRO_ASSERT(core_->options.manual, "an engine with threads is pumped");
  if (std::exchange(pumping_, true)) return;
  for (size_t idle = 0; idle < kIdleRoundsMax;) {
    bool busy = writer_.serve_waiting();
    for (Worker* worker : {&scan_worker_, &snapshot_worker_, &index_worker_}) busy |= worker->run_waiting();
    if (!busy && !writer_.unreclaimed()) break;
    idle = busy ? 0 : idle + 1;
  }
  pumping_ = false;
}

void EngineImpl::count_lookup(const model::NamespaceKey& base, const store::Hit* best) {
  count_query(core_->counters, best);
  core_->store->count_query(base, best);
}

Status EngineImpl::readiness() const {
  if (stopping_) return Status::unavailable("the node is stopping");
  return core_->log_health.current();
}

Counters EngineImpl::counters() const {
  Counters counters = core_->counters.read();
  counters.index_rebuilds = core_->store->index_rebuilds();
  return counters;
}

EngineFigures EngineImpl::figures() const {
  const int64_t now = now_ms();
  const wal::WalStats& log = core_->wal->stats();
  const SnapshotFigures snapshot = compactor_.figures();
  EngineFigures figures;
  figures.live_entries = core_->store->live_entries(now);
  const uint64_t on_disk = snapshot.entries + compactor_.inserts_since();
  figures.dead_entries = on_disk - std::min(on_disk, figures.live_entries);
  figures.memory_bytes = core_->store->memory_bytes();
  figures.memory_max_bytes = core_->options.memory_max_bytes;
  figures.namespaces = core_->store->namespace_count();
  figures.wal_bytes = log.bytes;
  figures.wal_segments = log.segments;
  figures.wal_sequence = log.last_sequence;
  figures.wal_syncs = log.syncs;
  figures.wal_sync_ns_total = log.sync_ns_total;
  figures.wal_last_sync_ns = log.last_sync_ns;
  figures.write_queue = core_->queue.operations();
  figures.snapshot_number = snapshot.number;
  figures.snapshot_wal_sequence = snapshot.wal_sequence;
  figures.snapshot_bytes = snapshot.bytes;
  figures.snapshots_kept = snapshot.kept;
  figures.snapshot_created_at_ms = snapshot.created_at_ms;
  figures.snapshot_failed = snapshot.failed;
  figures.snapshot_running = snapshot.running;
  figures.newest_stamp_ms = core_->hlc.latest().wall_ms();
  return figures;
}

Result<PutIntent> EngineImpl::intent_of(InsertRequest request) const {
  PutIntent intent;
  intent.ttl_ms = ttl_ms_of(request);
  intent.shard = request.shard;
  model::PutOp& op = intent.op;
  op.ns = std::move(request.ns);
  op.id = std::move(request.id);
  if (op.id.empty()) {
    FERRO_ASSIGN_OR_RETURN(op.id, crypto::make_uuid(model::partition_of(op.ns)));
  }
  op.vector = std::move(request.unit_vector);
  op.query_text = std::move(request.query_text);
  op.response = std::move(request.response);
  op.tags = std::move(request.tags);
  op.attributes = std::move(request.attributes);
  op.has_cost = request.cost.has_value();
  op.cost = request.cost.value_or(0.0);
  FERRO_RETURN_IF_ERROR(check_storable(op));
  return intent;
}

uint64_t EngineImpl::ttl_ms_of(const InsertRequest& request) const {
  if (request.ttl_ms) return *request.ttl_ms;
  const EngineOptions& options = core_->options;
  uint64_t seconds = options.default_ttl_seconds;
  if (request.ttl_seconds) {
    seconds = *request.ttl_seconds;
  } else if (request.ns.is_conversation() && options.conversation_ttl_seconds > 0) {
    seconds = options.conversation_ttl_seconds;
  }
  return std::min<uint64_t>(seconds, limits::kTtlSecondsMax) * kMillisecondsPerSecond;
}

void EngineImpl::submit(WriteRequestPtr request) {
  const Status status = core_->queue.push(request);
  if (status.ok()) return;
  for (WriteItem& item : request->items) item.status = status;
  request->done(*request);
}

Result<std::unique_ptr<Engine>> Engine::open(EngineOptions options, io::FileSystem& fs, const Clock& clock,
                                             OpenReport& report) {
  const int64_t started_ns = clock.steady_ns();
  FERRO_ASSIGN_OR_RETURN(DataFolder folder, open_data_folder(fs, options.data_folder, options.node_id,
                                                             options.cluster_id, options.salvage));
  options.node_id = folder.node_id;
  // Breaks ties between nodes: any stable hash of the id serves.
  const auto node = static_cast<uint32_t>(model::hash_text(folder.node_id).low);
  auto core = std::make_unique<Core>(std::move(options), fs, clock, node);
  FERRO_ASSIGN_OR_RETURN(const Recovered recovered, recover(*core, report));
  FERRO_ASSIGN_OR_RETURN(core->stamps, StampReserve::open(fs, clock, core->options.data_folder,
                                                          core->options.boot_id, core->options.salvage));
  core->hlc.observe(core->stamps->used());
  report.elapsed_ms = static_cast<uint64_t>((clock.steady_ns() - started_ns) / 1'000'000);
  auto engine = std::make_unique<EngineImpl>(std::move(folder), std::move(core), recovered);
  engine->start();
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace ferro::node::engine
