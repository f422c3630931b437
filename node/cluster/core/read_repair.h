// After a hit: do the other owners hold that entry in that version? Whoever does not is given the newest.
//
// Owned by the cluster node; `due` from any thread, the rest on its loop. Checks are rationed, because a hit
// is frequent and a difference rare; what is not checked here the comparison of copies finds.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "node/cluster/core/context.h"
#include "node/model/operation.h"

namespace ferro::node::cluster {

class ReadRepair {
 public:
  explicit ReadRepair(Context& context) : context_(context) {}

  // Whether this hit's turn has come: one in so many milliseconds.
  bool due() noexcept;
  void check(const model::NamespaceKey& ns, const std::string& id);

 private:
  struct Check;
  void compare(const std::shared_ptr<Check>& check);
  void give(const NodeId& node, const std::string& operation);

  Context& context_;
  std::atomic<int64_t> next_ns_{0};
  size_t running_ = 0;
};

}  // namespace ferro::node::cluster
