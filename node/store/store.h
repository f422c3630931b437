// The entries in memory: namespaces, exact-match index, ids, expiry, recency, tags; one VectorIndex a
// namespace.
//
// `apply(op)` is the only mutation (plus reaping what has expired). Owned by the engine.
// Thread rule: "reads" from any thread, never blocked for longer than a short shard lock or pointer swap;
// "writer" methods from the engine's writer thread only. Nothing here touches the disk. Times are Unix
// milliseconds and passed in, so an entry expires for all methods at the same instant: live means expires_at
// == 0 or now < expires_at.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/sync/epoch.h"
#include "common/time/clock.h"
#include "node/index/vector_index.h"
#include "node/model/namespace_key.h"
#include "node/model/operation.h"
#include "node/model/partition.h"
#include "node/model/split_table.h"
#include "node/store/eviction_policy.h"

namespace ferro::node::store {

struct StoreOptions {
  index::IndexOptions index;
  size_t max_entries_per_namespace = 0;  // 0 = none
  uint64_t memory_max_bytes = 0;         // 0 = unlimited (tests); the engine passes the resolved budget
  int64_t tombstone_retention_ms = 0;    // 0 = none are kept (a node alone)
  // Of all namespaces; beyond it, or beyond a sixteenth of the memory budget, some are given up early.
  size_t tombstones_max = 2'000'000;
};

struct QueryRequest {
  model::NamespaceKey ns;  // exactly this one: the conversation-then-base rule is the engine's
  std::span<const float> unit_vector;
  std::string_view query_text;  // as sent; empty = no exact match
  float threshold = 0.92F;
  size_t top_k = 1;
  const model::Attributes* attributes = nullptr;  // all must match
  int64_t now_ms = 0;
  bool count = true;  // false: in no counter (another node counts it); recency is touched all the same
  model::SlotSet slots = model::kAllSlots;  // only entries of these: other owners are asked for the rest
};

// A copy of what a reader asked for: no pointer into the store leaves it.
struct Hit {
  std::string id;
  std::string response;
  std::string query_text;
  model::Attributes attributes;
  float similarity = 0.0F;  // clamped to [0, 1]
  bool exact_match = false;
  int64_t inserted_at_ms = 0;
  int64_t expires_at_ms = 0;
  double cost = 0.0;
  // Filled when only some slots were asked: what putting the answers of several owners together needs.
  Hlc version;
  // Not clamped, as hits are ordered. Of an exact match too: its place should it not be the newest.
  std::optional<float> cosine;
};

// What a hit has saved, as counters keep it. A cost below zero or beyond all reason saves nothing that could
// be added up.
uint64_t cost_saved_nano(double cost) noexcept;

// The 400 of a vector whose dimension is not its namespace's, in the same words whoever finds out.
Status dimension_mismatch(const model::NamespaceKey& ns, size_t expected, size_t given);

struct QueryResult {
  // An exact match first of all, then by the cosine before it is clamped, the newest first where that is
  // equal; no entry twice.
  std::vector<Hit> hits;
};

struct EntryView {  // GET /entry/{id}
  model::NamespaceKey ns;
  Hlc version;
  std::string id, response, query_text;
  std::vector<std::string> tags;
  model::Attributes attributes;
  double cost = 0.0;
  bool has_cost = false;
  int64_t inserted_at_ms = 0, expires_at_ms = 0, last_accessed_at_ms = 0;
  uint64_t access_count = 0;
  std::vector<float> vector;  // filled on request
};

struct EntryRef {  // enough to delete it, if it has not been replaced since
  model::NamespaceKey ns;
  std::string id;
  Hlc version;
};

// Which entries an invalidation means; unset parts do not restrict.
struct Selector {
  std::optional<std::string> scope;  // that scope and its conversations
  std::vector<std::string> any_tag;
  model::Attributes all_attributes;
  std::optional<model::PartitionSet> partitions = std::nullopt;  // only entries in these
  std::shared_ptr<const model::SplitTable> splits = nullptr;     // by which they lie there; null: by none
};

// --- what nodes of a cluster compare ---
// Operations up to `all` are over in every slot, those up to a version of `some` in its slots. One form for
// one meaning: slots that have the same floor stand together, and if that is all slots that were asked for,
// in `all`.
struct Floors {
  struct OfSlots {
    model::SlotSet slots = 0;
    Hlc version;
    friend bool operator==(const OfSlots&, const OfSlots&) = default;
  };
  Hlc all;
  std::vector<OfSlots> some;  // by lowest slot, disjoint

