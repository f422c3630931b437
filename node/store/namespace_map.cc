#include "node/store/namespace_map.h"

#include <string>

namespace ferro::node::store {

NamespaceState* NamespaceMap::find(const model::NamespaceKey& key) const {
  const uint64_t hash = model::NamespaceKeyHash{}(key);
  return by_key_.find(hash, [&](const NamespaceState& ns) { return ns.hash == hash && ns.key == key; });
}

void NamespaceMap::link(NamespaceState& ns) {
  by_key_.insert(ns.hash, ns);
  size_.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(names_mutex_);
  by_name_.insert(ns);
  by_partition_.at(ns.partition).push_back(ns);
}

void NamespaceMap::unlink(NamespaceState& ns) {
  by_key_.erase(ns.hash, ns);
  size_.fetch_sub(1, std::memory_order_relaxed);
  const std::lock_guard lock(names_mutex_);
  by_name_.erase(by_name_.iterator_to(ns));
  OfPartition& partition = by_partition_.at(ns.partition);
  partition.erase(partition.iterator_to(ns));
}

std::vector<const NamespaceState*> NamespaceMap::in_partition(uint16_t partition, size_t max) const {
  std::vector<const NamespaceState*> out;
  if (partition >= model::kPartitions) return out;
  const std::lock_guard lock(names_mutex_);
  for (const NamespaceState& ns : by_partition_.at(partition)) {
    if (out.size() == max) break;
    out.push_back(&ns);
  }
  return out;
}

std::vector<const NamespaceState*> NamespaceMap::of_hash(uint64_t placement_hash) const {
  std::vector<const NamespaceState*> out;
  const std::lock_guard lock(names_mutex_);
  for (const NamespaceState& ns : by_partition_.at(model::home_of(placement_hash))) {
    if (ns.placement_hash == placement_hash) out.push_back(&ns);
  }
  return out;
}

std::vector<NamespaceState*> NamespaceMap::list(std::string_view prefix, std::string_view after,
                                                size_t max) const {
  std::vector<NamespaceState*> out;
  const std::string from(after < prefix ? prefix : after);
  const std::lock_guard lock(names_mutex_);
  auto at = after < prefix ? by_name_.lower_bound(from) : by_name_.upper_bound(from);
  for (; at != by_name_.end() && out.size() < max && at->name.starts_with(prefix); ++at) {
    // The set belongs to this map; handing out a mutable state is the caller's right.
    out.push_back(const_cast<NamespaceState*>(&*at));
  }
  return out;
}

}  // namespace ferro::node::store
