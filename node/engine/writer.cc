#include "node/engine/writer.h"

#include <algorithm>
#include <utility>

#include "common/base/assert.h"
#include "common/base/status.h"
#include "common/obs/log.h"
#include "common/sync/thread_role.h"

namespace ferro::node::engine {

namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// A batch is also bounded in bytes: one log write of this size takes some ten milliseconds on a slow disk,
// and nobody in the batch is answered before it ends.
constexpr uint64_t kBatchBytesMax = 16U << 20;
// Buffers larger than this are not kept for the next batch: a few long answers must not hold memory for ever.
constexpr size_t kPayloadKeptBytes = 64U << 10;
// Expired entries removed between two batches: some tens of microseconds that a writer may be made to wait.
constexpr size_t kReapSlice = 256;
// Retired things freed between two batches, for the same reason: a dropped namespace leaves millions.
constexpr size_t kFreedAtOnce = 1024;
// Slices of giving memory back between two batches, a megabyte each: a few milliseconds at most.
constexpr size_t kMemorySlices = 4;
// Index jobs of different namespaces waiting or running. One runs, one waits, so that the worker is never
// idle.
constexpr size_t kIndexJobsOutMax = 2;
// Together some 100 us on an idle core; others get the core meanwhile, and then it takes longer.
constexpr size_t kLooksAwake = 300;
constexpr int64_t kShortSleepNs = 150'000;
// Each may cost a turn of everybody who wants the core.
constexpr size_t kLooksGrowing = 8;
constexpr milliseconds kReclaimInterval{20};   // while readers hold back memory
constexpr milliseconds kResumeInterval{1000};  // while the log waits for room or descriptors
constexpr milliseconds kIdleWaitMax{1000};

model::SlotSet slots_of(const model::Operation& op) {
  if (const auto* put = std::get_if<model::PutOp>(&op)) return model::slot_bit(put->id);
  if (const auto* gone = std::get_if<model::DeleteOp>(&op)) return model::slot_bit(gone->id);
  return std::get<model::DropNamespaceOp>(op).slots;
}

}  // namespace

Writer::Writer(Core& core, Worker& index_worker, Progress progress)
    : core_(core),
      index_worker_(index_worker),
      progress_(std::move(progress)),
      planner_(*core.store, core.hlc, core.options.tombstone_retention_ms > 0) {}

Writer::~Writer() {
  end();
}

void Writer::start() {
  core_.publish_log_health();
  next_reap_ns_ = core_.clock.steady_ns();
  if (!core_.options.manual) thread_ = std::thread([this] { run(); });
}

void Writer::end() {
  core_.queue.end();
  if (thread_.joinable()) thread_.join();
  while (!core_.queue.finish_if_drained() || !taken_.requests.empty()) serve_waiting();
}

void Writer::run() {
  sync::set_thread_role("writer", sync::ThreadRole::serving);
  while (true) {
    if (taken_.requests.empty()) {
      await_work();
      gather();
      core_.queue.take(core_.options.wal_batch_size, taken_);
    }
    serve_taken();
    if (taken_.requests.empty() && core_.queue.finish_if_drained()) return;
  }
}

bool Writer::serve_waiting() {
  if (taken_.requests.empty()) core_.queue.take(core_.options.wal_batch_size, taken_);
  const bool busy = !taken_.tasks.empty() || !taken_.requests.empty();
  serve_taken();
  return busy || more_to_reap_ || core_.epochs.more_is_safe();
}

void Writer::serve_taken() {
  for (WriterTask& task : std::exchange(taken_.tasks, {})) task();
  if (!taken_.requests.empty()) {
    if (ready_to_log()) {
      serve_batch();
    } else {
      refuse_taken(core_.log_health.current());
    }
  } else if (may_resume()) {
    static_cast<void>(ready_to_log());
  }
  housekeeping();
}

// A lone client that writes one entry after the other comes back within some tens of microseconds of its
// answer; to be woken takes as long again. So the thread stays awake for that long, as long as it pays.
// Beside other clients it does not: there the cores have better work, and gather() does the waiting.
void Writer::await_work() {
  const nanoseconds longest = idle_wait();
  if (stays_awake_ && last_batch_operations_ == 1 && longest.count() > 0 && core_.queue.watch(kLooksAwake))
    return;
  const int64_t asleep_since = core_.clock.steady_ns();
  core_.queue.wait(1, longest);
  stays_awake_ = core_.clock.steady_ns() - asleep_since < kShortSleepNs;
}

// Callers that were answered together come back together: a sync shared by all of them is worth waiting a
// moment for the rest. Where others want the core they get it first, as long as that brings more writes; then
// never longer than a sync takes. Not at all after a batch of one.
void Writer::gather() {
  if (last_batch_operations_ <= 1 || core_.options.wal_batch_timeout_ms == 0) return;
  let_others_bring_more();
  const size_t waiting = core_.queue.operations();
  const size_t expected = std::min(last_batch_operations_, core_.options.wal_batch_size);
  if (waiting == 0 || waiting >= expected) return;
  const auto sync = nanoseconds(core_.wal->stats().last_sync_ns.load(std::memory_order_relaxed));
  const auto longest = std::min<nanoseconds>(milliseconds(core_.options.wal_batch_timeout_ms), sync);
  if (longest.count() > 0) core_.queue.wait(expected, longest);
}

