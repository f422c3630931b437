// What another node wants to know to tell where it differs: namespaces, versions, and then the operations
// themselves. Any thread; each call takes its own guards and hands out copies.
#pragma once

#include <string>
#include <vector>

#include "node/store/store_state.h"

namespace ferro::node::store {

class Comparison {
 public:
  explicit Comparison(const StoreState& state) : state_(state) {}

  std::vector<NamespaceSummary> namespaces_in(uint16_t partition, size_t limit) const;
  NamespaceVersions versions(const model::NamespaceKey& key, uint32_t bucket, uint32_t buckets) const;
  std::vector<std::string> encoded(const model::NamespaceKey& key, const std::vector<std::string>& ids) const;

 private:
  void add_entries(const model::NamespaceKey& key, uint32_t bucket, uint32_t buckets,
                   std::vector<VersionOf>& out) const;
  bool encode_entry(const model::NamespaceKey& key, const std::string& id, std::string& out) const;

  const StoreState& state_;
};

}  // namespace ferro::node::store
