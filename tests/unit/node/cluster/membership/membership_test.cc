// Two or three members that exchange by hand.
#include "node/cluster/membership/membership.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>

namespace ferro::node::cluster {
namespace {

class MembershipTest : public testing::Test {
 protected:
  std::unique_ptr<Membership> make(const std::string& id, uint64_t generation = 1) {
    MembershipOptions options;
    options.self = id;
    options.generation = generation;
    options.forget_after_ms = 60'000;
    return std::make_unique<Membership>(options, clock_);
  }
  // One whole exchange that `a` begins.
  static void exchange(Membership& a, Membership& b) {
    const std::string id_of_a = own_id(a);
    b.on_ack2(a.on_ack(b.on_syn(id_of_a, a.make_syn())));
  }
  static std::string own_id(const Membership& of) { return of.make_syn().digests.front().node; }
  // Time passes for all of them, in rounds, as `talk` has them talk.
  void rounds(int count, std::vector<Membership*> of, const std::function<void()>& talk) {
    for (int round = 0; round < count; ++round) {
      clock_.advance_ms(500);
      for (Membership* one : of) one->beat();
      talk();
      for (Membership* one : of) one->tick();
    }
  }

  ManualClock clock_;
};

TEST_F(MembershipTest, KnowsItselfFromTheStart) {
  const auto a = make("a", 3);
  a->set("state", "joining");
  ASSERT_EQ(a->members().size(), 1U);
  EXPECT_EQ(a->find("a")->value("state"), "joining");
  EXPECT_EQ(a->find("a")->value("nothing"), "");
  EXPECT_EQ(a->find("a")->generation, 3U);
  EXPECT_EQ(a->find("a")->liveness, Liveness::alive);
  EXPECT_TRUE(a->find("a")->proven);
  EXPECT_EQ(a->find("b"), nullptr);
  rounds(100, {a.get()}, [] {});
  EXPECT_EQ(a->find("a")->liveness, Liveness::alive);
}

TEST_F(MembershipTest, OneExchangeTellsBothEverything) {
  const auto a = make("a");
  const auto b = make("b");
  a->set("state", "ready");
  b->set("state", "joining");
  b->set("weight", "64");
  exchange(*a, *b);
  EXPECT_EQ(a->find("b")->value("weight"), "64");
  EXPECT_EQ(b->find("a")->value("state"), "ready");
  b->erase("weight");
  b->set("state", "ready");
  exchange(*a, *b);
  EXPECT_EQ(a->find("b")->value("weight"), "");
  EXPECT_EQ(a->find("b")->value("state"), "ready");
}

TEST_F(MembershipTest, MembersAreSortedAndTheirReferencesMeanOneself) {
  const auto m = make("m");
  for (const char* id : {"z", "a", "n", "b"}) exchange(*make(id), *m);
  std::vector<std::string> ids;
  for (const Member& member : m->members()) ids.push_back(member.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"a", "b", "m", "n", "z"}));
  m->set("k", "v");
  EXPECT_EQ(m->find("m")->value("k"), "v");
  EXPECT_EQ(own_id(*m), "m");
}

TEST_F(MembershipTest, ChangesAreCountedHeartbeatsAreNot) {
  const auto a = make("a");
  const auto b = make("b");
  rounds(3, {a.get(), b.get()}, [&] { exchange(*a, *b); });
  uint64_t before = a->change_count();
  rounds(20, {a.get(), b.get()}, [&] { exchange(*a, *b); });
  EXPECT_EQ(a->change_count(), before);
  EXPECT_GT(a->find("b")->heartbeat, 20U);
  const auto grew = [&] { return std::exchange(before, a->change_count()) < a->change_count(); };
  a->set("k", "v");
  EXPECT_TRUE(grew());
  a->set("k", "v");
  EXPECT_FALSE(grew());
  b->set("k", "v");
  exchange(*a, *b);
  EXPECT_TRUE(grew());
  rounds(30, {a.get()}, [] {});
  EXPECT_EQ(a->find("b")->liveness, Liveness::dead);
  EXPECT_TRUE(grew());
}

