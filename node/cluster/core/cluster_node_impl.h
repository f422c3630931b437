// The parts of a cluster node and what holds them together: timers, the ring's changes, messages that come
// in.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "node/cluster/core/access_tally.h"
#include "node/cluster/core/cluster_node.h"
#include "node/cluster/core/context.h"
#include "node/cluster/core/departure.h"
#include "node/cluster/core/desk.h"
#include "node/cluster/core/gossiper.h"
#include "node/cluster/core/owner.h"
#include "node/cluster/core/read_repair.h"
#include "node/cluster/core/replicator.h"
#include "node/cluster/core/router.h"
#include "node/cluster/core/splitter.h"
#include "node/cluster/core/stored_state.h"
#include "node/cluster/membership/membership.h"
#include "node/cluster/ring/ring_keeper.h"
#include "node/cluster/sync/syncer.h"

namespace ferro::node::cluster {

class ClusterNodeImpl final : public ClusterNode, private PeerService {
 public:
  ClusterNodeImpl(ClusterOptions options, StoredState stored, engine::Engine& engine, Loop& loop,
                  Network& network, io::FileSystem& fs);

  void start() override;
  cache::Cache& cache() override { return router_; }
  Status readiness() const override;
  ClusterStatus status() const override;
  void set_credentials(Credentials credentials) override;
  void start_drain(std::function<void(Status)> done) override { set_draining(true, std::move(done)); }
  void cancel_drain(std::function<void(Status)> done) override { set_draining(false, std::move(done)); }
  void hand_off(int64_t timeout_ms, std::function<void()> done) override;
  void leave(int64_t timeout_ms, std::function<void()> done) override;
  void stop() override;
  void stop_on_loop() override;

 private:
  void on_request(const NodeId& from, MessageType type, std::string_view body, uint16_t version,
                  int64_t decide_by_ns, RespondFn respond) override;
  void on_one_way(const NodeId& from, MessageType type, std::string_view body) override;
  void on_peer_up(const NodeId& node) override;
  void on_peer_down(const NodeId& node) override;

  void arm_gossip();
  void arm_tick();
  void tick();
  std::string misfit() const;
  void judge_fitness();
  // Something may have been learned: the ring follows, routes and status are made anew, the syncer is told.
  void observe();
  void publish_routes();
  SyncEvents sync_events();
  void forget_departed();
  void remember();
  void save(StoredState state);
  void set_draining(bool draining, std::function<void(Status)> done);
  void step_aside();
  void poll_departure(std::function<void()> over);
  void say_goodbye(std::function<void()> done);
  void publish_status();
  ClusterStatus make_status() const;
  std::string reason_to_go() const;
  void add_members(ClusterStatus& status) const;
  void add_forgotten(ClusterStatus& status) const;
  void add_partitions(ClusterStatus& status) const;
  void add_progress(ClusterStatus& status) const;
  void add_splits(ClusterStatus& status) const;
  int64_t now_ms() const { return context_.loop.clock().steady_ns() / 1'000'000; }

  Context context_;
  io::FileSystem& fs_;
  Membership membership_;
  RingKeeper ring_;
  Replicator replicator_;
  Owner owner_;
  AccessTally accesses_;
  Desk desk_;
  ReadRepair read_repair_;
  Router router_;
  Gossiper gossiper_;
  std::unique_ptr<Syncer> syncer_;
  std::unique_ptr<Departure> departure_;
  Splitter splitter_;

  StoredState stored_;
  bool saving_ = false;
  std::optional<StoredState> save_next_;
  int64_t remembered_at_ms_ = 0;
  uint64_t ticks_ = 0, hints_dropped_ = 0;
  std::set<NodeId> known_;    // peers that gossip tells of
  std::string routes_basis_;  // what the routes in force were made from
  bool stepped_aside_ = false, leaving_ = false, stopped_ = false;
  bool was_full_ = false;  // said so
  std::string misfit_;     // said so

  mutable std::mutex status_mutex_;  // for what any thread reads
  ClusterStatus status_;
  Status readiness_ = Status::unavailable("the node is joining its cluster");
};

}  // namespace ferro::node::cluster
