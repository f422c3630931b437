// What has been deleted, so that a copy that turns up later does not bring it back: a tombstone an id, a
// floor for a namespace that was dropped (all of it up to that version is over), or for the slots that were.
//
// Kept for the retention time, counted from the delete itself, not from the version that it means. Beyond
// the bounds some go early: first those of evicted and expired entries, whose return would only be a hit that
// was not owed; only then deletes, and that is told to the others (collected_upto_ms). Which of two deletes
// of an id stays does not depend on their order.
//
// Owned by the store. Thread rule: the writer changes, any thread asks; one lock, held for one id or a page.
#pragma once

#include <array>
#include <boost/container/small_vector.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/list_hook.hpp>
#include <boost/intrusive/set.hpp>
#include <boost/intrusive/set_hook.hpp>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "node/model/operation.h"
#include "node/model/partition.h"
#include "node/store/memory_account.h"
#include "node/store/store.h"

namespace ferro::node::store {

class Tombstones {
 public:
  // What the tombstones hold is added to `memory`, which outlives the object.
  Tombstones(const StoreOptions& options, MemoryAccount& memory);
  ~Tombstones();
  Tombstones(const Tombstones&) = delete;
  Tombstones& operator=(const Tombstones&) = delete;

  bool kept() const noexcept { return retention_ms_ > 0; }
  // What the tombstone of an id takes.
  static size_t heap_of(std::string_view id) noexcept { return heap_bytes(sizeof(Stone) + id.size()); }

  // --- writer; all do nothing when none are kept ---
  // Records the delete. False if it says nothing new: a newer one or the floor is known, or it is older than
  // the retention. `op.reason` is not moved.
  bool bury(const model::DeleteOp& op, int64_t now_ms);
  bool raise_floor(const model::DropNamespaceOp& op, int64_t now_ms);
  // A newer put of the id has been accepted.
  void forget(const model::NamespaceKey& ns, std::string_view id);
  // Those older than the retention, at most `max`; returns how many went.
  size_t collect(int64_t now_ms, size_t max);
  // From a snapshot: deletes up to this time had been given up when it was written.
  void restore_collected(int64_t upto_ms);

  // --- any thread ---
  // Puts of the id are over up to this version: the later of tombstone and floor; {} if there is neither.
  Hlc over_upto(const model::NamespaceKey& ns, std::string_view id) const;
  // The last drops of these slots.
  Floors floors_of(const model::NamespaceKey& ns, model::SlotSet slots = model::kAllSlots) const;
  // The same as operations.
  std::vector<model::DropNamespaceOp> drops_of(const model::NamespaceKey& ns) const;
  // Would raise_floor() say something new, however old it is?
  bool raises(const model::DropNamespaceOp& op) const;
  std::optional<model::DeleteOp> find(const model::NamespaceKey& ns, std::string_view id) const;

  struct OfNamespace {
    model::NamespaceKey ns;
    uint64_t hash = 0;   // model::namespace_hash
    uint64_t count = 0;  // without the floors
    Floors floors;
  };
  // Namespaces of the partition with a tombstone or floor, at most `max`, in no order.
  std::vector<OfNamespace> in_partition(uint16_t partition, size_t max) const;
  // Those of that hash, what they have in these slots. Looks at every tombstone of them.
  std::vector<OfNamespace> of_hash(uint64_t ns_hash, model::SlotSet slots) const;
  // Where a walk stands. Starts before the first id of a bucket (store.h, `versions`); what is covered by the
  // floor is left out.
  struct Cursor {
    uint64_t place = 0, last_place = UINT64_MAX;
    std::string id;  // the last one handed out
  };
  static Cursor of_bucket(uint32_t bucket, uint32_t buckets);
  // Looks at the next `max` of the walk and appends those; false when it is over.
  bool next(const model::NamespaceKey& ns, Cursor& cursor, size_t max,
            std::vector<model::DeleteOp>& out) const;
  TombstoneFigures figures() const;

