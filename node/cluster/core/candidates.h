// Whom to ask next about one slot of a namespace: its owners in order of preference, each at most once a
// pass, skipping those that are known not to answer. Loop.
#pragma once

#include <algorithm>
#include <optional>
#include <set>

#include "node/cluster/core/context.h"

namespace ferro::node::cluster {

// An answer that another owner may give better: the node was not reached, is overloaded, cannot write, or
// sees another ring. Not `unreachable`: an owner says that of a write which it has made, but for which there
// are too few copies.
inline bool worth_asking_another(const Status& status) noexcept {
  switch (status.code()) {
    case StatusCode::unavailable:
    case StatusCode::failed_precondition:
    case StatusCode::no_space:
    case StatusCode::io_error:
    case StatusCode::internal:
      return true;
    default:
      return false;
  }
}

// For how long a question had better wait than be answered by an owner that may have missed writes. A value,
// one a question. Loop.
//
// An owner that knows is said to be there but cannot be reached right now: after a pause of its own, say, a
// node finds its links closed and has them again a moment later. And while this node looks for its cluster it
// knows of nobody who has caught up: the ring that it goes by and its copies are of the time before it was
// started.
class Patience {
 public:
  explicit Patience(const Context& context)
      : context_(context), found_by_ms_(now_ms() + 2 * context.options.request_timeout_ms) {
    begin();
  }

  // Nobody is to be asked about that partition yet.
  bool holds(const Routes& routes, uint16_t partition) {
    if (context_.looking && !routes.empty() && now_ms() < found_by_ms_) {
      begin();
      return true;
    }
    if (is_over()) return false;
    const auto ready = routes.ready_readers(partition);
    return !ready.empty() && std::none_of(ready.begin(), ready.end(),
                                          [&](const NodeId* owner) { return context_.available(*owner); });
  }
  // From now on what any owner has is all there is.
  bool is_over() const { return now_ms() >= ready_by_ms_; }

 private:
  static constexpr int64_t kReadyWaitMs = 500;

  void begin() { ready_by_ms_ = now_ms() + std::min(kReadyWaitMs, context_.options.request_timeout_ms); }
  int64_t now_ms() const { return context_.loop.clock().steady_ns() / 1'000'000; }

  const Context& context_;
  const int64_t found_by_ms_;
  int64_t ready_by_ms_ = 0;
};

class Candidates {
 public:
  Candidates(Context& context, uint64_t ns_hash, unsigned slot)
      : context_(context), ns_hash_(ns_hash), slot_(slot) {}

  // The best owner, by the ring as it is now, that was not asked in this pass; none if all were.
  std::optional<NodeId> next() {
    const auto routes = context_.routes.get();
    for (const NodeId* owner : routes->readers(partition(*routes))) {
      if (asked_.contains(*owner) || !context_.available(*owner)) continue;
      asked_.insert(*owner);
      return *owner;
    }
    return std::nullopt;
  }
  void start_again() { asked_.clear(); }

  Status nobody() const { return nobody(context_, partition(*context_.routes.get())); }
  static Status nobody(Context& context, uint16_t partition) {
    const auto routes = context.routes.get();
    if (routes->empty()) return Status::unavailable("the cluster is still forming: try again");
    std::string owners;
    for (const NodeId* owner : routes->readers(partition)) owners += (owners.empty() ? "" : ", ") + *owner;
    return Status::unreachable("no owner of this namespace can be reached (owners: " + owners + ")");
  }

 private:
  // By the ring as it is now: it may change under the request.
  uint16_t partition(const Routes& routes) const { return routes.splits()->partition_of(ns_hash_, slot_); }

  Context& context_;
  const uint64_t ns_hash_;
  const unsigned slot_;
  std::set<NodeId> asked_;  // at most the owners of a few rings
};

}  // namespace ferro::node::cluster
