// One partition handed over: given to each of its owners in turn, then, bucket by bucket, whatever all of
// them are seen to hold is removed here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "node/cluster/sync/namespace_exchange.h"
#include "node/cluster/sync/transfer.h"

namespace ferro::node::cluster {

struct HandOverTask {
  uint16_t partition = 0;
  Splits splits;
  std::vector<NodeId> owners;  // all that are there; not empty
  int64_t away_since_ms = 0;
};

// Lives as long as its steps do. The transfer outlives it.
class PartitionHandOver : public std::enable_shared_from_this<PartitionHandOver> {
 public:
  // ok: given to all, and nothing is left of what was here. `removals` counts those under way.
  using Done = std::function<void(const Status& status, uint64_t removed)>;
  static std::shared_ptr<PartitionHandOver> start(Transfer& transfer, HandOverTask task,
                                                  std::shared_ptr<size_t> removals, Done done);
  // Removes nothing from now on, and is not done.
  void cancel() { cancelled_ = true; }

 private:
  PartitionHandOver(Transfer& transfer, HandOverTask task, std::shared_ptr<size_t> removals, Done done)
      : transfer_(transfer), task_(std::move(task)), removals_(std::move(removals)), done_(std::move(done)) {}

  void give_to(size_t owner);
  void verify();
  void next_bucket();
  void ask_owner(size_t owner);
  void narrow(size_t owner, Result<VersionsReply> theirs);
  void remove();
  void end(const Status& status);
  VersionsMessage bucket() const;

  Transfer& transfer_;
  const HandOverTask task_;
  std::shared_ptr<size_t> removals_;
  Done done_;
  bool cancelled_ = false;
  std::vector<store::NamespaceSummary> namespaces_;
  size_t namespace_ = 0;
  uint32_t bucket_ = 0, buckets_ = 1;
  store::NamespaceVersions safe_;  // of the bucket: what every owner asked so far holds
  uint64_t left_ = 0;              // entries that some owner does not hold
  uint64_t removed_ = 0;
};

}  // namespace ferro::node::cluster
