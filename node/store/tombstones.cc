#include "node/store/tombstones.h"

#include <algorithm>
#include <bit>
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

// Looked at under one lock.
constexpr size_t kPage = 1024;

// Of the operation's slots those whose floor is lower.
template <typename FloorStones>
model::SlotSet risen_slots(const FloorStones& floors, const model::DropNamespaceOp& op) {
  model::SlotSet slots = op.slots;
  for (const auto* floor : floors) {
    if (floor->version() >= op.version) slots &= ~floor->slots();
  }
  return slots;
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
  if (known != nullptr && op.version <= floor_of(*known, op.id)) return false;
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
  const Grave* known = grave_of(op.ns);
  const model::SlotSet risen = known == nullptr ? op.slots : risen_slots(known->floors, op);
  if (risen == 0) return false;
  Grave& grave = open_grave(op.ns);
  const auto before = grave.floors;
  add_floor(grave, risen, op.version, at_ms);
  for (Stone* const floor : before) {
    if (const model::SlotSet rest = floor->slots() & ~risen; rest == 0) {
      remove(*floor);
    } else {
      floor->set_slots(rest);
    }
  }
  keep_bounds();
  return true;
}

bool Tombstones::raises(const model::DropNamespaceOp& op) const {
  if (op.version == Hlc{}) return false;  // where there is no floor, it lies there
  const std::lock_guard lock(mutex_);
  const Grave* grave = grave_of(op.ns);
  return grave == nullptr || risen_slots(grave->floors, op) != 0;
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
  const Hlc floor = floor_of(*grave, id);
  return at == grave->stones.end() ? floor : std::max(at->version(), floor);
}

Floors Tombstones::floors_of(const model::NamespaceKey& ns, model::SlotSet slots) const {
  const std::lock_guard lock(mutex_);
  const Grave* grave = grave_of(ns);
  return grave == nullptr ? Floors{} : floors_of(*grave, slots);
}

std::vector<model::DropNamespaceOp> Tombstones::drops_of(const model::NamespaceKey& ns) const {
  std::vector<model::DropNamespaceOp> drops;
  const std::lock_guard lock(mutex_);
  const Grave* grave = grave_of(ns);
  if (grave == nullptr) return drops;
  for (const Stone* floor : grave->floors) drops.push_back({ns, floor->version(), floor->slots()});
  return drops;
}

std::optional<model::DeleteOp> Tombstones::find(const model::NamespaceKey& ns, std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const Grave* grave = grave_of(ns);
  if (grave == nullptr) return std::nullopt;
  const auto at = grave->stones.find(Place{place_of(id), id});
  if (at == grave->stones.end() || at->version() <= floor_of(*grave, id)) return std::nullopt;
  return operation_of(*at);
}

std::vector<Tombstones::OfNamespace> Tombstones::in_partition(uint16_t partition, size_t max) const {
  std::vector<OfNamespace> out;
  if (partition >= model::kPartitions) return out;
  const std::lock_guard lock(mutex_);
  for (const Grave& grave : by_partition_.at(partition)) {
    if (out.size() == max) break;
    out.push_back({*grave.ns, grave.hash, grave.count, floors_of(grave, model::kAllSlots)});
  }
  return out;
}

