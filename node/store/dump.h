// Hands the whole store to a snapshot, beside traffic. One background thread; holds a guard only for a page
// of entries or while the index copies its graph, never while the sink writes.
#pragma once

#include <string>
#include <vector>

#include "node/store/store_state.h"

namespace ferro::node::store {

class Dump {
 public:
  Dump(const StoreState& state, const Store::SnapshotSink& sink, int64_t now_ms)
      : state_(state),
        sink_(sink),
        // With tombstones kept, what has expired leaves one when it is reaped: until then it is written too.
        now_ms_(state.tombstones.kept() ? std::numeric_limits<int64_t>::min() : now_ms) {}

  Status run();

 private:
  struct Item {  // enough to find the entry again, if it is still the same
    Hlc version;
    uint64_t id_hash = 0;
  };
  struct Written {  // by row: what stood there when it was written
    Hlc version;
    uint32_t ordinal = UINT32_MAX;
  };

  bool open_next_namespace();
  Status write_entries();
  size_t encode_page(size_t from, std::vector<std::string>& page);
  Status write_graph();
  Status write_tombstones();
  Status write_tombstones_of(const Tombstones::OfNamespace& gone);

  const StoreState& state_;
  const Store::SnapshotSink& sink_;
  const int64_t now_ms_;
  // --- the namespace being written ---
  std::string name_;
  model::NamespaceKey key_;
  uint64_t number_ = 0;
  std::vector<Item> items_;       // by version
  std::vector<Written> written_;  // by row
  uint32_t ordinals_ = 0;
  model::Operation scratch_ = model::PutOp{};
};

}  // namespace ferro::node::store
