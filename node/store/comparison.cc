#include "node/store/comparison.h"

#include <algorithm>
#include <bit>

#include "node/store/put_copy.h"

namespace ferro::node::store {

namespace {

constexpr size_t kTombstonesAtOnce = 1024;  // under one lock

}  // namespace

SlotsSum Comparison::sum_of(const Area& area) const {
  if (area.partition >= model::kPartitions) return {};
  SlotsSum sum;
  if (area.only == 0) {
    const DigestSum& whole = state_.partitions[area.partition];
    sum = {whole.digest(), whole.entries()};
    if (area.splits == nullptr || area.splits->empty()) return sum;
  }
  const sync::EpochDomain::Guard guard(state_.epochs);
  for (const model::SplitTable::Shard& shard : shards_of(area)) {
    // What lies elsewhere of a namespace that is at home here goes, what lies here of another one comes.
    const bool goes = area.only == 0 && model::home_of(shard.ns) == area.partition;
    for (const NamespaceState* ns : state_.namespaces.of_hash(shard.ns)) {
      const SlotsSum part = store::sum_of(state_, *ns, goes ? ~shard.slots : shard.slots);
      sum.digest ^= part.digest;
      sum.entries += goes ? ~part.entries + 1 : part.entries;
    }
  }
  // The figures are of different instants: what came in between may be missing from the whole.
  if (static_cast<int64_t>(sum.entries) < 0) sum.entries = 0;
  return sum;
}

std::vector<model::SplitTable::Shard> Comparison::shards_of(const Area& area) {
  const model::SplitTable none;
  const model::SplitTable& splits = area.splits == nullptr ? none : *area.splits;
  if (area.only == 0) return splits.shards_in(area.partition);
  const model::SlotSet slots = splits.slots_in(area.only, area.partition);
  if (slots == 0) return {};
  return {{area.partition, area.only, slots}};
}

std::vector<NamespaceSummary> Comparison::namespaces_in(const Area& area, size_t limit) const {
  Summaries all{{}, {}, limit};
  const std::vector<model::SplitTable::Shard> shards = shards_of(area);
  if (area.only == 0) {
    const auto is_split = [&](uint64_t hash) {
      return area.splits != nullptr && area.splits->degree_of(hash) != 0;
    };
    // Those that are split are left out here, so the first ones may not be enough.
    const size_t looks = shards.empty() ? limit : SIZE_MAX;
    {
      const sync::EpochDomain::Guard guard(state_.epochs);
      for (const NamespaceState* ns : state_.namespaces.in_partition(area.partition, looks)) {
        if (!is_split(ns->placement_hash)) all.add(*ns, {ns->sum.digest(), ns->sum.entries()});
      }
    }
    for (Tombstones::OfNamespace& gone : state_.tombstones.in_partition(area.partition, looks)) {
      if (!is_split(gone.hash)) all.add(std::move(gone));
    }
  }
  for (const model::SplitTable::Shard& shard : shards) {
    {
      const sync::EpochDomain::Guard guard(state_.epochs);
      for (const NamespaceState* ns : state_.namespaces.of_hash(shard.ns)) {
        const SlotsSum sum = store::sum_of(state_, *ns, shard.slots);
        if (sum.entries > 0) all.add(*ns, sum);
      }
    }
    for (Tombstones::OfNamespace& gone : state_.tombstones.of_hash(shard.ns, shard.slots)) {
      if (gone.count > 0 || gone.floors.any()) all.add(std::move(gone));
    }
  }
  return std::move(all.list);
}

void Comparison::Summaries::add(const NamespaceState& ns, const SlotsSum& sum) {
  if (list.size() == limit) return;
  place_of.emplace(ns.key, list.size());
  list.push_back({ns.key, sum.digest, sum.entries, 0, {}});
}

void Comparison::Summaries::add(Tombstones::OfNamespace gone) {
  const auto known = place_of.find(gone.ns);
  if (known != place_of.end()) {
    list[known->second].tombstones = gone.count;
    list[known->second].floors = std::move(gone.floors);
  } else if (list.size() < limit) {
    list.push_back({std::move(gone.ns), 0, 0, gone.count, std::move(gone.floors)});
  }
}

NamespaceVersions Comparison::versions(const model::NamespaceKey& key, uint32_t bucket, uint32_t buckets,
                                       model::SlotSet slots) const {
  NamespaceVersions out;
  // Both may have come from another node.
  if (!std::has_single_bit(buckets) || bucket >= buckets) return out;
  add_entries(key, bucket, buckets, slots, out.entries);
  std::vector<model::DeleteOp> page;
  Tombstones::Cursor cursor = Tombstones::of_bucket(bucket, buckets);
  for (bool more = true; more;) {
    page.clear();
    more = state_.tombstones.next(key, cursor, kTombstonesAtOnce, page);
    for (model::DeleteOp& gone : page) {
      if (slots != model::kAllSlots && (slots & model::slot_bit(gone.id)) == 0) continue;
      out.entries.push_back({std::move(gone.id), gone.version, true});
    }
  }
  out.floors = state_.tombstones.floors_of(key, slots);
  return out;
}

void Comparison::add_entries(const model::NamespaceKey& key, uint32_t bucket, uint32_t buckets,
                             model::SlotSet slots, std::vector<VersionOf>& out) const {
  const sync::EpochDomain::Guard guard(state_.epochs);
  const NamespaceState* ns = state_.namespaces.find(key);
  if (ns == nullptr) return;
  const ReadView view = state_.view_with_expired();
  ns->index->for_each_row([&](index::Row, const void* owner) {
    const Entry& entry = *static_cast<const Entry*>(owner);
    if (!view.sees(entry) || (hash_id(entry.id()) & (buckets - 1)) != bucket) return;
    if (in_slots(entry, slots)) out.push_back({std::string(entry.id()), entry.version(), false});
  });
}

std::vector<std::string> Comparison::encoded(const model::NamespaceKey& key,
                                             const std::vector<std::string>& ids) const {
  std::vector<std::string> out;
  if (std::find(ids.begin(), ids.end(), std::string_view()) != ids.end()) {
    for (const model::DropNamespaceOp& drop : state_.tombstones.drops_of(key)) {
      model::encode(drop, out.emplace_back());
    }
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
