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

// Only owners that may have missed writes can be asked about the partition right now, yet others that know
// them are said to be there: for so long they are worth waiting for. After a pause of its own, say, a node
// finds its links closed and has them again a moment later.
inline constexpr int64_t kReadyWaitMs = 500;
inline bool knowing_owner_is_away(const Context& context, const Routes& routes, uint16_t partition) {
  const auto ready = routes.ready_readers(partition);
  return !ready.empty() && std::none_of(ready.begin(), ready.end(),
                                        [&](const NodeId* owner) { return context.available(*owner); });
}

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
