#include "fake_engine.h"

#include <algorithm>
#include <numeric>

#include "common/base/assert.h"
#include "node/model/text.h"

namespace ferro::node::api {
namespace {

using store::NamespaceStats;

bool has_all(const model::Attributes& has, const model::Attributes& wanted) {
  return std::includes(has.begin(), has.end(), wanted.begin(), wanted.end());
}

std::string normalised(std::string_view text) {
  std::string out;
  model::normalise_text(text, out);
  return out;
}

float cosine(std::span<const float> a, std::span<const float> b) {
  return std::clamp(std::inner_product(a.begin(), a.end(), b.begin(), 0.0F), 0.0F, 1.0F);
}

Status other_dimension(size_t has, size_t sent) {
  return Status::invalid("this namespace holds vectors of " + std::to_string(has) +
                         " dimensions: send such, not " + std::to_string(sent));
}

bool selected(const engine::InvalidateRequest& request, const FakeEntry& entry) {
  if (request.radius) {
    return entry.ns == request.radius->ns &&
           cosine(entry.vector, request.radius->unit_vector) >= request.radius->threshold - 1e-6F;
  }
  const store::Selector& selector = *request.selector;
  const auto named = [&](const std::string& tag) {
    return std::find(selector.any_tag.begin(), selector.any_tag.end(), tag) != selector.any_tag.end();
  };
  return (!selector.scope || *selector.scope == entry.ns.scope) &&
         (selector.any_tag.empty() || std::any_of(entry.tags.begin(), entry.tags.end(), named)) &&
         has_all(entry.attributes, selector.all_attributes);
}

}  // namespace

// The reading half; the writing half is the real store's alone.
class FakeStore final : public store::Store {
 public:
  explicit FakeStore(const std::vector<FakeEntry>& entries) : entries_(entries) {}

  size_t dimension_of(const model::NamespaceKey& ns, int64_t /*now_ms*/, model::SlotSet) const override {
    const auto found =
        std::find_if(entries_.begin(), entries_.end(), [&](const auto& e) { return e.ns == ns; });
    return found == entries_.end() ? 0 : found->vector.size();
  }
  size_t live_entries(int64_t now_ms) const override {
    return static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(), [&](const auto& e) {
      return e.expires_at_ms == 0 || now_ms < e.expires_at_ms;
    }));
  }
  uint64_t memory_bytes() const override { return 1000 * entries_.size(); }
  size_t namespace_count() const override { return all().size(); }
  std::vector<NamespaceStats> namespaces(int64_t, std::string_view prefix, std::string_view after,
                                         size_t limit, const model::Territory*) const override {
    std::vector<NamespaceStats> page;
    for (const auto& [name, stats] : all()) {
      if (name > after && name.starts_with(prefix) && page.size() < limit) page.push_back(stats);
    }
    return page;
  }
  std::vector<std::pair<std::string, std::vector<store::TopEntry>>> top_entries(
      int64_t, size_t top, size_t, const model::Territory*) const override {
    std::map<std::string, std::vector<store::TopEntry>> tops;
    for (const FakeEntry& entry : entries_) {
      auto& list = tops[model::printed_name(entry.ns)];
      if (list.size() < top) {
        list.push_back({entry.id,
                        entry.access_count,
                        entry.last_accessed_at_ms,
                        std::string(model::preview(entry.query_text, 50)),
                        {}});
      }
    }
    return {tops.begin(), tops.end()};
  }

  std::optional<NamespaceStats> namespace_stats(const model::NamespaceKey&, int64_t) const override {
    unused();
  }
  Status admit(const model::PutOp&, int64_t) const override { unused(); }
  store::ApplyResult apply(const model::Operation&, int64_t, store::Origin) override { unused(); }
  std::vector<store::EntryRef> victims_for(const model::PutOp&, int64_t, store::Origin,
                                           model::SlotSet) override {
    unused();
  }
  Status admit_copy(const model::PutOp&) const override { unused(); }
  bool is_news(const model::Operation&) const override { unused(); }
  size_t reap_expired(int64_t, size_t) override { unused(); }
  std::optional<Maintenance> begin_maintenance() override { unused(); }
  bool give_memory_back() override { unused(); }
  Result<store::QueryResult> query(const store::QueryRequest&, bool) override { unused(); }
  void count_query(const model::NamespaceKey&, const store::Hit*) override { unused(); }
  void touch(const model::NamespaceKey&, const std::vector<store::AccessCount>&, int64_t) const override {
    unused();
  }
  std::vector<store::EntryView> find(std::string_view, int64_t, bool,
                                     const model::Territory*) const override {
    unused();
  }
  std::vector<store::EntryRef> within_radius(const model::NamespaceKey&, std::span<const float>, float,
                                             int64_t, model::SlotSet) const override {
    unused();
  }
  std::vector<store::EntryRef> select(const store::Selector&, int64_t) const override { unused(); }
  void end_batch() override { unused(); }
  void start_counting() override { unused(); }
  uint64_t index_rebuilds() const override { unused(); }
  std::vector<store::BaseTotals> base_totals(int64_t, store::NamespaceCounters&) const override { unused(); }
  uint64_t area_digest(const store::Area&) const override { unused(); }
  uint64_t area_entries(const store::Area&) const override { unused(); }
  std::vector<store::LargeNamespace> larger_than(uint16_t, uint64_t, uint64_t) const override { unused(); }
  std::vector<store::NamespaceSummary> namespaces_in(const store::Area&, size_t) const override { unused(); }
  store::NamespaceVersions versions(const model::NamespaceKey&, uint32_t, uint32_t,
                                    model::SlotSet) const override {
    unused();
  }
  std::vector<std::string> encoded(const model::NamespaceKey&,
                                   const std::vector<std::string>&) const override {
    unused();
  }
  size_t collect_tombstones(int64_t, size_t) override { unused(); }
  void restore_collected(int64_t) override { unused(); }
  store::TombstoneFigures tombstones() const override { unused(); }
  Status dump(const SnapshotSink&, int64_t) const override { unused(); }
  Status load_graph(const model::NamespaceKey&, Bytes) override { unused(); }

 private:
  [[noreturn]] static void unused() {
    assertion_failed("the API calls this", __FILE__, __LINE__, "the fake store does not have it");
  }
  std::map<std::string, NamespaceStats> all() const {
    std::map<std::string, NamespaceStats> found;
    for (const FakeEntry& entry : entries_) {
      NamespaceStats& stats = found[model::printed_name(entry.ns)];
      stats.key = entry.ns;
      ++stats.entry_count;
      stats.dimension = entry.vector.size();
      if (stats.oldest_entry_ms == 0) stats.oldest_entry_ms = entry.inserted_at_ms;
      stats.newest_entry_ms = entry.inserted_at_ms;
      stats.total_accesses += entry.access_count;
      stats.index_kind = "flat";
      stats.bytes += 1000;
    }
    return found;
  }
  const std::vector<FakeEntry>& entries_;
};

