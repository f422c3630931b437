// What the syncer goes by: the rings, and who is there.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "node/cluster/placement/placement.h"

namespace ferro::node::cluster {

class RingKeeper;
struct Member;

struct SyncView {
  std::shared_ptr<const Placement> current = std::make_shared<const Placement>();
  std::shared_ptr<const Placement> target = std::make_shared<const Placement>();
  bool agreed = false;    // RingKeeper::target_agreed
  bool changing = false;  // a ring is to come, or not everybody goes by the current one
  bool in_sync = false, complete = false, connected = false;  // RingKeeper's
  bool in_current = false;
  std::vector<std::shared_ptr<const model::SplitTable>> splits;  // of yet other rings that are known
  std::set<NodeId> live;                                         // others that are not dead and have not left
  std::set<NodeId> complete_peers;                               // of those, the ones whose copies are whole
};

SyncView view_of(const RingKeeper& ring, const std::vector<Member>& members, const NodeId& self);

}  // namespace ferro::node::cluster
