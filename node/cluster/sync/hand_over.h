// What this node holds of partitions that it does not own: given to their owners, and only when every owner
// that is there is seen to have it, removed here. Never while the ring changes.
//
// On the loop; owned by Syncer. The transfer outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "node/cluster/sync/sync_view.h"
#include "node/cluster/sync/transfer.h"
#include "node/model/partition.h"

namespace ferro::node::cluster {

class PartitionHandOver;

class HandOver {
 public:
  // `on_empty`: nothing is left to hand over in the ring of this fingerprint; once for a ring, again if
  // something turned up later.
  HandOver(Transfer& transfer, NodeId self, std::function<void(uint64_t ring)> on_empty);
  ~HandOver();
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;

  // `away_since_ms`: see ExchangeMode.
  void set_view(const SyncView& view, int64_t away_since_ms);
  void tick(int64_t now_ms);
  // Calls `on_empty` again at the next tick if nothing is left: who was told before has forgotten.
  void tell_again() noexcept { told_empty_ = false; }

  // Entries are being removed right now: whoever compares this node's copies waits.
  bool removing() const noexcept { return *removals_ > 0; }
  // Something is left to hand over, or may be: in a new ring nobody knows before this node has looked.
  bool busy() const noexcept { return left_ != 0 || (!scanned_ && !view_.current->empty()); }
  size_t partitions_left() const noexcept { return left_; }
  size_t partitions_total() const noexcept { return total_; }  // since the ring changed
  uint64_t entries_removed() const noexcept { return removed_; }
  std::string trouble() const { return trouble_; }

 private:
  struct Attempt {
    std::shared_ptr<PartitionHandOver> work;  // null while it rests
    uint32_t failures = 0;
    int64_t rests_until_ms = 0;
  };

  bool allowed() const noexcept;
  void cancel();
  void scan();
  void find_strays();
  void start(uint16_t partition, Attempt& attempt);
  void on_done(uint16_t partition, const Status& status);

  Transfer& transfer_;
  const NodeId self_;
  std::function<void(uint64_t)> on_empty_;
  SyncView view_;
  int64_t away_since_ms_ = 0;
  model::PartitionSet foreign_;  // owned by others alone
  model::PartitionSet clean_;    // of those: given away in this ring, tombstones too
  bool scanned_ = false, scanning_ = false, told_empty_ = false;
  uint64_t scan_ = 0;  // the latest; an older one's answer is void
  std::map<uint16_t, Attempt> attempts_;
  std::shared_ptr<size_t> removals_ = std::make_shared<size_t>(0);
  size_t left_ = 0, total_ = 0;
  uint64_t removed_ = 0;
  std::string trouble_;
};

}  // namespace ferro::node::cluster
