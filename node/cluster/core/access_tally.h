// Which entries this node handed out, told now and then to the others that have them: so that every copy
// knows how often its entry is read, and when last. Statistics show it, and an owner evicts by it.
//
// Owned by the cluster node. `note` from any thread, the rest on its loop. These are figures, not data: what
// is lost on the way is not told again, and a copy that is made later begins at nothing.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "node/cluster/core/context.h"
#include "node/model/namespace_key.h"

namespace ferro::node::cluster {

class AccessTally {
 public:
  explicit AccessTally(Context& context) : context_(context) {}

  // A lookup in `asked` was answered from this node's own entries.
  void note(const model::NamespaceKey& asked, const engine::LookupResult& result);
  // Tells what was noted since the last time.
  void tell();
  // Of which something is noted and not told yet. Any thread.
  size_t namespaces() const {
    const std::lock_guard lock(mutex_);
    return noted_.size();
  }
  // What another node told.
  void take(std::string_view body);

 private:
  using Counts = std::unordered_map<std::string, uint64_t>;  // by id
  using Tally = std::unordered_map<model::NamespaceKey, Counts, model::NamespaceKeyHash>;

  Context& context_;
  mutable std::mutex mutex_;  // for what follows
  Tally noted_;
  size_t entries_ = 0;  // different ones in noted_
};

}  // namespace ferro::node::cluster
