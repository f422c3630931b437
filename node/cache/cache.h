// What the HTTP API works on: the cache as an application sees it, be it this process alone (LocalCache) or a
// cluster behind any of its nodes (node/cluster). docs/architecture.md.
//
// Owned by app; thread-safe. Every `done` is called exactly once, on any thread, possibly before the method
// returns: it must only hand over. What a request points to need only live until the method returns.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/engine/engine.h"

namespace ferro::node::cache {

template <typename T>
using Done = engine::Done<T>;

// `here`: on this node only, routed nowhere (?local=true).
enum class Reach : uint8_t { everywhere, here };

struct FindRequest {
  std::string id;
  std::optional<model::NamespaceKey> ns;  // only there
  bool with_vector = false;
};

struct ListRequest {
  std::string prefix, after;  // printed names
  size_t limit = 0;
};

struct LookupOptions {
  Reach reach = Reach::everywhere;
  // Compare the other owners after a hit, whatever the configuration says (?repair=).
  std::optional<bool> read_repair;
};

using NamespaceList = std::vector<store::NamespaceStats>;  // by printed name
using TopList = std::vector<std::pair<std::string, std::vector<store::TopEntry>>>;

class Cache {
 public:
  virtual ~Cache() = default;

  virtual void lookup(const engine::LookupRequest& request, LookupOptions options,
                      Done<engine::LookupResult> done) = 0;
  virtual void insert(engine::InsertRequest request, Reach reach, Done<std::string> done) = 0;
  virtual void insert_batch(std::vector<engine::InsertRequest> requests, Reach reach,
                            std::function<void(std::vector<Result<std::string>>)> done) = 0;
  virtual void remove(engine::RemoveRequest request, Reach reach, Done<uint64_t> done) = 0;
  virtual void drop_namespace(model::NamespaceKey ns, Done<uint64_t> done) = 0;
  virtual void invalidate(engine::InvalidateRequest request, Reach reach,
                          Done<std::vector<std::string>> done) = 0;
  virtual void find(FindRequest request, Reach reach, Done<std::vector<store::EntryView>> done) = 0;

  // Over the whole cluster, copies counted once.
  virtual void list_namespaces(ListRequest request, Done<NamespaceList> done) = 0;
  virtual void top_entries(size_t top, size_t namespaces_max, Done<TopList> done) = 0;
  virtual void count_entries(Done<uint64_t> done) = 0;
};

// One node by itself: every call goes to the engine, on the caller's thread.
std::unique_ptr<Cache> make_local_cache(engine::Engine& engine);

}  // namespace ferro::node::cache