void Writer::let_others_bring_more() const {
  const int64_t until_ns =
      core_.clock.steady_ns() + nanoseconds(milliseconds(core_.options.wal_batch_timeout_ms)).count();
  size_t waiting = core_.queue.operations();
  for (size_t look = 0; look < kLooksGrowing; ++look) {
    std::this_thread::yield();
    if (core_.queue.operations() <= waiting || core_.clock.steady_ns() >= until_ns) return;
    waiting = core_.queue.operations();
  }
}

nanoseconds Writer::idle_wait() const {
  if (more_to_reap_) return nanoseconds(0);
  if (unreclaimed_ > 0) return core_.epochs.more_is_safe() ? nanoseconds(0) : kReclaimInterval;
  if (may_resume()) return kResumeInterval;
  const nanoseconds until_reap(next_reap_ns_ - core_.clock.steady_ns());
  return std::clamp<nanoseconds>(until_reap, milliseconds(1), kIdleWaitMax);
}

bool Writer::may_resume() const {
  const Status log = core_.wal->health();
  return log.ok() ? !core_.stamps_trouble.ok() : wal::may_pass(log.code());
}

bool Writer::ready_to_log() {
  if (may_resume()) resume();
  core_.publish_log_health();
  return core_.log_health.current().ok();
}

// A full disk may have room again, or there may be descriptors: then the log goes on, and stamps can be
// reserved. Everything else that stops the log is final.
void Writer::resume() {
  if (!core_.wal->health().ok()) static_cast<void>(core_.wal->try_resume());
  if (!core_.stamps_trouble.ok()) reserve_stamps(core_.stamps->extend(core_.hlc.latest()));
  if (core_.write_health().ok()) obs::info("the log goes on: writes are accepted again");
}

void Writer::reserve_stamps(const Status& reserved) {
  core_.stamps_trouble = reserved.ok() ? Status() : refusal_for_stamps(reserved);
}

void Writer::serve_batch() {
  batch_.clear();
  batch_.now_ms = core_.clock.wall_ms();
  batch_.now_ns = core_.clock.steady_ns();
  batch_.refusal = core_.sink != nullptr ? core_.sink->may_decide() : Status();
  while (!taken_.requests.empty()) {
    if (batch_.operations.size() >= core_.options.wal_batch_size || batch_.bytes >= kBatchBytesMax) break;
    WriteRequest& request = *taken_.requests.front();
    const auto verdict = planner_.plan(request.items[next_item_], batch_);
    if (verdict == Planner::Verdict::commit_first) {
      FERRO_ASSERT(!batch_.empty(), "a decision waits for an empty batch");
      break;
    }
    if (++next_item_ < request.items.size()) continue;
    next_item_ = 0;
    decided_.push_back(std::move(taken_.requests.front()));
    taken_.requests.pop_front();
  }
  commit();
}

void Writer::commit() {
  if (!batch_.empty()) {
    const uint64_t log_bytes = encode();
    const Status told = core_.sink != nullptr ? tell_sink() : Status();
    const auto sequence = told.ok() ? core_.wal->append(payloads_) : Result<wal::Sequence>(told);
    if (sequence.ok()) {
      apply();
      log_bytes_ += log_bytes;
      last_batch_operations_ = batch_.operations.size();
      // The batch is safe, yet the log may have stopped behind it.
      if (!core_.wal->health().ok()) core_.publish_log_health();
    } else {
      obs::error("writes could not be logged", {{"reason", sequence.status().to_string()}});
      core_.publish_log_health();
      const Status health = core_.write_health();
      const Status answer = health.ok() ? refusal_for(sequence.status()) : health;
      for (PlannedOperation& planned : batch_.operations) {
        if (planned.item != nullptr) planned.item->status = answer;
      }
    }
  }
  core_.store->end_batch();
  for (WriteRequestPtr& request : decided_) answer(std::move(request));
  decided_.clear();
  reclaim();
}

// The payloads of the batch; returns their bytes.
uint64_t Writer::encode() {
  uint64_t bytes = 0;
  payloads_.resize(batch_.operations.size());
  for (size_t i = 0; i < payloads_.size(); ++i) {
    if (payloads_[i].capacity() > kPayloadKeptBytes) payloads_[i] = std::string();
    payloads_[i].clear();
    model::encode(batch_.operations[i].op, payloads_[i]);
    bytes += payloads_[i].size();
  }
  return bytes;
}

