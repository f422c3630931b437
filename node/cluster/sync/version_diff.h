// What one side of a namespace lacks of the other, from the lists of both: a pure function.
//
// Last writer wins, a delete wins a tie, what is not newer than a drop of the namespace (its floor) is gone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/cluster/wire/messages.h"
#include "node/store/store.h"

namespace ferro::node::cluster {

struct DiffRules {
  // Everything that this node lacks, or only what deletes something that it holds.
  enum class Pull : uint8_t { everything, deletes };
  Pull pull = Pull::everything;
  bool push = true;
  // Of what the peer does not know at all, entries stamped up to here are dropped, not pushed: the peer may
  // have given up the tombstones that would tell of their deletion. 0 = none.
  int64_t drop_upto_ms = 0;
};

struct Difference {
  std::vector<std::string> pull, push;  // ids; "" = the floor, always first
  std::vector<store::VersionOf> drop;
  bool none() const noexcept { return pull.empty() && push.empty() && drop.empty(); }
};

Difference compare(const store::NamespaceVersions& mine, const VersionsReply& theirs, const DiffRules& rules);

// Those of `mine` that live and that the peer knows at their version or a later one: nothing is lost when
// they go from here.
std::vector<store::VersionOf> held_by(const store::NamespaceVersions& mine, const VersionsReply& theirs);

}  // namespace ferro::node::cluster
