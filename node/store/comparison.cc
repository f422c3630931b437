#include "node/store/comparison.h"

#include <bit>

#include "node/store/put_copy.h"

namespace ferro::node::store {

std::vector<NamespaceSummary> Comparison::namespaces_in(uint16_t partition, size_t limit) const {
  std::vector<NamespaceSummary> out;
  const sync::EpochDomain::Guard guard(state_.epochs);
  for (const NamespaceState* ns : state_.namespaces.in_partition(partition, limit)) {
    out.push_back({ns->key, ns->sum.digest(), ns->sum.entries(), 0, {}});
  }
  return out;
}

NamespaceVersions Comparison::versions(const model::NamespaceKey& key, uint32_t bucket,
                                       uint32_t buckets) const {
  NamespaceVersions out;
  // Both may have come from another node.
  if (!std::has_single_bit(buckets) || bucket >= buckets) return out;
  const sync::EpochDomain::Guard guard(state_.epochs);
  const NamespaceState* ns = state_.namespaces.find(key);
  if (ns == nullptr) return out;
  const ReadView view = state_.view_with_expired();
  ns->index->for_each_row([&](index::Row, const void* owner) {
    const Entry& entry = *static_cast<const Entry*>(owner);
    if (!view.sees(entry) || (hash_id(entry.id()) & (buckets - 1)) != bucket) return;
    out.entries.push_back({std::string(entry.id()), entry.version(), false});
  });
  return out;
}

std::vector<std::string> Comparison::encoded(const model::NamespaceKey& key,
                                             const std::vector<std::string>& ids) const {
  std::vector<std::string> out;
  for (const std::string& id : ids) {
    std::string encoded;
    if (encode_entry(key, id, encoded)) out.push_back(std::move(encoded));
  }
  return out;
}

bool Comparison::encode_entry(const model::NamespaceKey& key, const std::string& id, std::string& out) const {
  const sync::EpochDomain::Guard guard(state_.epochs);
  const NamespaceState* ns = state_.namespaces.find(key);
  if (ns == nullptr) return false;
  const ReadView view = state_.view_with_expired();
  const Entry* entry = state_.ids.find_seen(*ns, id, view);
  if (entry == nullptr) return false;
  model::PutOp op;
  op.ns = key;
  copy_put(*entry, op);
  model::encode(op, out);
  return true;
}

}  // namespace ferro::node::store
