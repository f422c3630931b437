// Writes that this node decides as the acting owner of their partitions: the engine decides and logs, the
// replicator makes the copies, the caller hears when both are done.
//
// Owned by the cluster node. Called from any thread; every `done` runs on the loop.
#pragma once

#include <string>
#include <vector>

#include "node/cluster/core/replicator.h"
#include "node/cluster/runtime/loop.h"
#include "node/engine/engine.h"

namespace ferro::node::cluster {

class Owner {
 public:
  Owner(engine::Engine& engine, Replicator& replicator, Loop& loop)
      : engine_(engine), replicator_(replicator), loop_(loop) {}

  void insert(engine::InsertRequest request, engine::Done<std::string> done);
  using InsertResults = std::vector<Result<std::string>>;
  void insert_batch(std::vector<engine::InsertRequest> requests, std::function<void(InsertResults)> done);
  // How many live entries went; none is no error here.
  void remove(engine::RemoveRequest request, engine::Done<uint64_t> done);
  void drop_namespace(engine::DropRequest request, engine::Done<uint64_t> done);
  void invalidate(engine::InvalidateRequest request, engine::Done<std::vector<std::string>> done);

 private:
  // Wraps `done`: after the engine's success it waits for the copies.
  template <typename T>
  engine::Done<T> with_copies(engine::WriteTag tag, engine::Done<T> done);

  engine::Engine& engine_;
  Replicator& replicator_;
  Loop& loop_;
};

}  // namespace ferro::node::cluster
