#include "node/engine/planner.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace ferro::node::engine {

namespace {

// Beyond this a time is as good as never, and adding must not overflow.
constexpr int64_t kTimeMaxMs = std::numeric_limits<int64_t>::max();

int64_t expiry(int64_t now_ms, uint64_t ttl_ms) {
  if (ttl_ms == 0) return 0;
  if (ttl_ms >= static_cast<uint64_t>(kTimeMaxMs - now_ms)) return kTimeMaxMs;
  return now_ms + static_cast<int64_t>(ttl_ms);
}

bool concerns(const RemoveRequest& request, const model::NamespaceKey& ns) {
  if (request.ns && *request.ns != ns) return false;
  if (request.partitions && !model::Territory{*request.partitions, request.splits}.holds(ns, request.id)) {
    return false;
  }
  return !request.scope || *request.scope == ns.scope;
}

}  // namespace

Planner::Verdict Planner::plan(WriteItem& item, Batch& batch) {
  if (item.decide_by_ns != 0 && batch.now_ns > item.decide_by_ns) {
    item.status = Status::unavailable("its turn came when nobody waited for it any more");
    return Verdict::decided;
  }
  const bool decides =
      !std::holds_alternative<PurgeIntent>(item.what) && !std::holds_alternative<CopyIntent>(item.what);
  if (decides && !batch.refusal.ok()) {
    item.status = batch.refusal;
    return Verdict::decided;
  }
  if (auto* put = std::get_if<PutIntent>(&item.what)) return plan_put(*put, item, batch);
  if (auto* remove = std::get_if<RemoveRequest>(&item.what)) return plan_remove(*remove, item, batch);
  if (auto* drop = std::get_if<DropRequest>(&item.what)) return plan_drop(*drop, item, batch);
  if (auto* purge = std::get_if<PurgeIntent>(&item.what)) return plan_purge(*purge, item, batch);
  if (auto* copy = std::get_if<CopyIntent>(&item.what)) return plan_copy(*copy, item, batch);
  return plan_invalidate(std::get<store::EntryRef>(item.what), item, batch);
}

Planner::Verdict Planner::plan_put(PutIntent& intent, WriteItem& item, Batch& batch) {
  model::PutOp& op = intent.op;
  if (Status status = store_.admit(op, batch.now_ms); !status.ok()) {
    if (!batch.empty()) return Verdict::commit_first;  // what stands before it may make way for it
    item.status = std::move(status);
    return Verdict::decided;
  }
  op.version = hlc_.next();
  op.inserted_at_ms = batch.now_ms;
  op.expires_at_ms = expiry(batch.now_ms, intent.ttl_ms);
  make_room(op, store::Origin::here, intent.shard, batch);
  item.id = op.id;
  batch.put_ids.insert(op.id);
  batch.put_namespaces.insert(op.ns);
  batch.bytes += waiting_bytes(op);
  batch.operations.push_back({std::move(op), &item});
  return Verdict::decided;
}

void Planner::make_room(const model::PutOp& op, store::Origin origin, model::SlotSet shard, Batch& batch) {
  for (store::EntryRef& victim : store_.victims_for(op, batch.now_ms, origin, shard)) {
    // The victim's own version: a newer one of the same id, already on its way, is not meant.
    batch.operations.push_back({model::DeleteOp{std::move(victim.ns), std::move(victim.id), victim.version,
                                                model::DeleteReason::evicted, dated(batch)}});
    batch.removals = true;
  }
}

Planner::Verdict Planner::plan_remove(const RemoveRequest& request, WriteItem& item, Batch& batch) {
  if (batch.put_ids.contains(request.id)) return Verdict::commit_first;
  for (const store::EntryView& entry : store_.find(request.id, batch.now_ms, false)) {
    if (!concerns(request, entry.ns)) continue;
    batch.operations.push_back(
        {model::DeleteOp{entry.ns, entry.id, hlc_.next(), model::DeleteReason::requested}, &item});
    batch.removals = true;
  }
  return Verdict::decided;
}

// A shard that is empty here is dropped all the same: the namespace has others, the client is told that all
// of it is gone, and what this node has not heard of yet must be gone, too.
Planner::Verdict Planner::plan_drop(const DropRequest& intent, WriteItem& item, Batch& batch) {
  const bool live = intent.slots != model::kAllSlots || batch.put_namespaces.contains(intent.ns) ||
                    store_.dimension_of(intent.ns, batch.now_ms, intent.slots) != 0;
  if (live) batch.operations.push_back({model::DropNamespaceOp{intent.ns, hlc_.next(), intent.slots}, &item});
  batch.removals |= live;
  return Verdict::decided;
}

Planner::Verdict Planner::plan_invalidate(const store::EntryRef& ref, WriteItem& item, Batch& batch) {
  // A delete wins a tie of versions and loses to a newer one: it removes exactly the entry that was judged.
  batch.operations.push_back(
      {model::DeleteOp{ref.ns, ref.id, ref.version, model::DeleteReason::invalidated, dated(batch)}, &item});
  batch.removals = true;
  return Verdict::decided;
}

Planner::Verdict Planner::plan_purge(const PurgeIntent& intent, WriteItem& item, Batch& batch) {
  const store::EntryRef& ref = intent.ref;
  batch.operations.push_back(
      {model::DeleteOp{ref.ns, ref.id, ref.version, model::DeleteReason::moved, 0}, &item, Course::purged});
  batch.removals = true;
  return Verdict::decided;
}

Planner::Verdict Planner::plan_copy(CopyIntent& intent, WriteItem& item, Batch& batch) {
  // Old news need not be logged, unless something before it in the batch may yet make it new.
  if (!batch.removals && !store_.is_news(intent.op)) return Verdict::decided;
  if (const auto* put = std::get_if<model::PutOp>(&intent.op)) {
    if (Status status = store_.admit_copy(*put); !status.ok()) {
      if (!batch.empty()) return Verdict::commit_first;
      item.status = std::move(status);
      return Verdict::decided;
    }
    make_room(*put, store::Origin::elsewhere, model::kAllSlots, batch);
    batch.put_ids.insert(put->id);
    batch.put_namespaces.insert(put->ns);
    batch.bytes += waiting_bytes(*put);
  } else {
    batch.removals = true;
  }
  batch.operations.push_back({std::move(intent.op), &item, Course::copied});
  return Verdict::decided;
}

}  // namespace ferro::node::engine