  Hlc of(std::string_view id) const noexcept {
    if (some.empty()) return all;
    const model::SlotSet bit = model::slot_bit(id);
    for (const OfSlots& floor : some) {
      if ((floor.slots & bit) != 0) return floor.version > all ? floor.version : all;
    }
    return all;
  }
  bool any() const noexcept { return all != Hlc{} || !some.empty(); }
  friend bool operator==(const Floors&, const Floors&) = default;
};

struct NamespaceSummary {
  model::NamespaceKey ns;
  uint64_t digest = 0;      // as Store::partition_digest, of this namespace
  uint64_t entries = 0;     // expired ones until they are reaped
  uint64_t tombstones = 0;  // without the floors
  Floors floors;            // of the last drops
};

// A part of what a store holds, as nodes compare it: a partition, or of one only the namespaces of a hash.
struct Area {
  uint16_t partition = 0;
  const model::SplitTable* splits = nullptr;  // null: none are split
  uint64_t only = 0;                          // model::namespace_hash; 0 = all
};

// A namespace with many entries.
struct LargeNamespace {
  uint64_t hash = 0;  // model::namespace_hash
  uint64_t entries = 0, bytes = 0;
  std::array<uint64_t, model::kSlots> slot_entries{};
};

struct VersionOf {
  std::string id;
  Hlc version;
  bool tombstone = false;
};

struct NamespaceVersions {
  std::vector<VersionOf> entries;  // in no order; an id that is put again meanwhile may be missing
  Floors floors;
};

struct TombstoneFigures {
  uint64_t count = 0, bytes = 0;  // floors included
  // Deletes made at or before this time may have been given up: whoever has not heard of them by now may
  // still hold what they removed.
  int64_t collected_upto_ms = 0;
};

struct NamespaceCounters {  // since start
  uint64_t queries_hit = 0, queries_miss = 0, inserts = 0, evictions = 0, expirations = 0, deletions = 0,
           invalidations = 0, exact_match_hits = 0;
  uint64_t cost_saved_nano = 0;  // billionths of the unit of the entries' cost

  NamespaceCounters& operator+=(const NamespaceCounters& other) noexcept {
    queries_hit += other.queries_hit;
    queries_miss += other.queries_miss;
    inserts += other.inserts;
    evictions += other.evictions;
    expirations += other.expirations;
    deletions += other.deletions;
    invalidations += other.invalidations;
    exact_match_hits += other.exact_match_hits;
    cost_saved_nano += other.cost_saved_nano;
    return *this;
  }
  friend bool operator==(const NamespaceCounters&, const NamespaceCounters&) = default;
};

// One base namespace (model and scope), its conversations folded in: what metrics show.
struct BaseTotals {
  model::NamespaceKey key;  // without conversation
  uint64_t number = 0;      // grows with every base made: one that was forgotten and comes back has another
  uint64_t entries = 0;     // live now
  NamespaceCounters counters;  // kept while the base has no entries, too
};

struct NamespaceStats {
  model::NamespaceKey key;
  size_t entry_count = 0;
  size_t dimension = 0;
  int64_t oldest_entry_ms = 0, newest_entry_ms = 0;
  uint64_t total_accesses = 0;
  std::string index_kind;
  uint64_t bytes = 0;
  uint64_t index_rebuilds = 0;
  NamespaceCounters counters;  // of its base, all conversations included
};

struct TopEntry {
  std::string id;
  uint64_t access_count = 0;
  int64_t last_accessed_at_ms = 0;
  std::string query_text_preview;
  Hlc version;  // of those read equally often the newest comes first
};

// How often an entry was handed out.
struct AccessCount {
  std::string id;
  uint64_t count = 0;
};

// Who decided an operation. What other nodes decided is in no counter here, else a cluster would count its
// copies.
enum class Origin : uint8_t { here, elsewhere };

enum class ApplyOutcome : uint8_t {
  inserted,
  replaced,
  removed,
  ignored
};  // ignored: older than what is there

struct ApplyResult {
  ApplyOutcome outcome = ApplyOutcome::ignored;
  uint64_t removed = 0;  // live entries that went (DropNamespaceOp: how many)
};

class Store {
 public:
  static std::unique_ptr<Store> create(StoreOptions options, const Clock& clock, sync::EpochDomain& epochs,
                                       std::unique_ptr<EvictionPolicy> policy);
  virtual ~Store() = default;

