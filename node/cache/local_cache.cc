#include <algorithm>
#include <utility>

#include "node/cache/cache.h"

namespace ferro::node::cache {
namespace {

class LocalCache final : public Cache {
 public:
  explicit LocalCache(engine::Engine& engine) : engine_(engine) {}

  void lookup(const engine::LookupRequest& request, LookupOptions /*nobody else to ask*/,
              Done<engine::LookupResult> done) override {
    done(engine_.lookup(request));
  }

  void insert(engine::InsertRequest request, Reach /*reach*/, Done<std::string> done) override {
    engine_.insert(std::move(request), std::move(done));
  }
  void insert_batch(std::vector<engine::InsertRequest> requests, Reach /*reach*/,
                    std::function<void(std::vector<Result<std::string>>)> done) override {
    engine_.insert_batch(std::move(requests), std::move(done));
  }
  void remove(engine::RemoveRequest request, Reach /*reach*/, Done<uint64_t> done) override {
    engine_.remove(std::move(request), std::move(done));
  }
  void drop_namespace(model::NamespaceKey ns, Done<uint64_t> done) override {
    engine_.drop_namespace({std::move(ns)}, std::move(done));
  }
  void invalidate(engine::InvalidateRequest request, Reach /*reach*/,
                  Done<std::vector<std::string>> done) override {
    engine_.invalidate(std::move(request), std::move(done));
  }

  void find(FindRequest request, Reach /*reach*/, Done<std::vector<store::EntryView>> done) override {
    std::vector<store::EntryView> entries = engine_.find(request.id, request.with_vector);
    if (request.ns) {
      std::erase_if(entries, [&](const store::EntryView& entry) { return entry.ns != *request.ns; });
    }
    done(std::move(entries));
  }
  void list_namespaces(ListRequest request, Done<NamespaceList> done) override {
    done(engine_.store().namespaces(engine_.now_ms(), request.prefix, request.after, request.limit));
  }
  void top_entries(size_t top, size_t namespaces_max, Done<TopList> done) override {
    done(engine_.store().top_entries(engine_.now_ms(), top, namespaces_max));
  }
  void count_entries(Done<uint64_t> done) override {
    done(uint64_t{engine_.store().live_entries(engine_.now_ms())});
  }

 private:
  engine::Engine& engine_;
};

}  // namespace

std::unique_ptr<Cache> make_local_cache(engine::Engine& engine) {
  return std::make_unique<LocalCache>(engine);
}

}  // namespace ferro::node::cache