FakeEngine::FakeEngine(const Clock& clock) : clock_(clock), store_(std::make_unique<FakeStore>(entries)) {
  options_.node_id = "node-1";
  options_.data_folder = "./ferrocache.wal";
}

FakeEngine::~FakeEngine() = default;

const store::Store& FakeEngine::store() const {
  return *store_;
}

std::vector<store::Hit> FakeEngine::search(const engine::LookupRequest& request,
                                           const model::NamespaceKey& ns) {
  const float threshold = request.threshold.value_or(options_.default_threshold);
  const std::string text = normalised(request.query_text);
  std::vector<store::Hit> hits;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->ns != ns || (entry->expires_at_ms != 0 && entry->expires_at_ms <= now_ms())) continue;
    if (request.attributes != nullptr && !has_all(entry->attributes, *request.attributes)) continue;
    const bool exact =
        !text.empty() && normalised(entry->query_text) == text &&
        std::none_of(hits.begin(), hits.end(), [](const store::Hit& hit) { return hit.exact_match; });
    const float similarity = exact ? 1.0F : cosine(entry->vector, request.unit_vector);
    if (similarity < threshold - 1e-6F) continue;
    hits.push_back({entry->id,
                    entry->response,
                    entry->query_text,
                    entry->attributes,
                    similarity,
                    exact,
                    entry->inserted_at_ms,
                    entry->expires_at_ms,
                    entry->cost.value_or(0.0),
                    {},
                    std::nullopt});
  }
  std::stable_sort(hits.begin(), hits.end(), [](const store::Hit& a, const store::Hit& b) {
    return std::pair(a.exact_match, a.similarity) > std::pair(b.exact_match, b.similarity);
  });
  if (hits.size() > request.top_k) hits.resize(request.top_k);
  return hits;
}

Status FakeEngine::check_dimension(const model::NamespaceKey& ns, size_t sent) const {
  const size_t dimension = store_->dimension_of(ns, now_ms(), model::kAllSlots);
  return dimension == 0 || dimension == sent ? Status() : other_dimension(dimension, sent);
}

Result<engine::LookupResult> FakeEngine::lookup(const engine::LookupRequest& request) {
  FERRO_RETURN_IF_ERROR(check_dimension(request.ns, request.unit_vector.size()));
  if (request.ns.is_conversation()) {
    FERRO_RETURN_IF_ERROR(check_dimension(request.ns.base(), request.unit_vector.size()));
  }
  engine::LookupResult result;
  result.now_ms = now_ms();
  result.hits = search(request, request.ns);
  result.from_conversation = request.ns.is_conversation() && !result.hits.empty();
  if (request.ns.is_conversation() && result.hits.empty()) result.hits = search(request, request.ns.base());
  ++counters_.queries;
  ++(result.hits.empty() ? counters_.misses : counters_.hits);
  return result;
}

