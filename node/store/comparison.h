// What another node wants to know to tell where it differs: namespaces, versions, and then the operations
// themselves. Any thread; each call takes its own guards and hands out copies.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "node/store/slots.h"
#include "node/store/store_state.h"

namespace ferro::node::store {

class Comparison {
 public:
  explicit Comparison(const StoreState& state) : state_(state) {}

  SlotsSum sum_of(const Area& area) const;
  std::vector<NamespaceSummary> namespaces_in(const Area& area, size_t limit) const;
  NamespaceVersions versions(const model::NamespaceKey& key, uint32_t bucket, uint32_t buckets,
                             model::SlotSet slots) const;
  std::vector<std::string> encoded(const model::NamespaceKey& key, const std::vector<std::string>& ids) const;

 private:
  void add_entries(const model::NamespaceKey& key, uint32_t bucket, uint32_t buckets, model::SlotSet slots,
                   std::vector<VersionOf>& out) const;
  // Of split namespaces, what the area has of them.
  static std::vector<model::SplitTable::Shard> shards_of(const Area& area);
  struct Summaries {
    std::vector<NamespaceSummary> list;
    std::unordered_map<model::NamespaceKey, size_t, model::NamespaceKeyHash> place_of;
    size_t limit;
    void add(const NamespaceState& ns, const SlotsSum& sum);
    void add(Tombstones::OfNamespace gone);
  };
  bool encode_entry(const model::NamespaceKey& key, const std::string& id, std::string& out) const;

  const StoreState& state_;
};

}  // namespace ferro::node::store
