// Decides one write after the other and turns it into operations. Writer thread only; changes nothing but the
// batch and the item's answer.
//
// The store counts the room that earlier puts of a batch will take; its reads see them only once they are
// applied. Where such a put could change a decision the planner asks to commit what there is and decide
// again. Where only earlier deletes could, the outcome of applying in order is the answer: of two deletes of
// one entry exactly one finds it.
#pragma once

#include "common/time/hlc.h"
#include "node/engine/batch.h"
#include "node/store/store.h"

namespace ferro::node::engine {

class Planner {
 public:
  // `dated`: deletes say when they were made (tombstones are kept), not only what they mean.
  Planner(store::Store& store, HlcClock& hlc, bool dated) : store_(store), hlc_(hlc), dated_(dated) {}

  enum class Verdict : uint8_t {
    decided,       // operations were added, or the item's status says why there are none
    commit_first,  // nothing was done: apply the batch, then ask again
  };
  Verdict plan(WriteItem& item, Batch& batch);

 private:
  Verdict plan_put(PutIntent& intent, WriteItem& item, Batch& batch);
  Verdict plan_remove(const RemoveRequest& request, WriteItem& item, Batch& batch);
  Verdict plan_drop(const DropRequest& intent, WriteItem& item, Batch& batch);
  Verdict plan_invalidate(const store::EntryRef& ref, WriteItem& item, Batch& batch);
  Verdict plan_purge(const PurgeIntent& intent, WriteItem& item, Batch& batch);
  Verdict plan_copy(CopyIntent& intent, WriteItem& item, Batch& batch);
  void make_room(const model::PutOp& op, store::Origin origin, model::SlotSet shard, Batch& batch);
  int64_t dated(const Batch& batch) const noexcept { return dated_ ? batch.now_ms : 0; }

  store::Store& store_;
  HlcClock& hlc_;
  const bool dated_;
};

}  // namespace ferro::node::engine
