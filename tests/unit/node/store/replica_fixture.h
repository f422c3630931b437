// A store as a node of a cluster keeps it, with its own epochs, and what two of them are compared by.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "node/store/store.h"

namespace ferro::node::store {

inline constexpr int64_t kDayMs = 86'400'000;

struct Replica {
  explicit Replica(const Clock& node_clock, StoreOptions store_options = {})
      : clock(node_clock), options(store_options) {
    if (options.tombstone_retention_ms == 0) options.tombstone_retention_ms = kDayMs;
    store = Store::create(options, clock, epochs, make_recency_policy());
  }

  ApplyResult apply(const model::Operation& op, Origin origin = Origin::elsewhere) {
    const ApplyResult result = store->apply(op, clock.wall_ms(), origin);
    epochs.collect();
    return result;
  }
  // Everything that it holds, as a snapshot keeps it.
  std::vector<model::Operation> dump() const {
    std::vector<model::Operation> out;
    const auto keep = [&out](Bytes encoded) {
      Result<model::Operation> op = model::decode(encoded);
      EXPECT_TRUE(op.ok()) << op.status().to_string();
      if (op.ok()) out.push_back(std::move(*op));
      return Status();
    };
    Store::SnapshotSink sink{keep, [](const model::NamespaceKey&, std::string_view) { return Status(); },
                             keep};
    EXPECT_TRUE(store->dump(sink, clock.wall_ms()).ok());
    return out;
  }
  // A new store with what a snapshot of this one holds.
  void restart() {
    const std::vector<model::Operation> held = dump();
    const int64_t collected = store->tombstones().collected_upto_ms;
    store.reset();
    store = Store::create(options, clock, epochs, make_recency_policy());
    for (const model::Operation& op : held) apply(op, Origin::here);
    store->restore_collected(collected);
    store->start_counting();
  }
  void reap_all() {
    store->reap_expired(clock.wall_ms(), SIZE_MAX);
    epochs.collect();
  }

  std::vector<VersionOf> versions_of(const model::NamespaceKey& ns) const {
    std::vector<VersionOf> all = store->versions(ns, 0, 1).entries;
    std::sort(all.begin(), all.end(), [](const VersionOf& a, const VersionOf& b) { return a.id < b.id; });
    return all;
  }
  // One line for each id and the floor: two stores that hold the same say the same. When a delete was made is
  // left out: what expired elsewhere before it was deleted here is one tombstone with either time.
  std::vector<std::string> state_of(const model::NamespaceKey& ns) const {
    std::vector<std::string> lines;
    const Hlc floor = store->versions(ns, 0, 1).floors.all;
    if (floor != Hlc{}) lines.push_back("floor " + std::to_string(floor.ticks));
    for (const VersionOf& held : versions_of(ns)) {
      lines.push_back(held.id + " " + std::to_string(held.version.ticks) + "/" +
                      std::to_string(held.version.node) + (held.tombstone ? " gone" : ""));
      if (held.tombstone) continue;
      for (const std::string& encoded : store->encoded(ns, {held.id})) lines.push_back(encoded);
    }
    return lines;
  }
  std::vector<std::string> ids_of(const model::NamespaceKey& ns) const {
    std::vector<std::string> ids;
    for (const VersionOf& held : versions_of(ns)) ids.push_back(held.id);
    return ids;
  }

  const Clock& clock;
  StoreOptions options;
  sync::EpochDomain epochs;
  std::unique_ptr<Store> store;
};

}  // namespace ferro::node::store
