#include "node/store/writer.h"

#include <algorithm>

#include "common/base/assert.h"
#include "node/store/slots.h"

namespace ferro::node::store {

namespace {

// Deaths after which the writer frees by itself, so that replaying a long log does not pile them up, and how
// much at once: more than those deaths leave (an entry is buried, then freed), and no long pause after one
// change that killed a million.
constexpr size_t kCollectEvery = 256;
constexpr size_t kCollectAtOnce = 4 * kCollectEvery;
// Namespaces asked for index work in one call: keeps the writer's pauses short.
constexpr size_t kMaintenanceLooks = 64;
// Moving rows together costs a copy of each. It is worth it when the budget is this nearly used up (a 32nd is
// left), this much of it is spare (a 256th), and this much of the index's rows are unused (a 128th).
constexpr uint64_t kNearBudgetDivisor = 32;
constexpr uint64_t kMuchSpareDivisor = 256;
constexpr uint64_t kRoomyDivisor = 128;
// Vectors copied at a time: a millisecond at most.
constexpr size_t kMovedAtOnceBytes = 1U << 20;
// Rounds of freeing at the end: burying is one, freeing what was buried the next, the index's own one more.
constexpr size_t kLastRounds = 16;

SlotSums* slot_sums_of(const NamespaceState& ns) noexcept {
  return ns.slot_sums.load(std::memory_order_relaxed);
}

// The end of an entry at its deadline, as a delete.
model::DeleteOp expiry_of(const model::NamespaceKey& ns, std::string id, const Hlc& version, int64_t at_ms) {
  return {ns, std::move(id), version, model::DeleteReason::evicted, at_ms};
}

}  // namespace

Writer::~Writer() {
  for (size_t round = 0; round < kLastRounds && state_.epochs.collect() > 0; ++round) {
  }
  FERRO_ASSERT(state_.epochs.collect() == 0, "a reader is inside while the store ends");
  std::vector<NamespaceState*> all = state_.namespaces.list({}, {}, state_.namespaces.size());
  changed_.clear();
  roomy_.clear();
  for (NamespaceState* ns : all) {
    state_.namespaces.unlink(*ns);
    while (!ns->entries.empty()) {
      Entry& entry = ns->entries.front();
      ns->entries.pop_front();
      state_.recency.unlink(entry);
      Entry* const one = &entry;
      state_.census.change(nullptr, {&one, 1});
      Entry::destroy(&entry);
    }
    free_namespace(ns);
  }
}

// Nothing in it that is not known already, or over.
bool Writer::is_old(const model::PutOp& op, const NamespaceState* ns, const Entry* old) const {
  if (old != nullptr && op.version <= old->version()) return true;
  if (op.version <= state_.tombstones.over_upto(op.ns, op.id)) return true;
  return ns != nullptr && ns->dimension != op.vector.size() && ns->entries.back().version() > op.version;
}

ApplyResult Writer::put(const model::PutOp& op, int64_t now_ms, Origin origin) {
  state_.plan.applied(op);
  ApplyResult result;
  NamespaceState* ns = state_.namespaces.find(op.ns);
  Entry* old = ns != nullptr ? state_.ids.find_alive(*ns, op.id) : nullptr;
  if (is_old(op, ns, old)) return result;
  if (state_.tombstones.kept()) {
    // A copy that comes too late must not stand until it is reaped, and what it replaced is over all the
    // same.
    if (origin == Origin::elsewhere && op.expires_at_ms != 0 && op.expires_at_ms <= now_ms) {
      return remove(expiry_of(op.ns, op.id, op.version, op.expires_at_ms), now_ms, origin);
    }
    state_.tombstones.forget(op.ns, op.id);
  }
  result.outcome = old != nullptr ? ApplyOutcome::replaced : ApplyOutcome::inserted;
  if (ns != nullptr && ns->dimension != op.vector.size()) {
    ns = &supersede(*ns, op.vector.size(), now_ms, origin, result);
    old = nullptr;
  }
  if (ns == nullptr) ns = &open_namespace(op.ns, op.vector.size());
  link(*ns, op);
  if (origin == Origin::here) count_one(ns->base.counters.inserts);
  if (old != nullptr) {
    result.removed = old->live_at(now_ms) ? 1 : 0;
    kill(*old);
  }
  commit();
  return result;
}

ApplyResult Writer::remove(const model::DeleteOp& op, int64_t now_ms, Origin origin) {
  NamespaceState* ns = state_.namespaces.find(op.ns);
  Entry* entry = ns != nullptr ? state_.ids.find_alive(*ns, op.id) : nullptr;
  if (entry != nullptr && entry->version() > op.version) return {};
  const bool recorded = op.reason != model::DeleteReason::moved && state_.tombstones.bury(op, now_ms);
  if (entry == nullptr) return {recorded ? ApplyOutcome::removed : ApplyOutcome::ignored, 0};
  const ApplyResult result{ApplyOutcome::removed, entry->live_at(now_ms) ? 1U : 0U};
  CounterCells& counters = ns->base.counters;
  switch (op.reason) {
    case model::DeleteReason::requested:
      kill_counted(*entry, now_ms, counters.deletions, origin);
      break;
    case model::DeleteReason::invalidated:
      kill_counted(*entry, now_ms, counters.invalidations, origin);
      break;
    case model::DeleteReason::evicted:
      kill_counted(*entry, now_ms, counters.evictions, origin);
      break;
    case model::DeleteReason::moved:
      kill(*entry);
      break;
  }
  commit();
  return result;
}

ApplyResult Writer::drop(const model::DropNamespaceOp& op, int64_t now_ms, Origin origin) {
  ApplyResult result;
  if (state_.tombstones.raise_floor(op, now_ms)) result.outcome = ApplyOutcome::removed;
  NamespaceState* ns = state_.namespaces.find(op.ns);
  if (ns == nullptr) return result;
  for (auto at = ns->entries.begin(); at != ns->entries.end() && at->version() <= op.version;) {
    Entry& entry = *at++;
    if (!in_slots(entry, op.slots)) continue;
    if (entry.live_at(now_ms)) ++result.removed;
    kill_counted(entry, now_ms, ns->base.counters.deletions, origin);
    result.outcome = ApplyOutcome::removed;
  }
  if (!dead_.empty()) commit();
  return result;
}

bool Writer::is_news(const model::Operation& op) const {
  const NamespaceState* ns = state_.namespaces.find(model::namespace_of(op));
  const Tombstones& tombstones = state_.tombstones;
  if (const auto* dropped = std::get_if<model::DropNamespaceOp>(&op)) {
    const auto falls = [&](const Entry& entry) { return in_slots(entry, dropped->slots); };
    if (ns != nullptr) {
      for (const Entry& entry : ns->entries) {
        if (entry.version() > dropped->version) break;
        if (falls(entry)) return true;
      }
    }
    return tombstones.kept() && tombstones.raises(*dropped);
  }
  if (const auto* put = std::get_if<model::PutOp>(&op)) {
    return !is_old(*put, ns, ns != nullptr ? state_.ids.find_alive(*ns, put->id) : nullptr);
  }
  const auto& deletion = std::get<model::DeleteOp>(op);
  const Entry* entry = ns != nullptr ? state_.ids.find_alive(*ns, deletion.id) : nullptr;
  if (entry != nullptr) return entry->version() <= deletion.version;
  return tombstones.kept() && deletion.reason != model::DeleteReason::moved &&
         tombstones.over_upto(deletion.ns, deletion.id) < deletion.version;
}

size_t Writer::reap_expired(int64_t now_ms, size_t max) {
  const std::vector<Entry*> expired = state_.census.earliest(now_ms, max);
  for (Entry* entry : expired) {
    if (state_.tombstones.kept()) {
      // What the entry had replaced may still stand elsewhere, with a later end.
      const Hlc version = entry->version();
      state_.tombstones.bury(
          expiry_of(entry->ns->key, std::string(entry->id()), version, entry->expires_at_ms), now_ms);
    }
    kill_counted(*entry, now_ms, entry->ns->base.counters.expirations, Origin::here);
  }
  if (!expired.empty()) commit();
  return expired.size();
}

NamespaceState& Writer::open_namespace(const model::NamespaceKey& key, size_t dimension) {
  auto index = index::VectorIndex::create(dimension, state_.options.index, state_.epochs);
  auto* ns = new NamespaceState(key, ++namespaces_made_, dimension, std::move(index), state_.bases.hold(key));
  state_.held.add(ns->own_bytes());
  ns->charge = ns->own_bytes();
  state_.charged += ns->charge;
  state_.namespaces.link(*ns);
  return *ns;
}

void Writer::free_namespace(NamespaceState* ns) {
  state_.bases.give_back(ns->key);
  delete ns;
}

// Its last entry has died. It is freed after its entries, which were retired before it.
void Writer::close_namespace(NamespaceState& ns) {
  state_.namespaces.unlink(ns);
  if (ns.in_maintenance.is_linked()) changed_.erase(changed_.iterator_to(ns));
  if (ns.in_roomy.is_linked()) roomy_.erase(roomy_.iterator_to(ns));
  ns.gone = true;
  state_.charged -= ns.charge;
  closed_.push_back(&ns);
}

// Everything in `ns` is older than an accepted put of another dimension, so it was gone when that was
// accepted.
NamespaceState& Writer::supersede(NamespaceState& ns, size_t dimension, int64_t now_ms, Origin origin,
                                  ApplyResult& result) {
  const model::NamespaceKey key = ns.key;
  while (!ns.entries.empty()) {
    Entry& entry = ns.entries.front();
    if (entry.live_at(now_ms)) ++result.removed;
    kill_counted(entry, now_ms, ns.base.counters.deletions, origin);
  }
  close_namespace(ns);
  return open_namespace(key, dimension);
}

void Writer::link(NamespaceState& ns, const model::PutOp& op) {
  model::normalise_text(op.query_text, normalised_);
  const bool has_text = !normalised_.empty();
  const model::TextHash hash = has_text ? state_.hash_text(normalised_) : model::TextHash{};
  Entry& entry = *Entry::create(ns, op, hash, has_text, next_sequence(), state_.clock.steady_ns());
  entry.row = ns.index->add(op.vector, &entry);
  state_.ids.link(entry);
  if (has_text) state_.texts.link(entry);
  // Writes arrive in order of version, so this ends at once except when copies come from elsewhere.
  auto after = ns.entries.end();
  while (after != ns.entries.begin() && std::prev(after)->version() > op.version) --after;
  ns.entries.insert(after, entry);
  state_.recency.link(entry);
  const size_t bytes = entry.heap_size();
  ns.entry_bytes.fetch_add(bytes, std::memory_order_relaxed);
  state_.held.add(bytes);
  state_.charged += bytes;
  touch(ns);
  born_ = &entry;
}

void Writer::kill(Entry& entry) {
  NamespaceState& ns = *entry.ns;
  entry.died.store(next_sequence(), std::memory_order_release);
  if (entry.leaving) {
    state_.plan.died(entry);
  } else {
    state_.recency.unlink(entry);
  }
  ns.entries.erase(ns.entries.iterator_to(entry));
  const size_t bytes = entry.heap_size();
  ns.entry_bytes.fetch_sub(bytes, std::memory_order_relaxed);
  state_.charged -= bytes;
  state_.dying += bytes + row_bytes(ns);
  dead_.push_back(&entry);
  touch(ns);
}

void Writer::kill_counted(Entry& entry, int64_t now_ms, std::atomic<uint64_t>& counter, Origin origin) {
  if (!entry.live_at(now_ms)) {
    count_one(entry.ns->base.counters.expirations);
  } else if (origin == Origin::here) {
    count_one(counter);
  }
  kill(entry);
}

void Writer::commit() {
  state_.committed.store(next_sequence(), std::memory_order_release);
  state_.census.change(born_, dead_);
  sum_up();
  born_ = nullptr;
  for (NamespaceState* ns : touched_) {
    ns->touched = false;
    if (ns->gone) continue;
    if (ns->entries.empty()) {
      close_namespace(*ns);
    } else {
      keep_slot_sums(*ns);
      refresh(*ns);
    }
  }
  touched_.clear();
  for (Entry* entry : dead_) state_.epochs.retire([this, entry] { bury(*entry); });
  retired_ += dead_.size();
  dead_.clear();
  for (NamespaceState* ns : closed_) {
    const uint64_t bytes = ns->own_bytes() + ns->index_bytes.load(std::memory_order_relaxed);
    state_.dying += bytes;
    state_.epochs.retire([this, ns, bytes] {
      state_.held.remove(bytes);
      state_.dying -= bytes;
      free_namespace(ns);
    });
  }
  closed_.clear();
  if (retired_ < kCollectEvery) return;
  retired_ = 0;
  state_.epochs.collect(kCollectAtOnce);
}

// Sums by slot, once they are worth their kilobyte.
void Writer::keep_slot_sums(NamespaceState& ns) {
  if (ns.linked < kSlotSumsFrom || slot_sums_of(ns) != nullptr) return;
  auto sums = std::make_unique<SlotSums>();
  for (const Entry& entry : ns.entries) {
    (*sums)[model::slot_of(entry.id())].add(entry_digest(ns.key, entry.id(), entry.version(), encoded_));
  }
  ns.slot_sums.store(sums.release(), std::memory_order_release);
  state_.held.add(heap_bytes(sizeof(SlotSums)));
}

// Brings the digests up to date.
void Writer::sum_up() {
  const auto digest_of = [this](const Entry& entry) {
    return entry_digest(entry.ns->key, entry.id(), entry.version(), encoded_);
  };
  if (born_ != nullptr) {
    const uint64_t digest = digest_of(*born_);
    born_->ns->sum.add(digest);
    state_.partitions[born_->ns->partition].add(digest);
    if (SlotSums* const slots = slot_sums_of(*born_->ns); slots != nullptr) {
      (*slots)[model::slot_of(born_->id())].add(digest);
    }
  }
  for (const Entry* entry : dead_) {
    const uint64_t digest = digest_of(*entry);
    entry->ns->sum.remove(digest);
    state_.partitions[entry->ns->partition].remove(digest);
    if (SlotSums* const slots = slot_sums_of(*entry->ns); slots != nullptr) {
      (*slots)[model::slot_of(entry->id())].remove(digest);
    }
  }
}

// No reader that could see it alive is left. Some may still stand on it, walking a chain or a search's
// results.
void Writer::bury(Entry& entry) {
  NamespaceState& ns = *entry.ns;
  state_.ids.unlink(entry);
  if (entry.has_text()) state_.texts.unlink(entry);
  if (!ns.gone) {
    ns.index->remove(entry.row);
    if (!ns.in_maintenance.is_linked()) changed_.push_back(ns);
  }
  state_.epochs.retire([this, dead = &entry, of_row = row_bytes(ns)] {
    const size_t bytes = dead->heap_size();
    state_.held.remove(bytes);
    state_.dying -= bytes + of_row;
    Entry::destroy(dead);
  });
}

void Writer::touch(NamespaceState& ns) {
  if (!ns.touched) touched_.push_back(&ns);
  ns.touched = true;
}

// Brings the figures of a namespace up to date after its entries or its index changed.
void Writer::refresh(NamespaceState& ns) {
  const uint64_t linked = ns.linked;
  const uint64_t before = ns.index_bytes.load(std::memory_order_relaxed);
  const uint64_t now = ns.index->bytes();
  state_.held.add(now - before);  // wraps around to a subtraction when it shrank
  ns.index_bytes.store(now, std::memory_order_relaxed);
  const uint64_t rebuilds = ns.index->rebuilds();
  state_.index_rebuilds.fetch_add(rebuilds - ns.rebuilds, std::memory_order_relaxed);
  ns.rebuilds = rebuilds;
  ns.index_rows = linked + ns.index->unused_rows();

  state_.charged -= ns.charge;
  ns.charge =
      ns.own_bytes() + static_cast<uint64_t>(ns.index_bytes_per_entry() * static_cast<double>(linked));
  state_.charged += ns.charge;

  ns.oldest_ms.store(ns.entries.front().inserted_at_ms, std::memory_order_relaxed);
  ns.newest_ms.store(ns.entries.back().inserted_at_ms, std::memory_order_relaxed);
  if (ns.index_rows == 1) fresh_index_bytes_ = now - ns.dimension * sizeof(float);
  if (!ns.in_maintenance.is_linked()) changed_.push_back(ns);
  if (!ns.in_roomy.is_linked() && is_roomy(ns)) roomy_.push_back(ns);
}

bool Writer::is_roomy(const NamespaceState& ns) noexcept {
  const size_t unused = ns.index->unused_rows();
  return unused * kRoomyDivisor > ns.linked + unused;
}

// What an index sets aside for a row: vector, owner, and a code of a bit a dimension.
size_t Writer::row_bytes(const NamespaceState& ns) noexcept {
  return ns.dimension * sizeof(float) + sizeof(void*) + ns.dimension / 8;
}

bool Writer::give_memory_back() {
  const uint64_t budget = state_.options.memory_max_bytes;
  const uint64_t spare = state_.spare();
  if (budget == 0 || spare < budget / kMuchSpareDivisor) return false;
  if (state_.usage() + spare < budget - budget / kNearBudgetDivisor) return false;
  for (size_t looks = 0; looks < kMaintenanceLooks && !roomy_.empty(); ++looks) {
    NamespaceState& ns = roomy_.front();
    roomy_.pop_front();
    const bool more = ns.index->give_memory_back(kMovedAtOnceBytes, [](const void* owner, index::Row to) {
      // The index holds what the store gave it; nobody but the writer changes a row's number.
      static_cast<Entry*>(const_cast<void*>(owner))->row = to;
    });
    refresh(ns);
    if (ns.in_roomy.is_linked()) roomy_.erase(roomy_.iterator_to(ns));
    if (!more) continue;  // until it changes again
    roomy_.push_back(ns);
    return true;
  }
  return false;
}

size_t Writer::namespace_bytes(const model::NamespaceKey& key) const noexcept {
  const size_t texts = 2 * (key.model_id.size() + key.scope.size() + key.conversation.size());
  return heap_bytes(sizeof(NamespaceState)) + texts + fresh_index_bytes_ + BaseCounters::heap_of(key.base());
}

std::optional<Store::Maintenance> Writer::begin_maintenance() {
  for (size_t looks = 0; looks < kMaintenanceLooks && !changed_.empty(); ++looks) {
    NamespaceState& ns = changed_.front();
    auto job = ns.index->begin_maintenance();
    refresh(ns);
    changed_.pop_front();
    if (job == nullptr) continue;
    Store::Maintenance work;
    work.keep_alive = ns.index;
    work.job = std::move(job);
    work.finish = [this, index = ns.index, key = ns.key,
                   number = ns.number](std::unique_ptr<index::MaintenanceJob> done) {
      finish_maintenance(index, key, number, std::move(done));
    };
    return work;
  }
  return std::nullopt;
}

void Writer::finish_maintenance(const std::shared_ptr<index::VectorIndex>& index,
                                const model::NamespaceKey& key, uint64_t number,
                                std::unique_ptr<index::MaintenanceJob> job) {
  index->finish_maintenance(std::move(job));
  // The namespace may have gone meanwhile, or come back as another.
  NamespaceState* ns = state_.namespaces.find(key);
  if (ns != nullptr && ns->number == number) {
    refresh(*ns);
  } else {
    // What the index just retired may point into it: it goes after that.
    state_.epochs.retire([index] {});
  }
}

Status Writer::load_graph(const model::NamespaceKey& key, Bytes graph) {
  NamespaceState* ns = state_.namespaces.find(key);
  if (ns == nullptr) return Status::data_loss("the graph of a namespace without entries");
  std::vector<index::Row> row_of;
  row_of.reserve(ns->linked);
  for (const Entry& entry : ns->entries) row_of.push_back(entry.row);
  Status status = ns->index->load_graph(graph, row_of);
  refresh(*ns);
  return status;
}

}  // namespace ferro::node::store
