// Rings under random trouble: whatever happens, once it is over there is one ring of everybody who is there.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/node/cluster/ring/ring_world.h"

namespace ferro::node::cluster {
namespace {

constexpr uint64_t kSeeds = 60;

class Trouble {
 public:
  Trouble(RingWorld& world, size_t nodes) : world_(world) {
    for (size_t i = 0; i < nodes; ++i) names_.push_back(std::string(1, static_cast<char>('a' + i)));
  }

  void strike() {
    const NodeId& node = names_[world_.random() % names_.size()];
    const bool up = world_.up(node);
    switch (world_.random() % 10) {
      case 0:
      case 1:
        up ? world_.crash(node) : world_.start(node);
        break;
      case 2:
        if (up) world_.stop_planned(node);
        break;
      case 3:
        if (!up && world_.random() % 3 == 0) {
          const auto known = world_.known_nodes();
          if (std::find(known.begin(), known.end(), node) != known.end()) world_.wipe(node);
        }
        if (!up) world_.start(node, world_.random() % 2 == 0 ? 64 : 128);
        break;
      case 4:
        if (up) world_.pause(node, static_cast<int64_t>(world_.random() % 20'000));
        break;
      case 5: {
        std::set<NodeId> side;
        for (const NodeId& name : names_) {
          if (world_.random() % 2 == 0) side.insert(name);
        }
        world_.cut(side);
        break;
      }
      case 6:
      case 7:
        world_.heal();
        break;
      case 8:
        if (up) world_.set_draining(node, !world_.draining(node));
        break;
      default:
        world_.set_loss(static_cast<double>(world_.random() % 5) / 10);
    }
  }

  // Everything is well again; now and then a minority of the nodes stays away or wants to leave.
  std::vector<NodeId> calm() {
    world_.heal();
    world_.set_loss(0.1);
    std::vector<NodeId> members;
    const NodeId& away = names_[world_.random() % names_.size()];
    for (const NodeId& name : names_) {
      if (world_.up(name)) {
        world_.pause(name, 0);
        if (world_.draining(name)) world_.set_draining(name, false);
      } else if (name != away || world_.random() % 2 == 0) {
        world_.start(name);
      }
      if (world_.up(name)) members.push_back(name);
    }
    return members;
  }

 private:
  RingWorld& world_;
  std::vector<NodeId> names_;
};

TEST(RingRandom, SettlesOnOneRingOfEverybodyWhoIsThere) {
  uint64_t changes = 0;
  for (uint64_t seed = 1; seed <= kSeeds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RingWorld world(seed, {.loss = 0.1});
    Trouble trouble(world, 3 + seed % 4);
    for (int i = 0; i < 40; ++i) {
      trouble.strike();
      if (world.up_nodes().empty()) world.start("a");
      world.run(static_cast<int64_t>(world.random() % 15'000));
    }
    const std::vector<NodeId> members = trouble.calm();
    ASSERT_TRUE(world.run_until([&] { return world.settled(members); }, 240'000)) << world.describe();
    const RingRecord ring = world.at(members.front()).record();
    world.run(60'000);
    ASSERT_TRUE(world.settled(members) && world.at(members.front()).record() == ring) << "it stays so\n"
                                                                                      << world.describe();
    changes += world.ring_changes();
  }
  EXPECT_GT(changes, 5 * kSeeds);
}

// One change after the other, planned ones, and a network without losses: whoever answers has every write.
TEST(RingRandom, PlannedChangesLoseNoWriteFromAnyOwnerThatAnswers) {
  for (uint64_t seed = 1; seed <= kSeeds / 3 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RingWorld world(seed, {.writes = true});
    std::vector<NodeId> members = {"a"};
    world.start("a");
    ASSERT_TRUE(world.run_until([&] { return world.settled(members); }, 60'000)) << world.describe();
    for (int i = 0; i < 8; ++i) {
      const NodeId node(1, static_cast<char>('a' + world.random() % 6));
      const auto place = std::lower_bound(members.begin(), members.end(), node);
      const bool member = place != members.end() && *place == node;
      if (!member) {
        if (!world.up(node)) {
          world.start(node);
        } else {
          world.set_draining(node, false);
        }
        members.insert(place, node);
      } else if (members.size() > 2 && world.random() % 2 == 0) {
        world.set_draining(node, true);
        members.erase(place);
      } else if (members.size() > 2) {
        world.stop_planned(node);
        world.run(6000);
        world.start(node);
      }
      ASSERT_TRUE(world.run_until([&] { return world.settled(members); }, 120'000)) << world.describe();
    }
  }
}

}  // namespace
}  // namespace ferro::node::cluster
