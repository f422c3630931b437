// A cache that lies elsewhere: every answer comes later, from a thread of its own, in an order of its own.
// And a cluster's node of which tests say everything.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "node/cache/cache.h"
#include "node/cluster/core/cluster_node.h"

namespace ferro::node::api {

// Over the local cache of an engine, which it calls on its thread alone.
class RemoteCache final : public cache::Cache {
 public:
  explicit RemoteCache(engine::Engine& engine, uint64_t seed = 1);
  ~RemoteCache() override;

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

  // Set between requests. If not ok, what everything answers; of lookups only each `fails_every`-th.
  Status failure;
  size_t fails_every = 1;
  // As the last request named them.
  std::optional<cache::Reach> reach;
  std::optional<bool> read_repair;
  size_t waiting_most = 0;  // most answers owed at a time
  size_t lookups = 0;

 private:
  void later(std::function<void()> work);
  void run();

  const std::unique_ptr<cache::Cache> near_;
  std::mt19937_64 random_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

class FakeClusterNode final : public cluster::ClusterNode {
 public:
  explicit FakeClusterNode(cache::Cache& cache) : cache_(cache) {}
  void start() override {}
  cache::Cache& cache() override { return cache_; }
  Status readiness() const override { return readiness_answer; }
  cluster::ClusterStatus status() const override { return status_answer; }
  void set_credentials(cluster::Credentials) override {}
  void start_drain(std::function<void(Status)> done) override { done(drain_answer); }
  void cancel_drain(std::function<void(Status)> done) override { done(drain_answer); }
  void hand_off(int64_t, std::function<void()> done) override { done(); }
  void leave(int64_t, std::function<void()> done) override { done(); }
  void stop() override {}
  void stop_on_loop() override {}

  Status readiness_answer, drain_answer;
  cluster::ClusterStatus status_answer;

 private:
  cache::Cache& cache_;
};

}  // namespace ferro::node::api
