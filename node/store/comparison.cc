#include "node/store/comparison.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

#include "node/store/put_copy.h"

namespace ferro::node::store {

namespace {

constexpr size_t kTombstonesAtOnce = 1024;  // under one lock

}  // namespace

std::vector<NamespaceSummary> Comparison::namespaces_in(uint16_t partition, size_t limit) const {
  std::vector<NamespaceSummary> out;
  std::unordered_map<model::NamespaceKey, size_t, model::NamespaceKeyHash> place_of;
  {
    const sync::EpochDomain::Guard guard(state_.epochs);
    for (const NamespaceState* ns : state_.namespaces.in_partition(partition, limit)) {
      place_of.emplace(ns->key, out.size());
      out.push_back({ns->key, ns->sum.digest(), ns->sum.entries(), 0, {}});
    }
  }
  for (Tombstones::OfNamespace& gone : state_.tombstones.in_partition(partition, limit)) {
    const auto known = place_of.find(gone.ns);
    if (known != place_of.end()) {
      out[known->second].tombstones = gone.count;
      out[known->second].floor = gone.floor;
    } else if (out.size() < limit) {
      out.push_back({std::move(gone.ns), 0, 0, gone.count, gone.floor});
    }
  }
  return out;
}

NamespaceVersions Comparison::versions(const model::NamespaceKey& key, uint32_t bucket,
                                       uint32_t buckets) const {
  NamespaceVersions out;
  // Both may have come from another node.
  if (!std::has_single_bit(buckets) || bucket >= buckets) return out;
  add_entries(key, bucket, buckets, out.entries);
  std::vector<model::DeleteOp> page;
  Tombstones::Cursor cursor = Tombstones::of_bucket(bucket, buckets);
  for (bool more = true; more;) {
    page.clear();
    more = state_.tombstones.next(key, cursor, kTombstonesAtOnce, page);
    for (model::DeleteOp& gone : page) out.entries.push_back({std::move(gone.id), gone.version, true});
  }
  out.floor = state_.tombstones.floor_of(key);
  return out;
}

void Comparison::add_entries(const model::NamespaceKey& key, uint32_t bucket, uint32_t buckets,
                             std::vector<VersionOf>& out) const {
  const sync::EpochDomain::Guard guard(state_.epochs);
  const NamespaceState* ns = state_.namespaces.find(key);
  if (ns == nullptr) return;
  const ReadView view = state_.view_with_expired();
  ns->index->for_each_row([&](index::Row, const void* owner) {
    const Entry& entry = *static_cast<const Entry*>(owner);
    if (!view.sees(entry) || (hash_id(entry.id()) & (buckets - 1)) != bucket) return;
    out.push_back({std::string(entry.id()), entry.version(), false});
  });
}

std::vector<std::string> Comparison::encoded(const model::NamespaceKey& key,
                                             const std::vector<std::string>& ids) const {
  std::vector<std::string> out;
  if (std::find(ids.begin(), ids.end(), std::string_view()) != ids.end()) {
    const Hlc floor = state_.tombstones.floor_of(key);
    if (floor != Hlc{}) model::encode(model::DropNamespaceOp{key, floor}, out.emplace_back());
  }
  for (const std::string& id : ids) {
    std::string encoded;
    if (!encode_entry(key, id, encoded)) {
      if (const auto gone = state_.tombstones.find(key, id)) model::encode(*gone, encoded);
    }
    if (!encoded.empty()) out.push_back(std::move(encoded));
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
