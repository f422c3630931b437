// A node's request path without a cluster: its engine is real, its peers are those of the test.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "node/cluster/core/access_tally.h"
#include "node/cluster/core/desk.h"
#include "node/cluster/core/owner.h"
#include "node/cluster/core/replicator.h"
#include "tests/fakes/fake_network.h"
#include "tests/fakes/faulty_file_system.h"
#include "tests/fakes/manual_loop.h"
#include "tests/unit/node/cluster/core/recording_peers.h"
#include "tests/unit/node/engine/engine_fixture.h"

namespace ferro::node::cluster {

class CoreTest : public ::testing::Test {
 protected:
  CoreTest() {
    engine_.options.manual = true;
    EXPECT_TRUE(engine_.open().ok());
  }

  // All of `owners` own everything; of them those are ready.
  void start(const NodeId& self, const std::vector<NodeId>& owners, const std::set<NodeId>& ready,
             ClusterOptions options = {}) {
    std::vector<RingMember> members;
    for (const NodeId& owner : owners) members.push_back({owner, 64});
    const auto ring = std::make_shared<const Placement>(Placement::build(members, owners.size()));
    auto peers = std::make_unique<RecordingPeers>();
    peers_ = peers.get();
    options.self = self;
    const auto routes = routes_of(self, ring, ready);
    context_ =
        std::unique_ptr<Context>(new Context{std::move(options), *engine_, loop_, network_, std::move(peers),
                                             RouteHolder(routes), CoreFigures(), ClockWatch(loop_.clock())});
    replicator_ = std::make_unique<Replicator>(*context_);
    owner_ = std::make_unique<Owner>(*engine_, *replicator_, loop_, context_->routes);
    accesses_ = std::make_unique<AccessTally>(*context_);
    desk_ = std::make_unique<Desk>(*context_, *owner_, *accesses_);
  }
  // The node that looked for its cluster has found it, as it was remembered: those are ready.
  void found(const std::set<NodeId>& ready) {
    const auto before = context_->routes.get();
    const auto routes =
        routes_of(before->self(), std::make_shared<const Placement>(before->current()), ready);
    context_->routes.set(routes, routes);
    context_->looking = false;
  }
  void run(int64_t ms) { timeline_.run_for_ms(ms); }

  static std::shared_ptr<const Routes> routes_of(const NodeId& self, const Routes::Ring& ring,
                                                 const std::set<NodeId>& ready) {
    return std::make_shared<const Routes>(self, ring, std::vector<Routes::Ring>{ring}, 1,
                                          [&](const NodeId& node) { return ready.contains(node); });
  }

  tests::fakes::FaultyFileSystem fs_{1};
  engine::EngineHarness engine_{fs_, "/data"};
  fakes::Timeline timeline_{1};
  fakes::FakeFabric fabric_{timeline_};
  fakes::ManualLoop loop_{timeline_};
  fakes::FakeNetwork network_{fabric_, loop_, {"self", 1}};
  RecordingPeers* peers_ = nullptr;
  std::unique_ptr<Context> context_;
  std::unique_ptr<Replicator> replicator_;
  std::unique_ptr<Owner> owner_;
  std::unique_ptr<AccessTally> accesses_;
  std::unique_ptr<Desk> desk_;
};

}  // namespace ferro::node::cluster
