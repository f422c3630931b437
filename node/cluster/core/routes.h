// Where requests go: an immutable picture of the ring and of who is ready, replaced as a whole when either
// changes. Made on the loop, read from any thread.
#pragma once

#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "node/cluster/placement/placement.h"
#include "node/model/partition.h"

namespace ferro::node::cluster {

class Routes {
 public:
  using Ring = std::shared_ptr<const Placement>;
  using Owners = boost::container::small_vector<const NodeId*, 8>;

  // `write_rings`: all rings whose owners a write must reach, `current` among them if it is not empty.
  Routes(NodeId self, Ring current, std::vector<Ring> write_rings, uint64_t epoch,
         const std::function<bool(const NodeId&)>& is_ready);

  // Where entries lie by the ring in force. Namespaces are given by model::namespace_hash.
  const std::shared_ptr<const model::SplitTable>& splits() const noexcept { return current_->splits(); }
  // The table of that fingerprint of a ring that writes go to; null if there is none.
  std::shared_ptr<const model::SplitTable> splits_of(uint64_t fingerprint) const;

  // This node is an owner in the ring in force and has caught up: it answers as well as any other.
  bool reads_here(uint16_t partition) const noexcept { return reads_here_.test(partition); }
  bool reads_here(uint64_t ns_hash, model::SlotSet slots = model::kAllSlots) const;
  // This node owns all of these, each in one of the rings that writes go to: it may decide writes for them.
  bool owns_here(uint64_t ns_hash, model::SlotSet slots) const;
  // The same of partitions, by rings of that table.
  bool owns_here(const model::PartitionSet& partitions, const model::SplitTable& splits) const;
  // In any of the rings that writes go to.
  const model::PartitionSet& owned_here() const noexcept { return owns_here_; }

  // Owners in the ring in force: those that are ready first, each group in the ring's order.
  Owners readers(uint16_t partition) const;
  // Of them the ready ones alone: what another owner knows, that they know.
  Owners ready_readers(uint16_t partition) const;
  // Everybody who must get a write: owners now, owners to be, and those whom somebody may still read from.
  Owners writers(uint64_t ns_hash, model::SlotSet slots) const;

  bool empty() const noexcept { return current_->empty(); }
  const NodeId& self() const noexcept { return self_; }
  const Placement& current() const noexcept { return *current_; }
  // A member of any ring that writes go to.
  bool is_writer(const NodeId& node) const;
  uint64_t epoch() const noexcept { return epoch_; }

 private:
  const NodeId self_;
  const Ring current_;
  const std::vector<Ring> write_rings_;
  const uint64_t epoch_;
  std::vector<bool> ready_;  // by member of current_
  model::PartitionSet reads_here_, owns_here_;
  std::vector<model::PartitionSet> owned_in_;  // by ring of write_rings_
};

// The routes in force. `get` from any thread, `set` on the loop.
class RouteHolder {
 public:
  explicit RouteHolder(std::shared_ptr<const Routes> routes) : routes_(std::move(routes)) {}
  std::shared_ptr<const Routes> get() const {
    std::lock_guard lock(mutex_);
    return routes_;
  }
  void set(std::shared_ptr<const Routes> routes) {
    std::lock_guard lock(mutex_);
    routes_.swap(routes);
  }

 private:
  mutable std::mutex mutex_;  // for the pointer alone
  std::shared_ptr<const Routes> routes_;
};

}  // namespace ferro::node::cluster
