// Random writes that reach random nodes, random trouble on the network; then everybody compares, and all hold
// what the latest operations say.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/unit/node/cluster/sync/sync_world.h"

namespace ferro::node::cluster {
namespace {

constexpr uint64_t kSeeds = 12;

TEST(SyncRandom, CopiesComeTogetherAndNothingDeletedIsLeft) {
  for (uint64_t seed = 1; seed <= kSeeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    SyncWorld world(seed);
    fakes::Chance& chance = world.timeline.chance();
    world.sync_options.repair_interval_ms = 5000;
    std::vector<NodeId> ids = {"a", "b", "c", "d"};
    ids.resize(2 + chance.below(3));
    for (const NodeId& id : ids) world.add(id);
    for (const NodeId& id : ids) {
      for (const NodeId& other : ids) {
        if (id != other && chance.happens(0.5)) world.at(id).replicas.push_back(other);
      }
    }
    world.one_ring({ids.begin(), ids.end()});
    // The oracle: in virtual time of one wall clock the later operation wins.
    std::map<std::pair<std::string, std::string>, bool> live;
    for (int step = 0; step < 400; ++step) {
      world.run(static_cast<int64_t>(1 + chance.below(30)));
      const NodeId& id = ids[chance.below(ids.size())];
      const std::string ns = "m" + std::to_string(chance.below(6));
      const std::string entry = "e" + std::to_string(chance.below(25));
      const uint64_t what = chance.below(20);
      if (what < 12) {
        world.at(id).put(ns, entry);
        live[{ns, entry}] = true;
      } else if (what < 17) {
        // A delete counts where the entry is known.
        if (world.at(id).has(ns, entry)) {
          world.at(id).remove(ns, entry);
          live[{ns, entry}] = false;
        }
      } else if (what == 17) {
        world.fabric.break_links(id, ids[chance.below(ids.size())]);
      } else if (what == 18) {
        const NodeId& other = ids[chance.below(ids.size())];
        if (other != id) world.fabric.block_both(id, other, chance.happens(0.5));
      } else {
        const auto wall_ms = world.at(id).loop.clock().wall_ms();
        const auto replicas = world.at(id).replicas;
        world.add(id, wall_ms, world.kill(id)).replicas = replicas;
        world.one_ring({ids.begin(), ids.end()});
      }
    }
    for (const NodeId& id : ids) {
      for (const NodeId& other : ids) {
        if (id != other) world.fabric.block_both(id, other, false);
      }
      world.at(id).replicas.clear();
    }
    // From the first pair to the last a difference needs as many rounds as there are nodes.
    world.run(60'000);
    // Deletes of what nobody holds any more need not be known to everybody.
    for (const NodeId& id : ids) EXPECT_EQ(world.at(id).held(false), world.at(ids.front()).held(false)) << id;
    for (const auto& [key, lives] : live) {
      EXPECT_EQ(world.at(ids.front()).has(key.first, key.second), lives) << key.first << " " << key.second;
    }
  }
}

}  // namespace
}  // namespace ferro::node::cluster
