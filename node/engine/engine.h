// The cache: store, log and snapshots behind one interface that the HTTP layer (and later the cluster) calls.
//
// Reads run to their end on the caller's thread. Writes go to one writer thread, which takes what is queued,
// decides each in order against the state, logs the batch with one write and one sync, applies it, and only
// then calls back: acknowledged = durable and visible. Callbacks run on the writer thread or another of the
// engine's (refusals also on the caller's) and must only hand over (post to an executor).
//
// Owned by app; started once; every method is thread-safe after `open`. After a log failure writes answer
// no_space or unavailable and reads go on; `readiness()` says why. docs/architecture.md, "A write".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/io/file_system.h"
#include "common/time/clock.h"
#include "node/index/vector_index.h"
#include "node/model/namespace_key.h"
#include "node/model/operation.h"
#include "node/model/partition.h"
#include "node/store/store.h"

namespace ferro::node::engine {

struct EngineOptions {
  std::string data_folder;  // wal_path: log segments, snapshots, identity, lock
  std::string node_id;      // empty = the stored one, made once
  std::string cluster_id = "ferrocache";
  index::IndexOptions index;
  float default_threshold = 0.92F;
  size_t max_entries_per_namespace = 0;
  uint64_t memory_max_bytes = 0;     // resolved: never 0 in production
  uint64_t default_ttl_seconds = 0;  // 0 = none
  uint64_t conversation_ttl_seconds = 0;
  uint64_t expire_scan_interval_ms = 60'000;
  uint64_t wal_segment_bytes = 16U << 20;
  bool wal_sync = true;
  size_t wal_batch_size = 256;        // most operations in one write + sync
  uint64_t wal_batch_timeout_ms = 1;  // upper bound for gathering under load; a lone writer never waits
  uint64_t compact_interval_inserts = 10'000;  // 0 = only on request
  size_t snapshot_retention = 2;
  size_t write_queue_max = 8192;  // operations waiting for the writer; beyond: unavailable
  bool salvage = false;
  bool manual = false;                 // no threads: the owner calls pump() (simulator)
  int64_t tombstone_retention_ms = 0;  // of a cluster; 0 = a node alone keeps none
  // Which start of the machine this is: steady times of one boot go on from process to process. Empty = not
  // known. Up to 64 visible ASCII characters.
  std::string boot_id;
};

// Ties a decided operation to the request that it is for; 0 = nobody follows it.
using WriteTag = uint64_t;

// `decide_by_ns` of the requests below: the steady time after which the writer refuses it, with unavailable
// and without an effect, because its asker has given up by then and perhaps asked another node. 0 = no such
// time.

// Times, ids and normalisation of what the HTTP layer parsed; the engine stamps version and inserted_at.
struct InsertRequest {
  model::NamespaceKey ns;
  std::string id;  // empty = the engine makes a UUID
  std::vector<float> unit_vector;
  std::string query_text, response;
  std::optional<uint64_t> ttl_seconds;  // absent = conversation or node default
  std::optional<uint64_t> ttl_ms;       // finer; wins over ttl_seconds
  std::vector<std::string> tags;
  model::Attributes attributes;
  std::optional<double> cost;
  WriteTag tag = 0;
  int64_t decide_by_ns = 0;
  // The slots of the namespace's shard that the id falls into: has a like part of the namespace's cap.
  model::SlotSet shard = model::kAllSlots;
};

struct LookupRequest {
  model::NamespaceKey ns;
  std::span<const float> unit_vector;
  std::string_view query_text;
  std::optional<float> threshold;  // absent = default
  size_t top_k = 1;
  const model::Attributes* attributes = nullptr;
  bool only_this_namespace = false;         // a conversation's misses do not go on to its base
  bool count = true;                        // false: in no counter (another node counts it)
  model::SlotSet slots = model::kAllSlots;  // of exactly this namespace: only entries of these
};

struct LookupResult {
  std::vector<store::Hit> hits;    // empty = miss
  bool from_conversation = false;  // which namespace answered, when a conversation was named
  int64_t now_ms = 0;              // the instant it was judged at: ages count from here
};

struct RemoveRequest {
  std::string id;
  std::optional<model::NamespaceKey> ns;  // only there; otherwise every namespace ...
  std::optional<std::string> scope;       // ... of this scope (a token's fixed one)
  WriteTag tag = 0;
  int64_t decide_by_ns = 0;
  std::optional<model::PartitionSet> partitions = std::nullopt;  // only entries in these
  std::shared_ptr<const model::SplitTable> splits = nullptr;     // by which they lie there; null: by none
};

struct InvalidateRequest {
  struct Radius {
    model::NamespaceKey ns;
    std::vector<float> unit_vector;
    float threshold = 0.92F;
  };
  std::optional<Radius> radius;  // exactly one of the two is set
  std::optional<store::Selector> selector;
  bool dry_run = false;
  WriteTag tag = 0;
  int64_t decide_by_ns = 0;
  // At most so many in one go: fewer deleted means that none is left, else ask again. 0 = all.
  size_t ids_max = 0;
  std::optional<model::PartitionSet> partitions = std::nullopt;  // only entries in these
  std::shared_ptr<const model::SplitTable> splits = nullptr;     // by which they lie there; null: by none
};

struct DropRequest {
  model::NamespaceKey ns;
  WriteTag tag = 0;
  int64_t decide_by_ns = 0;
  model::SlotSet slots = model::kAllSlots;  // only entries of these
};

struct CompactResult {
  uint64_t entries = 0;
  uint64_t wal_sequence = 0;
};

struct Counters {  // since start; the names of /stats and /metrics
  uint64_t queries = 0, hits = 0, misses = 0, inserts = 0, compactions = 0, evictions = 0, index_rebuilds = 0,
           expirations = 0, deletions = 0, invalidations = 0, exact_match_hits = 0,
           cost_saved_nano = 0;  // billionths of the unit of the entries' cost
};

struct EngineFigures {  // for /stats, /cluster/status and metrics; O(1) to gather
  // `dead_entries`: about how many on disk are no longer live, and a compaction would drop.
  uint64_t live_entries = 0, dead_entries = 0, memory_bytes = 0, memory_max_bytes = 0, namespaces = 0;
  uint64_t wal_bytes = 0, wal_segments = 0, wal_sequence = 0, wal_syncs = 0, wal_sync_ns_total = 0,
           wal_last_sync_ns = 0, write_queue = 0;
  uint64_t snapshot_number = 0, snapshot_wal_sequence = 0, snapshot_bytes = 0, snapshots_kept = 0;
  int64_t snapshot_created_at_ms = 0;  // 0 = none yet
  bool snapshot_failed = false;        // the last attempt
  bool snapshot_running = false;       // one is being made
  int64_t newest_stamp_ms = 0;  // of what it has decided or taken from others; it stamps nothing earlier
};

struct OpenReport {  // what recovery found, for the log line and for --salvage
  uint64_t snapshot_entries = 0, wal_records = 0, torn_bytes = 0, elapsed_ms = 0;
  std::vector<std::string> dropped;  // one sentence each
};

template <typename T>
using Done = std::function<void(Result<T>)>;

// One operation that this node decided, for its copies elsewhere.
struct Decided {
  WriteTag tag = 0;                            // of its request; 0 for an eviction
  uint64_t ns_hash = 0;                        // model::namespace_hash
  model::SlotSet slots = 0;                    // what it changes
  std::shared_ptr<const std::string> encoded;  // model::encode
};

class DecisionSink {
 public:
  virtual ~DecisionSink() = default;
  // On the writer thread, before the log is written, in order: what this node decided itself, the evictions
  // that copies from elsewhere made necessary included; not those copies, nor what was purged. The log may
  // still fail: then the request is answered with the error, and the copies may stand all the same.
  virtual void on_decided(std::vector<Decided> operations) = 0;
  // On the writer thread, before each batch: why this node must not decide anything now; copies are taken all
  // the same.
  virtual Status may_decide() const { return {}; }
};

class Engine {
 public:
  // Takes the folder's lock, recovers, starts the threads. Errors say which file, where, and what to do.
  static Result<std::unique_ptr<Engine>> open(EngineOptions options, io::FileSystem& fs, const Clock& clock,
                                              OpenReport& report);
  virtual ~Engine() = default;  // after stop()
  // Refuses new writes, finishes the queue, syncs, joins every thread. Idempotent.
  virtual void stop() = 0;

