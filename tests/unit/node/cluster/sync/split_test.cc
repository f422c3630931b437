// Catching up with a ring in which a namespace is split further, and handing over afterwards.
#include <gtest/gtest.h>

#include <string>

#include "node/cluster/wire/codec.h"
#include "tests/unit/node/cluster/sync/sync_world.h"

namespace ferro::node::cluster {
namespace {

constexpr int kEntries = 200;

// Four nodes, two copies; namespace "big" and others lie where the ring without splits has them.
class Split : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* id : {"a", "b", "c", "d"}) world.add(id);
    whole = ring_of({"a", "b", "c", "d"}, 2);
    hash = model::namespace_hash(key_of("big"));
    for (int e = 0; e < kEntries; ++e) put_at(*whole, "big", "e" + std::to_string(e));
    for (int n = 0; n < 30; ++n) put_at(*whole, "m" + std::to_string(n), "e");
    remove_at(*whole, "big", "e7");
    world.run(10);
  }
  std::shared_ptr<const Placement> split(unsigned degree) const {
    return std::make_shared<const Placement>(whole->with(model::SplitTable({{hash, degree}})));
  }
  uint16_t partition(const Placement& ring, const std::string& ns, const std::string& id) const {
    return ring.splits()->partition_of(key_of(ns), id);
  }
  // At the first owner, who tells the others.
  SyncNode& first(const Placement& ring, const std::string& ns, const std::string& id) {
    const auto owners = ring.owners(partition(ring, ns, id));
    SyncNode& node = world.at(ring.id(owners.front()));
    node.replicas.clear();
    for (const uint16_t owner : owners) {
      if (ring.id(owner) != node.id) node.replicas.push_back(ring.id(owner));
    }
    return node;
  }
  void put_at(const Placement& ring, const std::string& ns, const std::string& id) {
    first(ring, ns, id).put(ns, id);
    world.run(5);
  }
  void remove_at(const Placement& ring, const std::string& ns, const std::string& id) {
    first(ring, ns, id).remove(ns, id);
    world.run(5);
  }
  // Every entry is with all of its owners, and, if `only`, with nobody else.
  testing::AssertionResult placed(const Placement& ring, bool only) {
    for (int e = 0; e < kEntries; ++e) {
      const std::string id = "e" + std::to_string(e);
      for (const NodeId& node : world.ids()) {
        const bool owns = ring.owns(node, partition(ring, "big", id));
        const bool has = world.at(node).has("big", id);
        if (id == "e7" ? has : owns ? !has : has && only) {
          return testing::AssertionFailure() << node << (has ? " has " : " lacks ") << id;
        }
      }
    }
    return testing::AssertionSuccess();
  }
  bool all_caught_up() {
    for (const NodeId& node : world.ids()) {
      if (world.at(node).caught_up.empty()) return false;
    }
    return true;
  }
  bool all_handed_over(uint64_t ring) {
    for (const NodeId& node : world.ids()) {
      const auto& told = world.at(node).handed_over;
      if (told.empty() || told.back() != ring) return false;
    }
    return true;
  }

  SyncWorld world;
  std::shared_ptr<const Placement> whole;
  uint64_t hash = 0;
};

TEST_F(Split, NewOwnersCatchUpWithTheirShardsAndOldOnesHandThemOver) {
  ASSERT_TRUE(placed(*whole, true));
  auto current = whole;
  for (const unsigned degree : {1U, 3U}) {
    const auto target = split(degree);
    for (const NodeId& node : world.ids()) world.at(node).caught_up.clear();
    world.rings(current, target, {"a", "b", "c", "d"});
    ASSERT_TRUE(world.run_until([&] { return all_caught_up(); }));
    EXPECT_TRUE(placed(*target, false));
    EXPECT_TRUE(placed(*current, false)) << "who answers by the ring in force lacks nothing";
    world.rings(target, target, {"a", "b", "c", "d"});
    ASSERT_TRUE(world.run_until([&] { return all_handed_over(target->fingerprint()); }));
    EXPECT_TRUE(placed(*target, true));
    for (int n = 0; n < 30; ++n) {
      const std::string ns = "m" + std::to_string(n);
      size_t copies = 0;
      for (const NodeId& node : world.ids()) copies += world.at(node).has(ns, "e") ? 1 : 0;
      EXPECT_EQ(copies, 2U) << "other namespaces of these partitions stay where they are";
    }
    current = target;
  }
}

TEST_F(Split, WhatWasDeletedStaysDeletedAtTheNewOwners) {
  const auto target = split(2);
  world.rings(whole, target, {"a", "b", "c", "d"});
  ASSERT_TRUE(world.run_until([&] { return all_caught_up(); }));
  world.rings(target, target, {"a", "b", "c", "d"});
  ASSERT_TRUE(world.run_until([&] { return all_handed_over(target->fingerprint()); }));
  EXPECT_TRUE(placed(*target, true));
  // The tombstone has come along: an old copy that turns up now dies.
  const uint16_t where = partition(*target, "big", "e7");
  for (const uint16_t owner : target->owners(where)) {
    const auto versions =
        world.at(target->id(owner)).engine->store().versions(key_of("big"), 0, 1, model::slot_bit("e7"));
    bool gone = false;
    for (const auto& held : versions.entries) gone = gone || (held.id == "e7" && held.tombstone);
    EXPECT_TRUE(gone) << target->id(owner);
  }
}

TEST_F(Split, WhoIsAskedByATableThatItDoesNotKnowRefuses) {
  world.rings(whole, whole, {"a", "b", "c", "d"});
  world.run(1000);
  DigestsMessage message;
  message.items.push_back({5, 1, 0});
  message.splits = split(1)->splits()->fingerprint();
  Status status;
  bool answered = false;
  world.at("a").peers->call("b", MessageType::digests, encode(message), 1000,
                            [&](const Result<std::string_view>& reply) {
                              status = reply.status();
                              answered = true;
                            });
  ASSERT_TRUE(world.run_until([&] { return answered; }));
  EXPECT_EQ(status.code(), StatusCode::failed_precondition);
}

}  // namespace
}  // namespace ferro::node::cluster
