// Takes what this node's engine decides to the other owners, and tells when a write has as many copies as the
// configured consistency asks for. docs/cluster.md, "Replication".
//
// An operation goes out while the own log still syncs. To each peer leads one lane: operations of several
// writes share a message, a few messages are in flight at once, and what a peer cannot take becomes a hint.
// Owned by the cluster node. `on_decided` on the engine's writer thread, `open` on any, the rest on the loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "node/cluster/core/context.h"
#include "node/cluster/core/hints.h"
#include "node/engine/engine.h"

namespace ferro::node::cluster {

// Writes of ?local=true: for this node alone.
inline constexpr engine::WriteTag kLocalWrite = ~engine::WriteTag{0};

class Replicator final : public engine::DecisionSink {
 public:
  explicit Replicator(Context& context);

  // A new write. Its operations carry the tag; what was decided for it is known on the loop before its
  // engine callback can be.
  engine::WriteTag open() noexcept { return next_tag_.fetch_add(1, std::memory_order_relaxed); }
  void on_decided(std::vector<engine::Decided> operations) override;
  Status may_decide() const override;

  // The engine has applied everything of the write: `done` when there are copies enough, or with unreachable
  // when there cannot be.
  void await(engine::WriteTag tag, std::function<void(Status)> done);
  // The engine refused it or its log failed: nobody waits for copies.
  void abandon(engine::WriteTag tag) { writes_.erase(tag); }

  // Every tick: sends what waits and hints to those who are back, gives up what is too old.
  void tick();
  // A member went for good.
  void forget(const NodeId& peer);

  // From now on this node decides nothing any more; what it has decided still goes out. Any thread.
  void close() noexcept { closed_.store(true, std::memory_order_relaxed); }
  // How many operations that peer has not confirmed: on their way or kept as hints.
  uint64_t unconfirmed_by(const NodeId& peer) const;
  // Age of the oldest operation that a peer has not confirmed and that is not a hint.
  int64_t lag_ms() const;
  const Hints& hints() const noexcept { return hints_; }

 private:
  struct Operation {
    engine::WriteTag tag = 0;
    std::shared_ptr<const std::string> bytes;
    int64_t since_ms = 0;
    size_t owners = 1, outstanding = 0, confirmed = 1;  // this node included
    bool settled = false;
  };
  using OperationPtr = std::shared_ptr<Operation>;
  struct Write {
    size_t unsettled = 0;
    Status failure;
    std::function<void(Status)> done;  // set by await
  };
  struct Parcel {  // one operation on its way to one peer
    OperationPtr operation;
    uint64_t attempts = 0;
  };
  struct Lane {
    std::deque<Parcel> queue;
    size_t calls = 0, parcels_under_way = 0;
    bool sending_hints = false;
  };

  void dispatch(const std::vector<engine::Decided>& operations);
  void flush(const NodeId& peer);
  bool may_wait(const Operation& operation) const;
  void give_up_waiting(const NodeId& peer, Lane& lane);
  void send(const NodeId& peer, Lane& lane);
  void on_reply(const NodeId& peer, std::vector<Parcel> parcels, const Status& status);
  void keep_hint(const NodeId& peer, const OperationPtr& operation);
  void send_hints(const NodeId& peer);
  void settle(Operation& operation, bool confirmed);
  bool settled(const Operation& operation) const;
  void finish_if_settled(engine::WriteTag tag);
  int64_t now_ms() const { return context_.loop.clock().steady_ns() / 1'000'000; }

  Context& context_;
  Hints hints_;
  std::atomic<engine::WriteTag> next_tag_{1};
  std::atomic<bool> closed_{false};
  std::unordered_map<engine::WriteTag, Write> writes_;  // bounded by the requests in flight
  std::map<NodeId, Lane> lanes_;
};

}  // namespace ferro::node::cluster
