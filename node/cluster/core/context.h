// What the parts of a cluster node share. Owned by the cluster node, outlives them all.
#pragma once

#include <atomic>
#include <memory>

#include "node/cluster/core/clock_watch.h"
#include "node/cluster/core/cluster_node.h"
#include "node/cluster/core/figures.h"
#include "node/cluster/core/routes.h"
#include "node/cluster/peers/peers.h"
#include "node/cluster/runtime/loop.h"
#include "node/cluster/runtime/network.h"
#include "node/engine/engine.h"

namespace ferro::node::cluster {

struct Context {
  const ClusterOptions options;
  engine::Engine& engine;        // thread-safe
  Loop& loop;                    // as loop.h says
  Network& network;              // loop
  std::unique_ptr<Peers> peers;  // loop
  RouteHolder routes;            // get: any thread
  CoreFigures figures;           // any thread
  ClockWatch clocks;             // as clock_watch.h says
  // The ring is remembered or missing: whether it is the cluster's is being found out. Set on the loop, read
  // by any thread: meanwhile nothing is decided here, and nothing answered from what is here.
  std::atomic<bool> looking{false};

  // May be asked right now: this node itself, or a peer whose breaker is closed. Loop.
  bool available(const NodeId& node) const { return node == options.self || peers->available(node); }
};

}  // namespace ferro::node::cluster
