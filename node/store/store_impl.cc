#include "node/store/store_impl.h"

#include <utility>

#include "node/store/comparison.h"
#include "node/store/dump.h"
#include "node/store/reader.h"
#include "node/store/room_planner.h"
#include "node/store/statistics.h"
#include "node/store/writer.h"

namespace ferro::node::store {

namespace {

// Of hits that score alike: the same on every node that holds them, whatever rows they lie in.
bool newest_first(const void* a, const void* b) noexcept {
  return static_cast<const Entry*>(a)->version() > static_cast<const Entry*>(b)->version();
}

StoreOptions ordered(StoreOptions options) {
  options.index.ties = &newest_first;
  return options;
}

class StoreImpl final : public Store {
 public:
  StoreImpl(StoreOptions options, const Clock& clock, sync::EpochDomain& epochs,
            std::unique_ptr<EvictionPolicy> policy, HashText hash_text)
      : state_(ordered(options), clock, epochs, std::move(policy), hash_text) {}

  Status admit(const model::PutOp& op, int64_t now_ms) const override { return planner_.admit(op, now_ms); }
  ApplyResult apply(const model::Operation& op, int64_t now_ms, Origin origin) override {
    if (const auto* put = std::get_if<model::PutOp>(&op)) return writer_.put(*put, now_ms, origin);
    if (const auto* gone = std::get_if<model::DeleteOp>(&op)) return writer_.remove(*gone, now_ms, origin);
    return writer_.drop(std::get<model::DropNamespaceOp>(op), now_ms, origin);
  }
  std::vector<EntryRef> victims_for(const model::PutOp& op, int64_t now_ms, Origin origin,
                                    model::SlotSet shard) override {
    return planner_.victims_for(op, now_ms, origin, shard);
  }
  Status admit_copy(const model::PutOp& op) const override { return planner_.admit_copy(op); }
  bool is_news(const model::Operation& op) const override { return writer_.is_news(op); }
  void end_batch() override { planner_.end_batch(); }
  void start_counting() override { state_.bases.reset(); }
  size_t reap_expired(int64_t now_ms, size_t max) override { return writer_.reap_expired(now_ms, max); }
  size_t collect_tombstones(int64_t now_ms, size_t max) override {
    return state_.tombstones.collect(now_ms, max);
  }
  void restore_collected(int64_t upto_ms) override { state_.tombstones.restore_collected(upto_ms); }
  bool give_memory_back() override { return writer_.give_memory_back(); }
  std::optional<Maintenance> begin_maintenance() override { return writer_.begin_maintenance(); }

  size_t dimension_of(const model::NamespaceKey& ns, int64_t now_ms, model::SlotSet slots) const override {
    return reader_.dimension_of(ns, now_ms, slots);
  }
  Result<QueryResult> query(const QueryRequest& request, bool count_miss) override {
    return reader_.query(request, count_miss);
  }
  void count_query(const model::NamespaceKey& base, const Hit* best) override {
    state_.bases.count_query(base, best);
  }
  void touch(const model::NamespaceKey& ns, const std::vector<AccessCount>& accesses,
             int64_t now_ms) const override {
    reader_.touch(ns, accesses, now_ms);
  }
  std::vector<EntryView> find(std::string_view id, int64_t now_ms, bool with_vector,
                              const model::Territory* within) const override {
    return reader_.find(id, now_ms, with_vector, within);
  }
  std::vector<EntryRef> within_radius(const model::NamespaceKey& ns, std::span<const float> unit_vector,
                                      float threshold, int64_t now_ms, model::SlotSet slots) const override {
    return reader_.within_radius(ns, unit_vector, threshold, now_ms, slots);
  }
  std::vector<EntryRef> select(const Selector& selector, int64_t now_ms) const override {
    return reader_.select(selector, now_ms);
  }

  size_t live_entries(int64_t now_ms) const override { return statistics_.live_entries(now_ms); }
  uint64_t memory_bytes() const override { return statistics_.memory_bytes(); }
  size_t namespace_count() const override { return state_.namespaces.size(); }
  uint64_t index_rebuilds() const override { return state_.index_rebuilds.load(std::memory_order_relaxed); }
  std::vector<BaseTotals> base_totals(int64_t now_ms, NamespaceCounters& forgotten) const override {
    return statistics_.base_totals(now_ms, forgotten);
  }
  std::vector<NamespaceStats> namespaces(int64_t now_ms, std::string_view prefix, std::string_view after,
                                         size_t limit, const model::Territory* within) const override {
    return statistics_.namespaces(now_ms, prefix, after, limit, within);
  }
  std::optional<NamespaceStats> namespace_stats(const model::NamespaceKey& key,
                                                int64_t now_ms) const override {
    return statistics_.of_namespace(key, now_ms);
  }
  std::vector<std::pair<std::string, std::vector<TopEntry>>> top_entries(
      int64_t now_ms, size_t top, size_t namespaces_max, const model::Territory* within) const override {
    return statistics_.top_entries(now_ms, top, namespaces_max, within);
  }

  uint64_t area_digest(const Area& area) const override { return comparison_.sum_of(area).digest; }
  uint64_t area_entries(const Area& area) const override { return comparison_.sum_of(area).entries; }
  std::vector<NamespaceSummary> namespaces_in(const Area& area, size_t limit) const override {
    return comparison_.namespaces_in(area, limit);
  }
  std::vector<LargeNamespace> larger_than(uint16_t partition, uint64_t entries,
                                          uint64_t bytes) const override {
    return statistics_.larger_than(partition, entries, bytes);
  }
  NamespaceVersions versions(const model::NamespaceKey& ns, uint32_t bucket, uint32_t buckets,
                             model::SlotSet slots) const override {
    return comparison_.versions(ns, bucket, buckets, slots);
  }
  std::vector<std::string> encoded(const model::NamespaceKey& ns,
                                   const std::vector<std::string>& ids) const override {
    return comparison_.encoded(ns, ids);
  }
  TombstoneFigures tombstones() const override { return state_.tombstones.figures(); }

  Status dump(const SnapshotSink& sink, int64_t now_ms) const override {
    return Dump(state_, sink, now_ms).run();
  }
  Status load_graph(const model::NamespaceKey& ns, Bytes graph) override {
    return writer_.load_graph(ns, graph);
  }

 private:
  StoreState state_;
  Writer writer_{state_};
  RoomPlanner planner_{state_, writer_};
  Reader reader_{state_};
  Statistics statistics_{state_};
  Comparison comparison_{state_};
};

}  // namespace

Status dimension_mismatch(const model::NamespaceKey& ns, size_t expected, size_t given) {
  return Status::invalid("the embedding has " + std::to_string(given) + " dimensions, but namespace " +
                         model::printed_name(ns) + " holds entries of " + std::to_string(expected));
}

std::unique_ptr<Store> Store::create(StoreOptions options, const Clock& clock, sync::EpochDomain& epochs,
                                     std::unique_ptr<EvictionPolicy> policy) {
  return create_with(options, clock, epochs, std::move(policy), &model::hash_text);
}

std::unique_ptr<Store> create_with(StoreOptions options, const Clock& clock, sync::EpochDomain& epochs,
                                   std::unique_ptr<EvictionPolicy> policy, HashText hash_text) {
  return std::make_unique<StoreImpl>(options, clock, epochs, std::move(policy), hash_text);
}

}  // namespace ferro::node::store
