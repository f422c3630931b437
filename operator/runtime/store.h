// The operator's copy of one kind of object, kept by reflectors and read by everybody.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "operator/k8s/client.h"

namespace ferro::oper::runtime {

using k8s::Json;
using Object = std::shared_ptr<const Json>;

// "namespace/name", or "name" for what has no namespace.
std::string key_of(std::string_view ns, std::string_view name);
std::string key_of(const Json& object);
// The parts of a key; the namespace is empty for what has none.
std::pair<std::string, std::string> split_key(std::string_view key);

// Keys of an index. An index function answers every key under which an object is to be found.
using IndexFunction = std::function<std::vector<std::string>(const Json& object)>;
// By the uid of the controller among the owner references.
std::vector<std::string> index_by_controller(const Json& object);
// By "namespace/value" of a label.
IndexFunction index_by_label(std::string label);

struct StoreOptions {
  IndexFunction index;              // none = no index
  std::function<void(Json&)> trim;  // after managedFields were dropped: what else nobody reads
};

// What a change was. `before` is empty for a new object, `after` for one that is gone. Both are there, with
// different uids, if an object was deleted and made anew while nobody watched.
struct Change {
  std::string key;
  Object before;
  Object after;
};

// Thread-safe; owned by main, outlives its reflectors. Objects handed out are immutable and stay valid for as
// long as they are held. Readers never wait for I/O.
class Store {
 public:
  explicit Store(StoreOptions options = {}) : options_(std::move(options)) {}

  Object get(std::string_view ns, std::string_view name) const;
  Object get(std::string_view key) const;
  std::vector<Object> all() const;
  // Sorted by key, as every list here: the same world gives the same order.
  std::vector<Object> in_namespace(std::string_view ns) const;
  std::vector<Object> by_index(std::string_view index_key) const;
  size_t size() const;
  // Every reflector that fills it has listed once.
  bool synced() const;

  // --- for reflectors ---
  // Called before the first list: `synced` waits for this scope too. A scope is a namespace, "" = all.
  void expect_scope(std::string_view scope);
  // Everything that there is in the scope. What is not among `items` is gone. Objects whose resource version
  // has not changed are no change.
  std::vector<Change> replace(std::string_view scope, std::vector<Json> items);
  std::vector<Change> upsert(Json object);  // none if it is what we have
  std::vector<Change> erase(const Json& object);

 private:
  Object prepare(Json object) const;
  void put(const std::string& key, Object object, std::vector<Change>& changes);  // mutex_ held
  void drop(const std::string& key, std::vector<Change>& changes);                // mutex_ held
  void index(const std::string& key, const Json& object, bool add);               // mutex_ held

  const StoreOptions options_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Object> objects_;
  std::unordered_map<std::string, std::unordered_set<std::string>> index_;
  std::unordered_set<std::string> unsynced_;
  bool any_scope_ = false;
};

}  // namespace ferro::oper::runtime