std::vector<store::EntryView> FakeEngine::find(std::string_view id, bool with_vector) {
  std::vector<store::EntryView> views;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (entry->id != id) continue;
    store::EntryView view;
    view.ns = entry->ns;
    view.id = entry->id;
    view.response = entry->response;
    view.query_text = entry->query_text;
    view.tags = entry->tags;
    view.attributes = entry->attributes;
    view.cost = entry->cost.value_or(0.0);
    view.has_cost = entry->cost.has_value();
    view.inserted_at_ms = entry->inserted_at_ms;
    view.expires_at_ms = entry->expires_at_ms;
    view.last_accessed_at_ms = entry->inserted_at_ms;
    if (with_vector) view.vector = entry->vector;
    views.push_back(std::move(view));
  }
  return views;
}

Result<std::string> FakeEngine::put(engine::InsertRequest request) {
  FERRO_RETURN_IF_ERROR(check_dimension(request.ns, request.unit_vector.size()));
  FakeEntry entry;
  entry.ns = std::move(request.ns);
  entry.id = request.id.empty() ? "made-" + std::to_string(++writes_) : std::move(request.id);
  entry.response = std::move(request.response);
  entry.query_text = std::move(request.query_text);
  entry.vector = std::move(request.unit_vector);
  entry.tags = std::move(request.tags);
  entry.attributes = std::move(request.attributes);
  entry.cost = request.cost;
  entry.inserted_at_ms = now_ms();
  if (request.ttl_seconds) entry.expires_at_ms = now_ms() + static_cast<int64_t>(*request.ttl_seconds) * 1000;
  std::erase_if(entries, [&](const FakeEntry& old) { return old.id == entry.id && old.ns == entry.ns; });
  std::string id = entry.id;
  entries.push_back(std::move(entry));
  ++counters_.inserts;
  return id;
}

void FakeEngine::insert(engine::InsertRequest request, engine::Done<std::string> done) {
  done(write_failure.ok() ? put(std::move(request)) : write_failure);
}

void FakeEngine::insert_batch(std::vector<engine::InsertRequest> requests,
                              std::function<void(std::vector<Result<std::string>>)> done) {
  std::vector<Result<std::string>> results;
  for (engine::InsertRequest& request : requests) {
    results.push_back(write_failure.ok() ? put(std::move(request)) : write_failure);
  }
  done(std::move(results));
}

void FakeEngine::remove(engine::RemoveRequest request, engine::Done<uint64_t> done) {
  if (!write_failure.ok()) return done(write_failure);
  const uint64_t removed = std::erase_if(entries, [&](const FakeEntry& entry) {
    return entry.id == request.id && (!request.ns || entry.ns == *request.ns) &&
           (!request.scope || entry.ns.scope == *request.scope);
  });
  done(removed == 0 ? Result<uint64_t>(Status::not_found("no such entry")) : Result<uint64_t>(removed));
}

void FakeEngine::drop_namespace(engine::DropRequest request, engine::Done<uint64_t> done) {
  const uint64_t removed =
      std::erase_if(entries, [&](const FakeEntry& entry) { return entry.ns == request.ns; });
  done(removed == 0 ? Result<uint64_t>(Status::not_found("no such namespace")) : Result<uint64_t>(removed));
}

void FakeEngine::invalidate(engine::InvalidateRequest request, engine::Done<std::vector<std::string>> done) {
  FERRO_ASSERT(request.radius.has_value() != request.selector.has_value(), "exactly one of the two");
  if (request.radius) {
    const Status status = check_dimension(request.radius->ns, request.radius->unit_vector.size());
    if (!status.ok()) return done(status);
  }
  std::vector<std::string> ids;
  for (const FakeEntry& entry : entries) {
    if (selected(request, entry)) ids.push_back(entry.id);
  }
  if (!request.dry_run)
    std::erase_if(entries, [&](const FakeEntry& entry) { return selected(request, entry); });
  done(std::move(ids));
}

void FakeEngine::compact(engine::Done<engine::CompactResult> done) {
  if (!write_failure.ok()) return done(write_failure);
  done(engine::CompactResult{entries.size(), 7});
}

engine::EngineFigures FakeEngine::figures() const {
  engine::EngineFigures figures;
  figures.live_entries = entries.size();
  figures.memory_bytes = store_->memory_bytes();
  figures.wal_sequence = 7;
  return figures;
}

}  // namespace ferro::node::api
