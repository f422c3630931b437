#include "node/store/tombstones.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "common/base/assert.h"
#include "common/base/limits.h"
#include "node/store/id_index.h"

namespace ferro::node::store {

namespace {

// Tombstones may take this part of the memory budget: what is gone must not push out much of what is there.
constexpr uint64_t kBudgetShare = 16;

uint64_t reversed(uint64_t bits) noexcept {
  const auto swap = [&bits](unsigned by, uint64_t mask) {
    bits = ((bits >> by) & mask) | ((bits & mask) << by);
  };
  swap(1, 0x5555555555555555ULL);
  swap(2, 0x3333333333333333ULL);
  swap(4, 0x0f0f0f0f0f0f0f0fULL);
  return __builtin_bswap64(bits);
}

uint64_t place_of(std::string_view id) noexcept {
  return reversed(hash_id(id));
}

}  // namespace

Tombstones::Place Tombstones::PlaceOf::operator()(const Stone& stone) const noexcept {
  return {stone.place, stone.id()};
}

bool Tombstones::ByAge::operator()(const Stone& a, const Stone& b) const noexcept {
  return a.deleted_at_ms < b.deleted_at_ms;
}

Tombstones::Tombstones(const StoreOptions& options, MemoryAccount& memory)
    : retention_ms_(options.tombstone_retention_ms),
      count_max_(options.tombstones_max),
      bytes_max_(options.memory_max_bytes == 0 ? UINT64_MAX : options.memory_max_bytes / kBudgetShare),
      memory_(memory) {}

Tombstones::~Tombstones() {
  while (!weak_.empty()) remove(*weak_.begin());
  while (!strong_.empty()) remove(*strong_.begin());
}

bool Tombstones::bury(const model::DeleteOp& op, int64_t now_ms) {
  if (!kept()) return false;
  FERRO_ASSERT(op.id.size() <= limits::kIdBytesMax, "ids are checked before they reach the store");
  const int64_t at_ms = model::deleted_at_ms(op);
  const std::lock_guard lock(mutex_);
  if (too_old(at_ms, now_ms)) {
    if (op.reason != model::DeleteReason::evicted) collected_upto_ms_ = std::max(collected_upto_ms_, at_ms);
    return false;
  }
  const Grave* known = grave_of(op.ns);
  if (known != nullptr && op.version <= floor_of(*known)) return false;
  Grave& grave = open_grave(op.ns);
  const auto at = grave.stones.find(Place{place_of(op.id), op.id});
  if (at == grave.stones.end()) {
    add(grave, op.id, op.version, op.reason, at_ms);
    keep_bounds();
    return true;
  }
  if (op.version < at->version()) return false;
  if (op.version > at->version()) {
    change(*at, op.version, op.reason, at_ms);
    return true;
  }
  // The same version deleted twice: what both say, in either order.
  change(*at, op.version, std::min(op.reason, at->reason), std::max(at_ms, at->deleted_at_ms));
  return false;
}

bool Tombstones::raise_floor(const model::DropNamespaceOp& op, int64_t now_ms) {
  if (!kept()) return false;
  const int64_t at_ms = op.version.wall_ms();
  const std::lock_guard lock(mutex_);
  if (too_old(at_ms, now_ms)) {
    collected_upto_ms_ = std::max(collected_upto_ms_, at_ms);
    return false;
  }
  Grave& grave = open_grave(op.ns);
  if (grave.floor == nullptr) {
    add(grave, {}, op.version, model::DeleteReason::requested, at_ms);
    keep_bounds();
    return true;
  }
  if (op.version <= grave.floor->version()) return false;
  change(*grave.floor, op.version, model::DeleteReason::requested, at_ms);
  return true;
}

void Tombstones::forget(const model::NamespaceKey& ns, std::string_view id) {
  if (!kept()) return;
  const std::lock_guard lock(mutex_);
  const auto grave = graves_.find(ns);
  if (grave == graves_.end()) return;
  const auto at = grave->second.stones.find(Place{place_of(id), id});
  if (at != grave->second.stones.end()) remove(*at);
}

size_t Tombstones::collect(int64_t now_ms, size_t max) {
  if (!kept()) return 0;
  size_t gone = 0;
  const std::lock_guard lock(mutex_);
  for (Ages* ages : {&weak_, &strong_}) {
    for (; gone < max && !ages->empty() && too_old(ages->begin()->deleted_at_ms, now_ms); ++gone) {
      give_up(*ages->begin());
    }
  }
  return gone;
}

void Tombstones::restore_collected(int64_t upto_ms) {
  const std::lock_guard lock(mutex_);
  collected_upto_ms_ = std::max(collected_upto_ms_, upto_ms);
}

Hlc Tombstones::over_upto(const model::NamespaceKey& ns, std::string_view id) const {
  if (!kept()) return {};
  const std::lock_guard lock(mutex_);
  const Grave* grave = grave_of(ns);
  if (grave == nullptr) return {};
  const auto at = grave->stones.find(Place{place_of(id), id});
  return at == grave->stones.end() ? floor_of(*grave) : std::max(at->version(), floor_of(*grave));
}

Hlc Tombstones::floor_of(const model::NamespaceKey& ns) const {
  const std::lock_guard lock(mutex_);
  const Grave* grave = grave_of(ns);
  return grave == nullptr ? Hlc{} : floor_of(*grave);
}

std::optional<model::DeleteOp> Tombstones::find(const model::NamespaceKey& ns, std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const Grave* grave = grave_of(ns);
  if (grave == nullptr) return std::nullopt;
  const auto at = grave->stones.find(Place{place_of(id), id});
  if (at == grave->stones.end() || at->version() <= floor_of(*grave)) return std::nullopt;
  return operation_of(*at);
}

std::vector<Tombstones::OfNamespace> Tombstones::in_partition(uint16_t partition, size_t max) const {
  std::vector<OfNamespace> out;
  if (partition >= model::kPartitions) return out;
  const std::lock_guard lock(mutex_);
  for (const Grave& grave : by_partition_.at(partition)) {
    if (out.size() == max) break;
    out.push_back({*grave.ns, grave.count, floor_of(grave)});
  }
  return out;
}

Tombstones::Cursor Tombstones::of_bucket(uint32_t bucket, uint32_t buckets) {
  Cursor cursor;
  cursor.place = reversed(bucket);
  cursor.last_place = cursor.place | ~reversed(uint64_t{buckets} - 1);
  return cursor;
}

bool Tombstones::next(const model::NamespaceKey& ns, Cursor& cursor, size_t max,
                      std::vector<model::DeleteOp>& out) const {
  const std::lock_guard lock(mutex_);
  const Grave* grave = grave_of(ns);
  if (grave == nullptr) return false;
  const Hlc floor = floor_of(*grave);
  // Ids are never empty, so the first step finds the first one.
  auto at = grave->stones.upper_bound(Place{cursor.place, cursor.id});
  for (size_t seen = 0; at != grave->stones.end() && at->place <= cursor.last_place; ++at, ++seen) {
    if (seen == max) return true;
    cursor.place = at->place;
    cursor.id = at->id();
    if (at->version() > floor) out.push_back(operation_of(*at));
  }
  return false;
}

TombstoneFigures Tombstones::figures() const {
  const std::lock_guard lock(mutex_);
  return {count_, bytes_, collected_upto_ms_};
}

const Tombstones::Grave* Tombstones::grave_of(const model::NamespaceKey& ns) const {
  const auto at = graves_.find(ns);
  return at == graves_.end() ? nullptr : &at->second;
}

Tombstones::Grave& Tombstones::open_grave(const model::NamespaceKey& ns) {
  const auto [at, is_new] = graves_.try_emplace(ns);
  Grave& grave = at->second;
  if (!is_new) return grave;
  grave.ns = &at->first;
  grave.partition = model::partition_of(ns);
  by_partition_.at(grave.partition).push_back(grave);
  bytes_ += heap_of(at->first);
  memory_.add(heap_of(at->first));
  return grave;
}

void Tombstones::add(Grave& grave, std::string_view id, const Hlc& version, model::DeleteReason reason,
                     int64_t at_ms) {
  void* space = ::operator new(sizeof(Stone) + id.size());
  auto* stone = new (space) Stone;
  if (!id.empty()) std::memcpy(static_cast<void*>(stone + 1), id.data(), id.size());
  stone->id_size = static_cast<uint8_t>(id.size());
  stone->grave = &grave;
  stone->place = place_of(id);
  stone->ticks = version.ticks;
  stone->node = version.node;
  stone->reason = reason;
  stone->deleted_at_ms = at_ms;
  if (id.empty()) {
    grave.floor = stone;
  } else {
    grave.stones.insert(*stone);
    ++grave.count;
  }
  ages_of(*stone).insert(*stone);
  ++count_;
  bytes_ += stone->heap_size();
  memory_.add(stone->heap_size());
}

void Tombstones::change(Stone& stone, const Hlc& version, model::DeleteReason reason, int64_t at_ms) {
  Ages& before = ages_of(stone);
  before.erase(before.iterator_to(stone));
  stone.ticks = version.ticks;
  stone.node = version.node;
  stone.reason = reason;
  stone.deleted_at_ms = at_ms;
  ages_of(stone).insert(stone);
}

void Tombstones::remove(Stone& stone) {
  Grave& grave = *stone.grave;
  Ages& ages = ages_of(stone);
  ages.erase(ages.iterator_to(stone));
  if (grave.floor == &stone) {
    grave.floor = nullptr;
  } else {
    grave.stones.erase(grave.stones.iterator_to(stone));
    --grave.count;
  }
  --count_;
  bytes_ -= stone.heap_size();
  memory_.remove(stone.heap_size());
  stone.~Stone();
  ::operator delete(&stone);
  if (grave.count > 0 || grave.floor != nullptr) return;
  OfPartition& partition = by_partition_.at(grave.partition);
  partition.erase(partition.iterator_to(grave));
  bytes_ -= heap_of(*grave.ns);
  memory_.remove(heap_of(*grave.ns));
  graves_.erase(graves_.find(*grave.ns));
}

void Tombstones::give_up(Stone& stone) {
  if (!stone.weak()) collected_upto_ms_ = std::max(collected_upto_ms_, stone.deleted_at_ms);
  remove(stone);
}

void Tombstones::keep_bounds() {
  while (count_ > count_max_ || bytes_ > bytes_max_) {
    Ages& ages = weak_.empty() ? strong_ : weak_;
    if (ages.empty()) return;
    give_up(*ages.begin());
  }
}

Hlc Tombstones::floor_of(const Grave& grave) noexcept {
  return grave.floor == nullptr ? Hlc{} : grave.floor->version();
}

model::DeleteOp Tombstones::operation_of(const Stone& stone) {
  const int64_t stamped_ms = stone.version().wall_ms();
  return {*stone.grave->ns, std::string(stone.id()), stone.version(), stone.reason,
          stone.deleted_at_ms > stamped_ms ? stone.deleted_at_ms : 0};
}

// The map's node with its link and cached hash, and a place in its array of buckets.
size_t Tombstones::heap_of(const model::NamespaceKey& ns) noexcept {
  return heap_bytes(sizeof(Graves::value_type) + 2 * sizeof(void*)) + sizeof(void*) +
         heap_bytes(ns.model_id) + heap_bytes(ns.scope) + heap_bytes(ns.conversation);
}

}  // namespace ferro::node::store
