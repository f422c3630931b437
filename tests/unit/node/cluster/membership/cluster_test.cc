// Whole clusters over a bad network: everybody learns everything soon, deaths are seen, and only deaths.
#include <gtest/gtest.h>

#include <cmath>
#include <iostream>

#include "world.h"

namespace ferro::node::cluster {
namespace {

WorldOptions world_of(size_t nodes, uint64_t seed) {
  WorldOptions options;
  options.nodes = nodes;
  options.seed = seed;
  return options;
}

// What a node says of itself in a running cluster, about.
void tell_usual_values(World& world, size_t node) {
  world.at(node).set("api_addr", "10.0.0." + std::to_string(node) + ":8080");
  world.at(node).set("gossip_addr", "10.0.0." + std::to_string(node) + ":7946");
  world.at(node).set("state", "ready");
  world.at(node).set("weight", "64");
  world.at(node).set("software", "1.0.0");
  world.at(node).set("target", std::string(16, 'f'));
  world.at(node).set("synced", std::string(16, 'f'));
  world.at(node).set("cert", std::string(64, 'c'));
}

class ClusterOf : public testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(Sizes, ClusterOf, testing::Values(3, 10, 50));

// One value at one node of a cluster at rest reaches all in a number of rounds that grows with the logarithm.
TEST_P(ClusterOf, NewsReachEverybodyInLogarithmicTime) {
  const size_t nodes = GetParam();
  const double rounds_max = 2.0 + 2.0 * std::log2(static_cast<double>(nodes));
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(world_of(nodes, seed));
    for (size_t i = 0; i < nodes; ++i) tell_usual_values(world, i);
    ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 60'000));
    for (int news = 0; news < 3; ++news) {
      world.at(world.random() % nodes).set("state", "news " + std::to_string(news));
      ASSERT_TRUE(world.run_until([&] { return world.agree(); }, static_cast<int64_t>(rounds_max * 500.0)));
    }
    EXPECT_EQ(world.false_deaths(), 0U);
  }
}

TEST_P(ClusterOf, NobodyIsTakenForDeadThoughAFifthOfAllMessagesIsLost) {
  const size_t nodes = GetParam();
  WorldOptions options = world_of(nodes, 11);
  options.loss_percent = 20;
  options.delay_max_ms = 200;
  World world(options);
  ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 60'000));
  world.run_ms(nodes > 10 ? 120'000 : 1'800'000);
  EXPECT_EQ(world.false_deaths(), 0U);
  EXPECT_TRUE(world.agree());
}

TEST_P(ClusterOf, ACrashIsSeenByEverybodyWithinFifteenSeconds) {
  const size_t nodes = GetParam();
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    WorldOptions options = world_of(nodes, seed);
    options.loss_percent = seed == 3 ? 20 : 0;
    World world(options);
    ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 60'000));
    world.run_ms(30'000);
    world.crash(1);
    world.run_ms(4000);
    for (size_t i = 0; i < nodes; ++i) {
      if (i != 1) {
        ASSERT_TRUE(world.sees_alive(i, 1)) << "a death within 4 s is a guess";
      }
    }
    ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 11'000));
    EXPECT_EQ(world.false_deaths(), 0U);
    for (size_t i = 0; i < nodes; ++i) {
      if (i == 1) continue;
      EXPECT_FALSE(world.view(i, 1)->left);
      EXPECT_GT(world.view(i, 1)->phi, 8.0);
    }
    // And one that comes back is seen at once.
    world.start(1, 2);
    world.at(1).set("state", "joining");
    EXPECT_TRUE(world.run_until([&] { return world.agree(); }, 8000));
  }
}

TEST_P(ClusterOf, BothHalvesOfACutClusterFindTogetherAgain) {
  const size_t nodes = GetParam();
  World world(world_of(nodes, 21));
  ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 60'000));
  world.cut([](size_t from, size_t to) { return from % 2 != to % 2; });
  ASSERT_TRUE(world.run_until(
      [&] {
        for (size_t i = 0; i < nodes; ++i) {
          for (size_t of = 0; of < nodes; ++of) {
            if (world.sees_alive(i, of) != (i % 2 == of % 2)) return false;
          }
        }
        return true;
      },
      20'000));
  for (size_t i = 0; i < nodes; ++i) world.at(i).set("state", "changed meanwhile");
  world.run_ms(60'000);
  world.cut(nullptr);
  EXPECT_TRUE(world.run_until([&] { return world.agree(); }, 15'000));
}

TEST_P(ClusterOf, OneWayLossDoesNotSplitAClusterThatHasOtherWays) {
  const size_t nodes = GetParam();
  World world(world_of(nodes, 22));
  ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 60'000));
  world.cut([](size_t from, size_t to) { return from == 0 && to == 1; });
  world.run_ms(60'000);
  EXPECT_EQ(world.false_deaths(), 0U);
  EXPECT_TRUE(world.agree());
}

TEST(Cluster, GoodbyeIsNoDeath) {
  World world(world_of(5, 31));
  ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 60'000));
  world.at(4).leave();
  ASSERT_TRUE(world.run_until(
      [&] {
        for (size_t i = 0; i < 4; ++i) {
          if (!world.view(i, 4)->left) return false;
        }
        return true;
      },
      5000));
  world.crash(4);
  world.run_ms(30'000);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(world.view(i, 4)->left);
    EXPECT_EQ(world.view(i, 4)->liveness, Liveness::dead);
    EXPECT_GT(world.view(i, 4)->unreachable_ms, 29'000);
  }
  EXPECT_EQ(world.false_deaths(), 0U);
  world.start(4, 2);  // back for good
  EXPECT_TRUE(world.run_until([&] { return world.agree(); }, 10'000));
  EXPECT_FALSE(world.view(0, 4)->left);
}

// A third node that was cut off still talks of somebody whom all others have forgotten.
TEST(Cluster, NobodyRisesFromTheForgotten) {
  WorldOptions options = world_of(6, 41);
  options.membership.forget_after_ms = 20'000;
  World world(options);
  ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 60'000));
  world.crash(5);
  world.run_ms(9000);
  // Node 4 is cut off before it forgets; its clock of deaths starts anew for everybody else, too.
  world.cut([](size_t from, size_t to) { return from == 4 || to == 4; });
  world.run_ms(19'000);
  for (size_t i = 0; i < 4; ++i) ASSERT_EQ(world.view(i, 5), nullptr) << i;
  world.cut(nullptr);
  bool rose = false;
  for (int second = 0; second < 60; ++second) {
    world.run_ms(1000);
    for (size_t i = 0; i < 4; ++i) rose = rose || world.view(i, 5) != nullptr;
  }
  EXPECT_FALSE(rose);
  EXPECT_EQ(world.view(4, 5), nullptr);
  EXPECT_TRUE(world.run_until([&] { return world.agree(); }, 10'000));

  // It may come back itself, with a new generation.
  world.start(5, 2);
  EXPECT_TRUE(world.run_until([&] { return world.agree(); }, 10'000));
}

// A node that was cut off for longer than it is remembered has not restarted: its heartbeat went on.
TEST(Cluster, WhoWasForgottenButLivesIsTakenBack) {
  WorldOptions options = world_of(4, 42);
  options.membership.forget_after_ms = 10'000;
  World world(options);
  ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 60'000));
  world.cut([](size_t from, size_t to) { return (from == 3) != (to == 3); });
  world.run_ms(40'000);
  ASSERT_EQ(world.view(0, 3), nullptr);
  ASSERT_EQ(world.at(3).members().size(), 1U);
  world.cut(nullptr);
  EXPECT_TRUE(world.run_until([&] { return world.agree(); }, 10'000));
}

TEST(Cluster, LostDataFolderOfANodeIsNoReasonToIgnoreIt) {
  World world(world_of(5, 51));
  ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 60'000));
  world.crash(2);
  world.start(2, 7);
  world.at(2).set("state", "in its seventh life");
  ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 20'000));
  world.crash(2);
  world.start(2, 1);  // nothing is left of what it knew
  world.at(2).set("state", "reborn");
  ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 20'000));
  EXPECT_EQ(world.at(2).generation(), 8U);
  EXPECT_EQ(world.view(0, 2)->value("state"), "reborn");
}

// Values of random nodes change while nodes crash, come back and lose messages; once that is over everybody
// agrees, and what was erased stays so.
TEST(Cluster, AgreesAfterAnyMischief) {
  for (uint64_t seed = 1; seed <= 25; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    WorldOptions options = world_of(3 + seed % 6, seed);
    options.delay_max_ms = 400;
    options.loss_percent = static_cast<unsigned>(seed % 4) * 15;
    World world(options);
    std::vector<uint64_t> generations(world.size(), 1);
    for (int step = 0; step < 150; ++step) {
      const size_t node = world.random() % world.size();
      const std::string key = "key " + std::to_string(world.random() % 6);
      switch (world.random() % 8) {
        case 0:
          if (world.is_up(node) && world.random() % 3 == 0) world.crash(node);
          break;
        case 1:
          if (!world.is_up(node)) world.start(node, ++generations[node]);
          break;
        case 2:
          world.cut([a = node](size_t from, size_t to) { return (from == a) != (to == a); });
          break;
        case 3:
          world.cut(nullptr);
          break;
        case 4:
        case 5:
          if (world.is_up(node)) world.at(node).set("k" + key.substr(4), std::to_string(step));
          break;
        default:
          if (world.is_up(node)) world.at(node).erase("k" + key.substr(4));
      }
      world.run_ms(static_cast<int64_t>(world.random() % 2000));
    }
    world.cut(nullptr);
    world.set_loss(0);
    for (size_t node = 0; node < world.size(); ++node) {
      if (!world.is_up(node)) world.start(node, ++generations[node]);
    }
    ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 40'000));
  }
}

// Long ids, many nodes, much to say: no message grows beyond its bound, and everybody still learns
// everything.
TEST(Cluster, MessagesStayBounded) {
  WorldOptions options = world_of(60, 61);
  options.id_bytes = 128;
  World world(options);
  for (size_t i = 0; i < world.size(); ++i) {
    world.at(i).set("small", "s");
    world.at(i).set("large", std::string(kGossipValueBytesMax, 'x'));
  }
  EXPECT_TRUE(world.run_until([&] { return world.agree(); }, 120'000));
  EXPECT_EQ(world.false_deaths(), 0U);
  EXPECT_LE(world.largest_message(), kGossipBytesMax);
  EXPECT_GT(world.largest_message(), kGossipBytesMax / 4);
}

// docs/cluster.md, "Membership", holds the figures that this prints.
TEST_P(ClusterOf, BytesASecond) {
  const size_t nodes = GetParam();
  World world(world_of(nodes, 71));
  for (size_t i = 0; i < nodes; ++i) tell_usual_values(world, i);
  ASSERT_TRUE(world.run_until([&] { return world.agree(); }, 60'000));
  const uint64_t before = world.bytes_sent();
  constexpr int64_t kSeconds = 60;
  world.run_ms(kSeconds * 1000);
  const uint64_t each = (world.bytes_sent() - before) / nodes / static_cast<uint64_t>(kSeconds);
  RecordProperty("gossip_bytes_per_second_and_node", static_cast<int>(each));
  std::cout << nodes << " members: each sends " << each << " bytes of gossip a second\n";
  EXPECT_LT(each, 2000 + 600 * nodes);
}

}  // namespace
}  // namespace ferro::node::cluster