  // --- writer ---
  // May this be logged? invalid_argument naming both dimensions if the namespace's live entries have another;
  // out_of_memory_budget if the budget cannot take it even after evicting all that is evictable.
  virtual Status admit(const model::PutOp& op, int64_t now_ms) const = 0;
  // Applies in log order. Never fails: a put whose dimension conflicts with older entries supersedes them all
  // (the live node had accepted it, so they were gone); one older than them is ignored.
  // With tombstones kept: a delete leaves one, entry or not, and a drop a floor; what is not newer than
  // either is ignored; a put that has expired is a delete of its version. So stores that were given the same
  // operations, in any order and any number of times, hold the same (puts of one namespace and one
  // dimension).
  virtual ApplyResult apply(const model::Operation& op, int64_t now_ms, Origin origin = Origin::here) = 0;
  // Who must go so that `op` fits under the namespace's cap and the node's budget, lowest value first; never
  // the entry that `op` replaces. The engine logs and applies their removal in the same batch, before the
  // put. A whole batch may be decided before any of it is applied: each put is admitted, then its victims are
  // asked for, once and in order. The store remembers what is planned (a victim is named once, an earlier put
  // of the batch may be one, two puts cannot fix different dimensions) until it is applied or the batch ends.
  // A put from elsewhere answers to the budget alone: whoever decided it has kept the cap.
  // `shard`: the slots of the namespace's shard that the put falls into; the cap is kept shard by shard, each
  // with its part of it.
  virtual std::vector<EntryRef> victims_for(const model::PutOp& op, int64_t now_ms,
                                            Origin origin = Origin::here,
                                            model::SlotSet shard = model::kAllSlots) = 0;
  // As `admit`, for a put that another node decided: it was accepted, so only the budget can refuse it.
  virtual Status admit_copy(const model::PutOp& op) const = 0;
  // Would `apply` change anything? Of the state as it is, without the batch under way.
  virtual bool is_news(const model::Operation& op) const = 0;
  // The batch has been applied, or given up because it could not be logged: plans that did not happen are
  // forgotten.
  virtual void end_batch() = 0;
  // Recovery is over: the counters of all namespaces start at zero.
  virtual void start_counting() = 0;
  // Removes up to `max` entries that expired at or before now, oldest deadline first; returns how many.
  virtual size_t reap_expired(int64_t now_ms, size_t max) = 0;
  // Gives up to `max` tombstones and floors up that are older than the retention; returns how many.
  virtual size_t collect_tombstones(int64_t now_ms, size_t max) = 0;
  // Recovery: TombstoneFigures::collected_upto_ms of the snapshot.
  virtual void restore_collected(int64_t upto_ms) = 0;
  // Index work that is due; the engine runs it in the background and gives it back on the writer thread,
  // while the store lives. Looks only at namespaces that changed since they were last looked at.
  struct Maintenance {
    std::shared_ptr<void> keep_alive;
    std::unique_ptr<index::MaintenanceJob> job;
    std::function<void(std::unique_ptr<index::MaintenanceJob>)> finish;
  };
  virtual std::optional<Maintenance> begin_maintenance() = 0;
  // While the memory budget is nearly used up: a slice of the work that gives back what indexes hold beyond
  // their entries. True if it did something: once the epochs have been collected, another call may go on.
  virtual bool give_memory_back() = 0;

  // --- reads ---
  // The dimension that the namespace's live entries have; 0 = none live. Here and below `slots`: looks at
  // entries of these alone.
  virtual size_t dimension_of(const model::NamespaceKey& ns, int64_t now_ms,
                              model::SlotSet slots = model::kAllSlots) const = 0;
  // invalid_argument naming both dimensions on a mismatch, before exact matching. The clamped similarity is
  // compared, with limits::kSimilarityTolerance, so threshold 0 takes every live entry. Touches what it
  // returns (recency, access count). Counts a hit or a miss for the namespace; with `count_miss` false a miss
  // is not counted, because another namespace is asked next (a conversation's base).
  virtual Result<QueryResult> query(const QueryRequest& request, bool count_miss = true) = 0;
  // Counts a query for a base namespace whose answer came from elsewhere. Any thread.
  virtual void count_query(const model::NamespaceKey& base, const Hit* best) = 0;
  // Copies of these entries were handed out elsewhere: touches the ones here as `query` would. Ids that are
  // not here are passed over. Any thread.
  virtual void touch(const model::NamespaceKey& ns, const std::vector<AccessCount>& accesses,
                     int64_t now_ms) const = 0;
  // Every live entry of this id, newest version first.
  virtual std::vector<EntryView> find(std::string_view id, int64_t now_ms, bool with_vector,
                                      const model::Territory* within = nullptr) const = 0;
  // Cosine >= threshold, not clamped; exhaustive. Empty if the dimensions differ.
  virtual std::vector<EntryRef> within_radius(const model::NamespaceKey& ns,
                                              std::span<const float> unit_vector, float threshold,
                                              int64_t now_ms,
                                              model::SlotSet slots = model::kAllSlots) const = 0;
  virtual std::vector<EntryRef> select(const Selector& selector, int64_t now_ms) const = 0;

