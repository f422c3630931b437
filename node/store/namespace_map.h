// The namespaces that have entries: by key for requests, by printed name for listings, by partition for other
// nodes.
//
// Thread rule: lookups and listings from any thread inside an epoch guard; link and unlink by the writer. A
// state that was found stays valid for the length of the guard, in the map or not.
#pragma once

#include <array>
#include <atomic>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <mutex>
#include <string_view>
#include <vector>

#include "node/store/namespace_state.h"
#include "node/store/sharded_table.h"

namespace ferro::node::store {

class NamespaceMap {
 public:
  explicit NamespaceMap(MemoryAccount& memory) : by_key_(memory) {}

  NamespaceState* find(const model::NamespaceKey& key) const;
  void link(NamespaceState& ns);
  void unlink(NamespaceState& ns);
  size_t size() const noexcept { return size_.load(std::memory_order_relaxed); }

  // Up to `max` namespaces whose printed name begins with `prefix` and is greater than `after`, in that
  // order.
  std::vector<NamespaceState*> list(std::string_view prefix, std::string_view after, size_t max) const;
  // Up to `max` of the partition, in no order.
  std::vector<const NamespaceState*> in_partition(uint16_t partition, size_t max) const;
  // Those of that model::namespace_hash, mostly one.
  std::vector<const NamespaceState*> of_hash(uint64_t placement_hash) const;

 private:
  struct HashOf {
    static uint64_t of(const NamespaceState& ns) noexcept { return ns.hash; }
  };
  struct NameOf {
    using type = std::string;
    const std::string& operator()(const NamespaceState& ns) const noexcept { return ns.name; }
  };
  using ByName = bi::set<NamespaceState, bi::member_hook<NamespaceState, TreeHook, &NamespaceState::by_name>,
                         bi::key_of_value<NameOf>, bi::constant_time_size<false>>;

  ShardedTable<NamespaceState, &NamespaceState::by_key, HashOf> by_key_;
  using OfPartition =
      bi::list<NamespaceState, bi::member_hook<NamespaceState, ListHook, &NamespaceState::in_partition>,
               bi::constant_time_size<false>>;
  mutable std::mutex names_mutex_;  // guards the next two
  ByName by_name_;
  std::array<OfPartition, model::kPartitions> by_partition_;
  std::atomic<size_t> size_{0};
};

}  // namespace ferro::node::store
