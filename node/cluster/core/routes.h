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

#include "common/time/clock.h"
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

// The routes in force. `get` from any thread, the rest on the loop.
//
// A process that was stopped (SIGSTOP, a paused machine) wakes up with routes that say what it was ready for
// then, and may serve requests before its loop notices. So, once there is somebody to watch for, routes hold
// for only so long after the loop last said that it is awake; after that, until it says so again, those count
// in which this node is not ready.
class RouteHolder {
 public:
  explicit RouteHolder(std::shared_ptr<const Routes> routes) : routes_(std::move(routes)) {}
  std::shared_ptr<const Routes> get() const {
    std::lock_guard lock(mutex_);
    const bool slept = clock_ != nullptr && clock_->steady_ns() - awake_ns_ >= sleep_ns_;
    return slept ? not_ready_ : routes_;
  }
  // `not_ready`: the same with this node not ready.
  void set(std::shared_ptr<const Routes> routes, std::shared_ptr<const Routes> not_ready) {
    std::lock_guard lock(mutex_);
    routes_.swap(routes);
    not_ready_.swap(not_ready);
  }
  // `clock` outlives this. From now on the loop says that it is awake more often than every `sleep_ms`.
  void watch(const Clock& clock, int64_t sleep_ms) {
    std::lock_guard lock(mutex_);
    clock_ = &clock;
    sleep_ns_ = sleep_ms * 1'000'000;
    awake_ns_ = clock.steady_ns();
  }
  // The routes are those of that moment, which is before the loop began to look around: a stop in between
  // counts.
  void awake(int64_t at_ns) {
    std::lock_guard lock(mutex_);
    awake_ns_ = at_ns;
  }

 private:
  mutable std::mutex mutex_;  // for what follows
  std::shared_ptr<const Routes> routes_, not_ready_;
  const Clock* clock_ = nullptr;
  int64_t sleep_ns_ = 0, awake_ns_ = 0;
};

}  // namespace ferro::node::cluster