// Two processes with one id each go beyond the other's generation, for ever.
TEST_F(MembershipTest, AnIdThatTwoProcessesHaveIsContested) {
  const auto first = make("a");
  const auto second = make("a");
  const auto b = make("b");
  first->set("addr", "host1");
  second->set("addr", "host2");
  rounds(3, {first.get(), b.get()}, [&] { exchange(*first, *b); });
  EXPECT_FALSE(first->contested());
  rounds(30, {first.get(), second.get(), b.get()}, [&] {
    exchange(*first, *b);
    exchange(*second, *b);
  });
  EXPECT_TRUE(first->contested());
  EXPECT_TRUE(second->contested());
  EXPECT_FALSE(b->contested());
  EXPECT_EQ(first->rival_value("addr"), "host2");
  EXPECT_EQ(second->rival_value("addr"), "host1");
  // The other one was stopped: a minute later the id is its own again.
  rounds(200, {first.get(), b.get()}, [&] { exchange(*first, *b); });
  EXPECT_FALSE(first->contested());
  EXPECT_EQ(b->find("a")->value("addr"), "host1");
}

TEST_F(MembershipTest, WhoIsOnlyTalkedOfIsUnproven) {
  const auto a = make("a");
  const auto b = make("b");
  const auto c = make("c");
  exchange(*c, *b);
  exchange(*b, *a);  // tells of c
  ASSERT_NE(a->find("c"), nullptr);
  EXPECT_EQ(a->find("c")->liveness, Liveness::alive);
  EXPECT_FALSE(a->find("c")->proven);
  rounds(20, {a.get(), b.get()}, [&] { exchange(*a, *b); });  // c was long gone
  EXPECT_EQ(a->find("c")->liveness, Liveness::dead);
  EXPECT_FALSE(a->find("c")->proven);
  EXPECT_TRUE(a->find("b")->proven);
}