// While this node's disk syncs, the copies are on their way; their stamps must not be used again whatever
// becomes of the log.
Status Writer::tell_sink() {
  std::vector<Decided> decided;
  for (size_t i = 0; i < payloads_.size(); ++i) {
    const PlannedOperation& planned = batch_.operations[i];
    if (planned.course != Course::decided) continue;
    decided.push_back({planned.item != nullptr ? planned.item->tag : 0,
                       model::namespace_hash(model::namespace_of(planned.op)), slots_of(planned.op),
                       std::make_shared<const std::string>(payloads_[i])});
  }
  if (decided.empty()) return {};
  decided_upto_ = core_.hlc.latest();
  reserve_stamps(core_.stamps->cover(decided_upto_));
  FERRO_RETURN_IF_ERROR(core_.stamps_trouble);
  core_.sink->on_decided(std::move(decided));
  return {};
}

void Writer::apply() {
  for (PlannedOperation& planned : batch_.operations) {
    const auto origin = planned.course == Course::decided ? store::Origin::here : store::Origin::elsewhere;
    const store::ApplyResult result = core_.store->apply(planned.op, batch_.now_ms, origin);
    if (planned.course != Course::decided) {
      planned.item->removed += result.outcome == store::ApplyOutcome::ignored ? 0 : 1;
    } else if (planned.item != nullptr) {
      planned.item->removed += result.removed;
    }
    count(planned, result);
  }
}

// What other nodes decided counts there, and here only towards the next snapshot.
void Writer::count(const PlannedOperation& planned, const store::ApplyResult& result) {
  CounterCells& counters = core_.counters;
  if (planned.course != Course::decided) {
    const bool put = std::holds_alternative<model::PutOp>(planned.op);
    inserts_ += put && result.outcome != store::ApplyOutcome::ignored ? 1 : 0;
    return;
  }
  if (std::holds_alternative<model::PutOp>(planned.op)) {
    ++counters.inserts;
    ++inserts_;
  } else if (planned.item == nullptr) {
    counters.evictions += result.removed;
  } else if (std::holds_alternative<store::EntryRef>(planned.item->what)) {
    counters.invalidations += result.removed;
  } else {
    counters.deletions += result.removed;
  }
}

void Writer::answer(WriteRequestPtr request) {
  request->done(*request);
}

void Writer::refuse_taken(const Status& why) {
  last_batch_operations_ = 0;
  for (WriteRequestPtr& request : std::exchange(taken_.requests, {})) {
    for (size_t i = std::exchange(next_item_, 0); i < request->items.size(); ++i)
      request->items[i].status = why;
    answer(std::move(request));
  }
}

void Writer::housekeeping() {
  reap_if_due();
  if (unreclaimed_ > 0) reclaim();
  extend_stamps_if_short();
  for (size_t slice = 0; slice < kMemorySlices && core_.store->give_memory_back(); ++slice) reclaim();
  hand_out_index_work();
  progress_(std::exchange(inserts_, 0), std::exchange(log_bytes_, 0));
}

// Ahead of need, so that no write waits for it; if it fails there is time to try again.
void Writer::extend_stamps_if_short() {
  const int64_t now_ns = core_.clock.steady_ns();
  if (!core_.stamps->running_short(decided_upto_) || now_ns < next_extension_ns_) return;
  const Status extended = core_.stamps->extend(decided_upto_);
  if (extended.ok()) return;
  next_extension_ns_ = now_ns + nanoseconds(kResumeInterval).count();
  obs::warn("stamps could not be reserved ahead of need", {{"reason", extended.message()}});
}

void Writer::reap_if_due() {
  const int64_t now_ns = core_.clock.steady_ns();
  if (!more_to_reap_ && now_ns < next_reap_ns_) return;
  const size_t reaped = core_.store->reap_expired(core_.clock.wall_ms(), kReapSlice);
  core_.counters.expirations += reaped;
  const size_t collected = core_.store->collect_tombstones(core_.clock.wall_ms(), kReapSlice);
  more_to_reap_ = reaped == kReapSlice || collected == kReapSlice;
  next_reap_ns_ = now_ns + static_cast<int64_t>(core_.options.expire_scan_interval_ms) * 1'000'000;
  if (reaped > 0) reclaim();
}

void Writer::reclaim() {
  unreclaimed_ = core_.epochs.collect(kFreedAtOnce);
}

void Writer::hand_out_index_work() {
  while (index_jobs_out_ < kIndexJobsOutMax) {
    auto due = core_.store->begin_maintenance();
    if (!due) return;
    auto work = std::make_shared<store::Store::Maintenance>(std::move(*due));
    ++index_jobs_out_;
    const Status posted = index_worker_.post([this, work](bool cancelled) {
      if (cancelled) return;  // the node stops: the index goes without
      work->job->run_until(index_worker_.stopping());
      core_.queue.push_task([this, work] {
        work->finish(std::move(work->job));
        --index_jobs_out_;
        reclaim();
      });
    });
    if (!posted.ok()) return;  // only when stopping
  }
}

}  // namespace ferro::node::engine