  // --- reads ---
  // Conversation first, then its base. invalid_argument on a dimension mismatch.
  virtual Result<LookupResult> lookup(const LookupRequest& request) = 0;
  virtual std::vector<store::EntryView> find(std::string_view id, bool with_vector) = 0;  // newest first
  virtual const store::Store& store() const = 0;  // statistics and listings
  virtual int64_t now_ms() const = 0;

  // --- writes; the callback is called exactly once, possibly before the method returns when refused at once
  // ---
  virtual void insert(InsertRequest request, Done<std::string> done) = 0;  // the id
  // One callback for all, results in order.
  virtual void insert_batch(std::vector<InsertRequest> requests,
                            std::function<void(std::vector<Result<std::string>>)> done) = 0;
  virtual void remove(RemoveRequest request, Done<uint64_t> done) = 0;  // not_found if nobody holds it
  // not_found if it has no live entry; of some slots it is decided, and left a floor, all the same: 0.
  virtual void drop_namespace(DropRequest request, Done<uint64_t> done) = 0;
  virtual void invalidate(InvalidateRequest request, Done<std::vector<std::string>> done) = 0;  // the ids
  virtual void compact(Done<CompactResult> done) = 0;  // a second call while one runs joins it

  // --- of a cluster ---
  // Once, before the first write; `sink` outlives stop(). A decided operation is handed to it before the
  // request's `done` is called.
  virtual void set_decision_sink(DecisionSink* sink) = 0;
  // Logs and applies what other nodes decided, as model::decode gave it, last writer wins; answers how many
  // changed something. invalid_argument, none applied, if one is stamped more than limits::kClockSkewMaxMs
  // ahead of this node's clock. out_of_memory_budget if a put does not fit even after evicting all that is
  // evictable; the others are applied.
  virtual void apply_replicated(std::vector<model::Operation> operations, Done<uint64_t> applied) = 0;
  // Removes entries here without deleting them: they have been handed over. Those whose version has changed
  // meanwhile stay. Answers how many went.
  virtual void purge(std::vector<store::EntryRef> entries, Done<uint64_t> done) = 0;
  // Manual mode, one thread at a time: serves what waits and the background work that it makes, on the
  // caller's thread, until nothing is left to do at this instant. Does nothing when called from a callback.
  virtual void pump() = 0;

  // Counts one query of a client whose answer was put together from several lookups, here or elsewhere, none
  // of which was counted. `base`: its namespace without the conversation; `best`: the hit, null = a miss.
  virtual void count_lookup(const model::NamespaceKey& base, const store::Hit* best) = 0;

  // --- state ---
  // ok when recovered and accepting writes; otherwise a sentence for /readyz.
  virtual Status readiness() const = 0;
  virtual Counters counters() const = 0;
  virtual EngineFigures figures() const = 0;
  virtual const EngineOptions& options() const = 0;  // node_id resolved
};

}  // namespace ferro::node::engine
