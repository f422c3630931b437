// Writes that this node decides as the acting owner of their partitions: the engine decides and logs, the
// replicator makes the copies, the caller hears when both are done.
//
// Owned by the cluster node. Called from any thread; every `done` runs on the loop.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "node/cluster/core/replicator.h"
#include "node/cluster/runtime/loop.h"
#include "node/engine/engine.h"

namespace ferro::node::cluster {

class Owner {
 public:
  Owner(engine::Engine& engine, Replicator& replicator, Loop& loop, const RouteHolder& routes)
      : engine_(engine), replicator_(replicator), loop_(loop), routes_(routes) {}

  using InsertResults = std::vector<Result<std::string>>;

  // Asks the owners of a split namespace's other shards whether a vector of that dimension fits: ok, or
  // invalid_argument, or why they cannot be asked. Any thread; answers on the loop. Set before the first
  // call.
  using DimensionCheck =
      std::function<void(const model::NamespaceKey& ns, size_t dimension, std::function<void(Status)> done)>;
  void set_dimension_check(DimensionCheck check) { check_elsewhere_ = std::move(check); }

  void insert(engine::InsertRequest request, engine::Done<std::string> done);
  void insert_batch(std::vector<engine::InsertRequest> requests, std::function<void(InsertResults)> done);
  // How many live entries went; none is no error here.
  void remove(engine::RemoveRequest request, engine::Done<uint64_t> done);
  void drop_namespace(engine::DropRequest request, engine::Done<uint64_t> done);
  void invalidate(engine::InvalidateRequest request, engine::Done<std::vector<std::string>> done);

 private:
  // Wraps `done`: after the engine's success it waits for the copies.
  template <typename T>
  engine::Done<T> with_copies(engine::WriteTag tag, engine::Done<T> done);

  void place(engine::InsertRequest& request) const;
  // What is here cannot tell the namespace's dimension: all of it that this node has is empty.
  bool knows_no_dimension(const engine::InsertRequest& request) const;
  void decide_batch(std::vector<engine::InsertRequest> requests, std::function<void(InsertResults)> done);

  engine::Engine& engine_;
  Replicator& replicator_;
  Loop& loop_;
  const RouteHolder& routes_;
  DimensionCheck check_elsewhere_;
};

}  // namespace ferro::node::cluster