  virtual size_t live_entries(int64_t now_ms) const = 0;  // expired ones not counted
  virtual uint64_t memory_bytes() const = 0;              // accounted: vectors, texts, index, maps, entries
  // Namespaces that hold entries, until the last expired one is reaped.
  virtual size_t namespace_count() const = 0;
  virtual uint64_t index_rebuilds() const = 0;  // of all namespaces since start, gone ones included
  // Every base namespace with entries or recent traffic; `forgotten` gets the counts of those dropped
  // meanwhile, so that the sum over all never decreases. Costs a little per base, nothing per conversation or
  // entry.
  virtual std::vector<BaseTotals> base_totals(int64_t now_ms, NamespaceCounters& forgotten) const = 0;
  // Namespaces with live entries in order of printed name, after `after` (exclusive), at most `limit`. Costs
  // nothing per entry: oldest and newest may for a while be those of an entry that has expired and is not yet
  // reaped.
  virtual std::vector<NamespaceStats> namespaces(int64_t now_ms, std::string_view prefix,
                                                 std::string_view after, size_t limit,
                                                 const model::Territory* within = nullptr) const = 0;
  virtual std::optional<NamespaceStats> namespace_stats(const model::NamespaceKey& key,
                                                        int64_t now_ms) const = 0;
  // The most-read entries of the first `namespaces_max` namespaces by printed name. Looks at every entry of
  // those.
  virtual std::vector<std::pair<std::string, std::vector<TopEntry>>> top_entries(
      int64_t now_ms, size_t top, size_t namespaces_max, const model::Territory* within = nullptr) const = 0;

  // --- what nodes compare; any thread ---
  // XOR over the entries of the area, expired ones until they are reaped, of a 64-bit hash of key, id and
  // version; 0 = none. Kept with every change, free to ask.
  virtual uint64_t area_digest(const Area& area) const = 0;
  virtual uint64_t area_entries(const Area& area) const = 0;
  uint64_t partition_digest(uint16_t partition) const { return area_digest({partition}); }
  uint64_t partition_entries(uint16_t partition) const { return area_entries({partition}); }
  // Namespaces with entries, tombstones or a floor there, at most `limit`.
  virtual std::vector<NamespaceSummary> namespaces_in(const Area& area, size_t limit) const = 0;
  std::vector<NamespaceSummary> namespaces_in(uint16_t partition, size_t limit) const {
    return namespaces_in(Area{partition}, limit);
  }
  // Namespaces at home in the partition with more entries or bytes than that; 0 = however many.
  virtual std::vector<LargeNamespace> larger_than(uint16_t partition, uint64_t entries,
                                                  uint64_t bytes) const = 0;
  // Of the ids with XXH3-64(id) & (buckets - 1) == bucket; `buckets` a power of two. Looks at every entry of
  // the namespace.
  virtual NamespaceVersions versions(const model::NamespaceKey& ns, uint32_t bucket, uint32_t buckets,
                                     model::SlotSet slots = model::kAllSlots) const = 0;
  // What the namespace holds of these ids, as model::encode writes it: puts, deletes for tombstones. "" asks
  // for the floors, drops that come first. Unknown ids are passed over.
  virtual std::vector<std::string> encoded(const model::NamespaceKey& ns,
                                           const std::vector<std::string>& ids) const = 0;
  virtual TombstoneFigures tombstones() const = 0;

  // --- snapshots (background thread; takes its own short guards) ---
  // Hands out every namespace: each live entry encoded as an operation, by rising version, then the graph if
  // the index has one. The sink is called without a guard or lock held; its first failure ends the dump.
  // Entries changed meanwhile may or may not be seen; replaying the log over it gives the right state.
  struct SnapshotSink {
    std::function<Status(Bytes encoded_put)> entry;
    std::function<Status(const model::NamespaceKey&, std::string_view graph)>
        graph;  // after the namespace's entries
    // Encoded deletes and drops: tombstones and floors, after all namespaces. Need not be set when none are
    // kept.
    std::function<Status(Bytes encoded_removal)> removal;
  };
  virtual Status dump(const SnapshotSink& sink, int64_t now_ms) const = 0;
  // Recovery, writer thread: after the entries of `ns` were applied in the order of dump, and nothing else of
  // `ns`. data_loss if it does not fit: the index then does without.
  virtual Status load_graph(const model::NamespaceKey& ns, Bytes graph) = 0;
};

}  // namespace ferro::node::store
