// The cache as an application sees it from any node: finds who answers, asks, and puts answers together.
// docs/cluster.md, "Requests".
//
// Owned by the cluster node; called from any thread. What this node can answer alone it answers on the
// caller's thread.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "node/cache/cache.h"
#include "node/cluster/core/context.h"
#include "node/cluster/core/desk.h"
#include "node/cluster/core/owner.h"
#include "node/cluster/core/read_repair.h"

namespace ferro::node::cluster {

class Router final : public cache::Cache {
 public:
  Router(Context& context, Desk& desk, Owner& owner, ReadRepair& read_repair, AccessTally& accesses)
      : context_(context), desk_(desk), owner_(owner), read_repair_(read_repair), accesses_(accesses) {}

  void lookup(const engine::LookupRequest& request, cache::LookupOptions options,
              cache::Done<engine::LookupResult> done) override;
  void insert(engine::InsertRequest request, cache::Reach reach, cache::Done<std::string> done) override;
  void insert_batch(std::vector<engine::InsertRequest> requests, cache::Reach reach,
                    std::function<void(std::vector<Result<std::string>>)> done) override;
  void remove(engine::RemoveRequest request, cache::Reach reach, cache::Done<uint64_t> done) override;
  void drop_namespace(model::NamespaceKey ns, cache::Done<uint64_t> done) override;
  void invalidate(engine::InvalidateRequest request, cache::Reach reach,
                  cache::Done<std::vector<std::string>> done) override;
  void find(cache::FindRequest request, cache::Reach reach,
            cache::Done<std::vector<store::EntryView>> done) override;
  void list_namespaces(cache::ListRequest request, cache::Done<cache::NamespaceList> done) override;
  void top_entries(size_t top, size_t namespaces_max, cache::Done<cache::TopList> done) override;
  void count_entries(cache::Done<uint64_t> done) override;

  // Owner::DimensionCheck.
  void check_dimension(const model::NamespaceKey& ns, size_t dimension, std::function<void(Status)> done);

 private:
  // Which partitions, by a table of splits.
  using Where = std::function<model::PartitionSet(const model::SplitTable& splits)>;

  // Its first owner is this node: no other needs to be asked who decides.
  bool acts_here(const model::NamespaceKey& ns, const std::string& id) const;
  // The id before the first send: whoever decides it, and however often it is sent, it is the same entry.
  Status assign_id(engine::InsertRequest& request) const;
  // By whatever owner takes it, this node included. Any thread.
  void insert_anywhere(engine::InsertRequest request, cache::Done<std::string> done);
  void repair_after(const engine::LookupRequest& request, const cache::LookupOptions& options,
                    const Result<engine::LookupResult>& result);
  void find_in(cache::FindRequest request, Where partitions, cache::Done<std::vector<store::EntryView>> done);
  void invalidate_in(engine::InvalidateRequest request, Where partitions, std::vector<std::string> ids,
                     cache::Done<std::vector<std::string>> done);
  void remove_in(engine::RemoveRequest request, Where partitions, cache::Done<uint64_t> done);

  Context& context_;
  Desk& desk_;
  Owner& owner_;
  ReadRepair& read_repair_;
  AccessTally& accesses_;
  mutable std::atomic<uint64_t> next_shard_{0};  // where the next made id of a split namespace goes
};

}  // namespace ferro::node::cluster