std::vector<Tombstones::OfNamespace> Tombstones::of_hash(uint64_t ns_hash, model::SlotSet slots) const {
  std::vector<OfNamespace> out;
  {
    const std::lock_guard lock(mutex_);
    for (const Grave& grave : by_partition_.at(model::home_of(ns_hash))) {
      if (grave.hash != ns_hash) continue;
      const size_t count = slots == model::kAllSlots ? grave.count : 0;
      out.push_back({*grave.ns, ns_hash, count, floors_of(grave, slots)});
    }
  }
  if (slots == model::kAllSlots) return out;
  std::vector<model::DeleteOp> page;
  for (OfNamespace& gone : out) {
    Cursor cursor;
    for (bool more = true; more;) {
      page.clear();
      more = next(gone.ns, cursor, kPage, page);
      for (const model::DeleteOp& op : page) gone.count += (slots & model::slot_bit(op.id)) != 0 ? 1 : 0;
    }
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
  // Ids are never empty, so the first step finds the first one.
  auto at = grave->stones.upper_bound(Place{cursor.place, cursor.id});
  for (size_t seen = 0; at != grave->stones.end() && at->place <= cursor.last_place; ++at, ++seen) {
    if (seen == max) return true;
    cursor.place = at->place;
    cursor.id = at->id();
    if (at->version() > floor_of(*grave, cursor.id)) out.push_back(operation_of(*at));
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
  grave.hash = model::namespace_hash(ns);
  grave.partition = model::home_of(grave.hash);
  by_partition_.at(grave.partition).push_back(grave);
  bytes_ += heap_of(at->first);
  memory_.add(heap_of(at->first));
  return grave;
}

void Tombstones::add(Grave& grave, std::string_view id, const Hlc& version, model::DeleteReason reason,
                     int64_t at_ms) {
  Stone& stone = make(grave, id, version, reason, at_ms);
  stone.place = place_of(id);
  grave.stones.insert(stone);
  ++grave.count;
}

void Tombstones::add_floor(Grave& grave, model::SlotSet slots, const Hlc& version, int64_t at_ms) {
  const std::string_view tail(reinterpret_cast<const char*>(&slots), sizeof slots);
  Stone& stone = make(grave, tail, version, model::DeleteReason::requested, at_ms);
  stone.is_floor = true;
  grave.floors.push_back(&stone);
}

Tombstones::Stone& Tombstones::make(Grave& grave, std::string_view tail, const Hlc& version,
                                    model::DeleteReason reason, int64_t at_ms) {
  void* space = ::operator new(sizeof(Stone) + tail.size());
  auto* stone = new (space) Stone;
  std::memcpy(static_cast<void*>(stone + 1), tail.data(), tail.size());
  stone->tail_size = static_cast<uint8_t>(tail.size());
  stone->grave = &grave;
  stone->ticks = version.ticks;
  stone->node = version.node;
  stone->reason = reason;
  stone->deleted_at_ms = at_ms;
  ages_of(*stone).insert(*stone);
  ++count_;
  bytes_ += stone->heap_size();
  memory_.add(stone->heap_size());
  return *stone;
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
  if (stone.is_floor) {
    grave.floors.erase(std::find(grave.floors.begin(), grave.floors.end(), &stone));
  } else {
    grave.stones.erase(grave.stones.iterator_to(stone));
    --grave.count;
  }
  --count_;
  bytes_ -= stone.heap_size();
  memory_.remove(stone.heap_size());
  stone.~Stone();
  ::operator delete(&stone);
  if (grave.count > 0 || !grave.floors.empty()) return;
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

Hlc Tombstones::floor_of(const Grave& grave, std::string_view id) noexcept {
  if (grave.floors.empty()) return {};
  const model::SlotSet bit = model::slot_bit(id);
  for (const Stone* floor : grave.floors) {
    if ((floor->slots() & bit) != 0) return floor->version();
  }
  return {};
}

Floors Tombstones::floors_of(const Grave& grave, model::SlotSet slots) {
  Floors floors;
  for (const Stone* stone : grave.floors) {
    const model::SlotSet part = stone->slots() & slots;
    if (part == 0) continue;
    const auto same = std::find_if(floors.some.begin(), floors.some.end(),
                                   [&](const auto& one) { return one.version == stone->version(); });
    if (same != floors.some.end()) {
      same->slots |= part;
    } else {
      floors.some.push_back({part, stone->version()});
    }
  }
  if (floors.some.size() == 1 && floors.some.front().slots == slots) {
    floors.all = floors.some.front().version;
    floors.some.clear();
  }
  std::sort(floors.some.begin(), floors.some.end(), [](const auto& a, const auto& b) {
    return std::countr_zero(a.slots) < std::countr_zero(b.slots);
  });
  return floors;
}

model::SlotSet Tombstones::Stone::slots() const noexcept {
  model::SlotSet slots = 0;
  std::memcpy(&slots, this + 1, sizeof slots);
  return slots;
}

void Tombstones::Stone::set_slots(model::SlotSet slots) noexcept {
  std::memcpy(static_cast<void*>(this + 1), &slots, sizeof slots);
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
