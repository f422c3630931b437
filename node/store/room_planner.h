// Says whether a put can be taken and who must go for it, under the namespace's cap and the node's byte
// budget. Writer thread only; plans a batch operation by operation (batch_plan.h).
#pragma once

#include <vector>

#include "node/store/store_state.h"
#include "node/store/writer.h"

namespace ferro::node::store {

class RoomPlanner {
 public:
  RoomPlanner(StoreState& state, Writer& writer) : state_(state), writer_(writer) {}

  Status admit(const model::PutOp& op, int64_t now_ms) const;
  Status admit_copy(const model::PutOp& op) const;
  std::vector<EntryRef> victims_for(const model::PutOp& op, int64_t now_ms, Origin origin,
                                    model::SlotSet shard);
  void end_batch();

 private:
  void reap_if_short(const model::PutOp& op, int64_t now_ms);
  void free_places(const model::PutOp& op, NamespaceState* ns, int64_t now_ms, model::SlotSet shard,
                   std::vector<EntryRef>& victims);
  uint64_t live_in_shard(const NamespaceState& ns, model::SlotSet shard, int64_t now_ms) const;
  // What a put takes, and what is kept free for its index's next chunk of rows.
  struct Need {
    uint64_t bytes = 0, ahead = 0;
  };

  void free_bytes(const Need& need, int64_t now_ms, std::vector<EntryRef>& victims);
  bool fits(const Need& need) const noexcept;
  // What entries, their share of the indexes and the tables may take.
  uint64_t room() const noexcept;
  void leave(Entry& entry, int64_t now_ms);
  // `ns` null: as if it did not exist yet.
  Need need_of(const model::PutOp& op, const NamespaceState* ns) const;

  StoreState& state_;
  Writer& writer_;
};

}  // namespace ferro::node::store