 private:
  using TreeHook = boost::intrusive::set_member_hook<boost::intrusive::optimize_size<true>>;
  struct Grave;
  struct Stone;  // one allocation with its id, a floor with its slots
  struct Place {
    uint64_t hash;  // of the id, bits reversed: a bucket is a range
    std::string_view id;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct PlaceOf {
    using type = Place;
    Place operator()(const Stone& stone) const noexcept;
  };
  struct ByAge {
    bool operator()(const Stone& a, const Stone& b) const noexcept;
  };
  struct Stone {
    std::string_view tail() const noexcept { return {reinterpret_cast<const char*>(this + 1), tail_size}; }
    std::string_view id() const noexcept { return is_floor ? std::string_view() : tail(); }
    model::SlotSet slots() const noexcept;          // of a floor
    void set_slots(model::SlotSet slots) noexcept;  // of a floor
    Hlc version() const noexcept { return {ticks, node}; }
    // Of an entry that was evicted or has expired.
    bool weak() const noexcept { return reason == model::DeleteReason::evicted; }
    size_t heap_size() const noexcept { return heap_bytes(sizeof(Stone) + tail_size); }

    TreeHook in_grave;
    TreeHook by_age;
    Grave* grave = nullptr;
    uint64_t place = 0;
    uint64_t ticks = 0;
    int64_t deleted_at_ms = 0;
    uint32_t node = 0;
    model::DeleteReason reason = model::DeleteReason::requested;
    bool is_floor = false;
    uint8_t tail_size = 0;
  };
  using Stones =
      boost::intrusive::set<Stone, boost::intrusive::member_hook<Stone, TreeHook, &Stone::in_grave>,
                            boost::intrusive::key_of_value<PlaceOf>,
                            boost::intrusive::constant_time_size<false>>;
  using Ages =
      boost::intrusive::multiset<Stone, boost::intrusive::member_hook<Stone, TreeHook, &Stone::by_age>,
                                 boost::intrusive::compare<ByAge>,
                                 boost::intrusive::constant_time_size<false>>;
  // The tombstones of one namespace; goes with the last of them.
  struct Grave {
    const model::NamespaceKey* ns = nullptr;  // the map's key
    uint16_t partition = 0;
    Stones stones;
    uint64_t count = 0;
    boost::container::small_vector<Stone*, 1> floors;  // their slots are disjoint
    uint64_t hash = 0;                                 // model::namespace_hash
    boost::intrusive::list_member_hook<> in_partition;
  };
  using Graves = std::unordered_map<model::NamespaceKey, Grave, model::NamespaceKeyHash>;
  using OfPartition = boost::intrusive::list<
      Grave, boost::intrusive::member_hook<Grave, boost::intrusive::list_member_hook<>, &Grave::in_partition>,
      boost::intrusive::constant_time_size<false>>;

  // All under the lock.
  const Grave* grave_of(const model::NamespaceKey& ns) const;
  Grave& open_grave(const model::NamespaceKey& ns);
  void add(Grave& grave, std::string_view id, const Hlc& version, model::DeleteReason reason, int64_t at_ms);
  void add_floor(Grave& grave, model::SlotSet slots, const Hlc& version, int64_t at_ms);
  Stone& make(Grave& grave, std::string_view tail, const Hlc& version, model::DeleteReason reason,
              int64_t at_ms);
  void change(Stone& stone, const Hlc& version, model::DeleteReason reason, int64_t at_ms);
  void remove(Stone& stone);
  void give_up(Stone& stone);
  void keep_bounds();
  Ages& ages_of(const Stone& stone) noexcept { return stone.weak() ? weak_ : strong_; }
  bool too_old(int64_t at_ms, int64_t now_ms) const noexcept { return at_ms <= now_ms - retention_ms_; }
  static Hlc floor_of(const Grave& grave, std::string_view id) noexcept;
  static Floors floors_of(const Grave& grave, model::SlotSet slots);
  static model::DeleteOp operation_of(const Stone& stone);
  static size_t heap_of(const model::NamespaceKey& ns) noexcept;

  const int64_t retention_ms_;
  const uint64_t count_max_;
  const uint64_t bytes_max_;
  MemoryAccount& memory_;
  mutable std::mutex mutex_;  // guards all below
  Graves graves_;
  std::array<OfPartition, model::kPartitions> by_partition_;
  Ages weak_, strong_;
  uint64_t count_ = 0;
  uint64_t bytes_ = 0;
  int64_t collected_upto_ms_ = 0;
};

}  // namespace ferro::node::store
