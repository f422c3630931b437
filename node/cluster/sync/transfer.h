// The steps that comparing and moving copies are made of, each one asynchronous: asking a peer, reading the
// store away from the loop, applying what came.
//
// Owned by Syncer, on the loop. Every call answers once, on the loop, never before it returns; after stop()
// none does. What is in flight is bounded by the callers, who wait for one step before they take the next.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "node/cluster/peers/peers.h"
#include "node/cluster/runtime/loop.h"
#include "node/cluster/sync/byte_budget.h"
#include "node/cluster/wire/messages.h"
#include "node/engine/engine.h"

namespace ferro::node::cluster {

struct Moved {
  uint64_t operations = 0, bytes = 0;
  uint64_t changed = 0;  // were news where they went
  Moved& operator+=(const Moved& other) noexcept {
    operations += other.operations;
    bytes += other.bytes;
    changed += other.changed;
    return *this;
  }
};

// What is compared and handed over at a time: a partition, or only what it has of one namespace (by
// model::namespace_hash). What lies in it follows from a table of splits.
struct Unit {
  uint16_t partition = 0;
  uint64_t only = 0;
  friend auto operator<=>(const Unit&, const Unit&) = default;
};
using Splits = std::shared_ptr<const model::SplitTable>;  // never null

inline store::Area area_of(const Unit& unit, const Splits& splits) {
  return {unit.partition, splits.get(), unit.only};
}

template <typename T>
using Then = std::function<void(Result<T>)>;

// News to nobody: it changes nothing and is not logged, but passes the engine's queue like any write.
std::vector<model::Operation> old_news();

class Transfer {
 public:
  using Ids = std::vector<std::string>;

  Transfer(engine::Engine& engine, Loop& loop, Peers& peers, int64_t call_timeout_ms)
      : engine_(engine), loop_(loop), peers_(peers), call_timeout_ms_(call_timeout_ms) {}
  void stop() { life_.reset(); }

  void digests(const NodeId& peer, const DigestsMessage& message, Then<DigestsReply> then);
  void versions(const NodeId& peer, const VersionsMessage& message, Then<VersionsReply> then);
  // Asks the peer for these and applies them here. `budget` (may be null) outlives the transfer's stop.
  void fetch(const NodeId& peer, const model::NamespaceKey& ns, Ids ids, ByteBudget* budget,
             Then<Moved> then);
  // Sends these of this node's to the peer.
  void push(const NodeId& peer, const model::NamespaceKey& ns, Ids ids, ByteBudget* budget, Then<Moved> then);

  // Of each unit; at most `limit` namespaces of one.
  using Summaries = std::vector<std::vector<store::NamespaceSummary>>;
  void summaries(std::vector<Unit> units, Splits splits, size_t limit, Then<Summaries> then);
  void versions_here(const VersionsMessage& message, Then<store::NamespaceVersions> then);
  void purge(std::vector<store::EntryRef> entries, Then<uint64_t> then);
  // Answers when whatever the engine has taken until now is decided and applied (or refused).
  void settle(Then<uint64_t> then);

  // Calls are answered in order, so nothing here runs before what was posted earlier.
  void post(Loop::Work work);
  void after(int64_t delay_ms, Loop::Work work);
  int64_t now_ms() const { return loop_.clock().steady_ns() / 1'000'000; }
  uint64_t random() { return loop_.random(); }
  engine::Engine& engine() noexcept { return engine_; }
  // Since the start.
  const Moved& fetched() const noexcept { return fetched_; }
  const Moved& pushed() const noexcept { return pushed_; }

 private:
  struct Job;
  struct Life {};

  template <typename Message, typename Reply>
  void call(const NodeId& peer, MessageType type, const Message& message, Then<Reply> then);
  // `work` on a worker thread, `then` on the loop with what it made.
  template <typename T>
  void read(std::function<Result<T>(const store::Store&)> work, Then<T> then);
  // A callback of the engine's threads, brought to the loop.
  engine::Done<uint64_t> on_loop(Then<uint64_t> then);
  void fetch_piece(const std::shared_ptr<Job>& job);
  void apply_piece(const std::shared_ptr<Job>& job, std::vector<std::string> operations);
  void push_piece(const std::shared_ptr<Job>& job);
  bool waits_for_budget(const std::shared_ptr<Job>& job, void (Transfer::*step)(const std::shared_ptr<Job>&));

  engine::Engine& engine_;
  Loop& loop_;
  Peers& peers_;
  const int64_t call_timeout_ms_;
  std::shared_ptr<Life> life_ = std::make_shared<Life>();
  Moved fetched_, pushed_;
};

}  // namespace ferro::node::cluster