TEST_F(MembershipTest, AFrameProvesAMemberAndKeepsItAliveButDoesNotReviveIt) {
  const auto a = make("a");
  const auto b = make("b");
  exchange(*b, *a);
  EXPECT_FALSE(a->find("b")->proven);
  a->note_contact("b");
  EXPECT_TRUE(a->find("b")->proven);
  rounds(60, {a.get()}, [&] { a->note_contact("b"); });
  EXPECT_EQ(a->find("b")->liveness, Liveness::alive);
  rounds(30, {a.get()}, [] {});
  ASSERT_EQ(a->find("b")->liveness, Liveness::dead);
  rounds(30, {a.get()}, [&] { a->note_contact("b"); });
  EXPECT_EQ(a->find("b")->liveness, Liveness::dead);
  EXPECT_GT(a->find("b")->unreachable_ms, 15'000);
  a->note_contact("nobody");
}

TEST_F(MembershipTest, SuspectedBeforeDead) {
  const auto a = make("a");
  const auto b = make("b");
  rounds(10, {a.get(), b.get()}, [&] { exchange(*a, *b); });
  std::vector<Liveness> seen;
  rounds(20, {a.get()}, [&] {
    if (seen.empty() || seen.back() != a->find("b")->liveness) seen.push_back(a->find("b")->liveness);
  });
  EXPECT_EQ(seen, (std::vector<Liveness>{Liveness::alive, Liveness::suspected, Liveness::dead}));
  rounds(3, {a.get(), b.get()}, [&] { exchange(*a, *b); });
  EXPECT_EQ(a->find("b")->liveness, Liveness::alive);
  EXPECT_EQ(a->find("b")->unreachable_ms, 0);
}

// News of a dead member's last heartbeat may take its time: that alone is no life.
TEST_F(MembershipTest, OneOldHeartbeatRevivesNobody) {
  const auto a = make("a");
  const auto b = make("b");
  const auto c = make("c");
  rounds(10, {a.get(), b.get(), c.get()}, [&] {
    exchange(*a, *b);
    exchange(*b, *c);
  });
  b->beat();
  exchange(*b, *c);                       // c knows one heartbeat more, and b dies
  rounds(20, {a.get(), c.get()}, [] {});  // a and c do not talk
  ASSERT_EQ(a->find("b")->liveness, Liveness::dead);
  exchange(*c, *a);
  rounds(2, {a.get(), c.get()}, [&] { exchange(*a, *c); });
  EXPECT_EQ(a->find("b")->liveness, Liveness::dead);
}

TEST_F(MembershipTest, OwnSleepKillsNobody) {
  const auto a = make("a");
  const auto b = make("b");
  rounds(10, {a.get(), b.get()}, [&] { exchange(*a, *b); });
  clock_.advance_ms(120'000);
  a->tick();
  EXPECT_EQ(a->find("b")->liveness, Liveness::alive);
  rounds(30, {a.get()}, [] {});
  EXPECT_EQ(a->find("b")->liveness, Liveness::dead);
}

TEST_F(MembershipTest, ARestartReplacesAllThatWasSaid) {
  const auto a = make("a");
  auto b = make("b", 4);
  b->set("old", "1");
  b->set("state", "ready");
  exchange(*a, *b);
  b->leave();
  exchange(*a, *b);
  ASSERT_TRUE(a->find("b")->left);
  b = make("b", 5);
  b->set("state", "joining");
  exchange(*b, *a);
  EXPECT_EQ(a->find("b")->generation, 5U);
  EXPECT_EQ(a->find("b")->value("old"), "");
  EXPECT_EQ(a->find("b")->value("state"), "joining");
  EXPECT_FALSE(a->find("b")->left);
  EXPECT_EQ(a->find("b")->liveness, Liveness::alive);
}

TEST_F(MembershipTest, AnOlderGenerationNeverOverwrites) {
  const auto a = make("a");
  const auto c = make("c");
  const auto old_b = make("b", 1);
  for (int i = 0; i < 50; ++i) old_b->set("state", std::to_string(i));
  exchange(*old_b, *c);
  const auto new_b = make("b", 2);
  new_b->set("state", "new");
  exchange(*new_b, *a);
  exchange(*c, *a);
  EXPECT_EQ(a->find("b")->value("state"), "new");
  EXPECT_EQ(c->find("b")->value("state"), "new");
  exchange(*a, *c);
  EXPECT_EQ(a->find("b")->generation, 2U);
}

// The others remember more of this node than it does: its data folder is an old copy, or gone.
TEST_F(MembershipTest, ForgottenOwnPastIsAnsweredWithAHigherGeneration) {
  for (const uint64_t generation : {1, 6, 7}) {
    SCOPED_TRACE("comes back with generation " + std::to_string(generation));
    const auto a = make("a");
    auto b = make("b", 7);
    for (int i = 0; i < 9; ++i) b->set("state", std::to_string(i));
    b->beat();
    exchange(*b, *a);
    b = make("b", generation);
    b->set("state", "again");
    exchange(*b, *a);  // learns of its past ...
    exchange(*b, *a);  // ... and goes beyond
    EXPECT_EQ(b->generation(), 8U);
    EXPECT_EQ(a->find("b")->generation, 8U);
    EXPECT_EQ(a->find("b")->value("state"), "again");
    EXPECT_EQ(b->find("b")->value("state"), "again");
  }
}

TEST_F(MembershipTest, ErasedKeysAreCollectedOnceAllLiveMembersKnow) {
  const auto a = make("a");
  const auto b = make("b");
  const auto c = make("c");
  a->set("k", "v");
  a->set("other", "v");
  const auto talk_all = [&] {
    exchange(*b, *a);
    exchange(*c, *b);
    exchange(*c, *a);
  };
  rounds(3, {a.get(), b.get(), c.get()}, talk_all);
  a->erase("k");
  const auto collected = [](const Membership& of) {
    for (const GossipDigest& digest : of.make_syn().digests) {
      if (digest.node == "a") return digest.collected;
    }
    return uint64_t{0};
  };
  exchange(*b, *a);
  a->tick();
  EXPECT_EQ(collected(*a), 0U);  // c does not know
  rounds(3, {a.get(), b.get(), c.get()}, talk_all);
  EXPECT_EQ(collected(*a), 3U);
  EXPECT_EQ(collected(*b), 3U);
  EXPECT_EQ(collected(*c), 3U);
  EXPECT_EQ(c->find("a")->values.size(), 1U);
}

TEST_F(MembershipTest, ADeadMemberDoesNotHoldCollectionUpAndStartsOverWhenItReturns) {
  const auto a = make("a");
  const auto b = make("b");
  const auto c = make("c");
  a->set("k", "v");
  rounds(5, {a.get(), b.get(), c.get()}, [&] {
    exchange(*b, *a);
    exchange(*c, *a);
  });
  rounds(20, {a.get(), b.get()}, [&] { exchange(*b, *a); });
  ASSERT_EQ(a->find("c")->liveness, Liveness::dead);
  a->erase("k");
  rounds(5, {a.get(), b.get()}, [&] { exchange(*b, *a); });
  EXPECT_EQ(a->make_syn().digests.front().collected, 2U);
  EXPECT_EQ(c->find("a")->value("k"), "v");
  exchange(*c, *b);  // from whom it does not matter
  EXPECT_EQ(c->find("a")->value("k"), "");
}

TEST_F(MembershipTest, TheLongGoneAreForgottenAndStaleTalkDoesNotBringThemBack) {
  const auto a = make("a");
  const auto b = make("b", 3);
  const auto c = make("c");
  rounds(5, {a.get(), b.get(), c.get()}, [&] {
    exchange(*b, *a);
    exchange(*b, *c);
  });
  rounds(150, {a.get()}, [] {});
  EXPECT_EQ(a->find("b"), nullptr);
  exchange(*c, *a);
  exchange(*a, *c);
  EXPECT_EQ(a->find("b"), nullptr);
  EXPECT_NE(a->find("c"), nullptr);
  const auto again = make("b", 4);
  exchange(*again, *a);
  EXPECT_NE(a->find("b"), nullptr);
}

TEST_F(MembershipTest, TargetsAreDistinctLiveAndNowAndThenDead) {
  const auto a = make("a");
  std::vector<std::unique_ptr<Membership>> live;
  for (const char* id : {"l1", "l2", "l3", "l4"}) live.push_back(make(id));
  const auto dead = make("dead");
  const auto gone = make("gone");
  gone->leave();
  exchange(*dead, *a);
  exchange(*gone, *a);
  rounds(20, {a.get()}, [&] {
    for (const auto& one : live) {
      one->beat();
      exchange(*one, *a);
    }
  });
  ASSERT_EQ(a->find("dead")->liveness, Liveness::dead);
  std::mt19937_64 random(5);
  std::map<std::string, int> chosen;
  for (int round = 0; round < 1000; ++round) {
    const std::vector<NodeId> targets = a->choose_targets([&] { return random(); }, 2);
    EXPECT_EQ(std::set<NodeId>(targets.begin(), targets.end()).size(), targets.size());
    for (const NodeId& target : targets) ++chosen[target];
    EXPECT_LE(targets.size(), 3U);
  }
  EXPECT_EQ(chosen.count("a"), 0U);
  EXPECT_EQ(chosen.count("gone"), 0U);
  EXPECT_NEAR(chosen["dead"], 200, 60);
  for (const char* id : {"l1", "l2", "l3", "l4"}) EXPECT_NEAR(chosen[id], 500, 80);
  EXPECT_EQ(a->choose_targets([&] { return random(); }, 100).size() / 2,
            2U);  // four, and perhaps the dead one
}

}  // namespace
}  // namespace ferro::node::cluster
