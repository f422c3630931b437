// When a peer is not asked, and how it is found again.
#include "node/cluster/peers/breaker.h"

#include "tests/unit/node/cluster/peers/peers_fixture.h"

namespace ferro::node::cluster {
namespace {

using testing::ElementsAre;

TEST(Breaker, LooksOftenAtFirstThenLessAndNeverAtOnceWithOthers) {
  Breaker breaker;
  EXPECT_TRUE(breaker.open());
  EXPECT_FALSE(breaker.open());
  for (int probe = 0; probe < 8; ++probe) {
    const int64_t delay_ms = breaker.next_probe_ms(400, static_cast<uint64_t>(probe) * 977);
    EXPECT_GE(delay_ms, 350);
    EXPECT_LE(delay_ms, 450);
  }
  for (int probe = 8; probe < 100; ++probe) breaker.next_probe_ms(400, 0);
  EXPECT_EQ(breaker.next_probe_ms(400, 0), 3200 - 400);
  EXPECT_TRUE(breaker.close());
  EXPECT_FALSE(breaker.close());
}

class BreakerTest : public PeersTest {
 protected:
  TestNode &a = add("a"), &b = add("b");
  void SetUp() override { acquaint(); }
  void connect() {
    const auto outcome = a.call("b");
    run_ms(5);
    ASSERT_TRUE(outcome->status.ok());
  }
  bool back_within_ms(int64_t limit_ms) {
    return timeline.run_until([&] { return a.peers->available("b"); }, limit_ms);
  }
};

TEST_F(BreakerTest, ANeverTriedPeerIsAvailable) {
  EXPECT_TRUE(a.peers->available("b"));
  EXPECT_FALSE(a.peers->available("unknown"));
}

TEST_F(BreakerTest, ARefusedConnectionOpensItAndCallsThenFailAtOnce) {
  kill("b");
  const auto first = a.call("b");
  run_ms(2);
  EXPECT_EQ(first->times, 1U);
  EXPECT_LE(first->at_ms, 1);
  EXPECT_FALSE(a.peers->available("b"));
  const int64_t now_ms = timeline.now_ms();
  const auto second = a.call("b");
  run_ms(1);
  EXPECT_EQ(second->times, 1U);
  EXPECT_EQ(second->at_ms, now_ms);
}

TEST_F(BreakerTest, APeerThatComesIsFoundByAProbe) {
  kill("b");
  a.call("b");
  run_ms(1000);
  EXPECT_FALSE(a.peers->available("b"));
  add("b");
  EXPECT_TRUE(back_within_ms(250 * 9 / 8 + 5));
}

TEST_F(BreakerTest, APeerThatComesAfterALongTimeIsFoundByItsOwnGreetingAtOnce) {
  kill("b");
  a.call("b");
  run_ms(60'000);
  const size_t connects = a.network.connects;
  EXPECT_LT(connects, 60U);  // it is asked less and less often
  TestNode& reborn = add("b");
  reborn.peers->introduce({"a", 1});
  EXPECT_TRUE(back_within_ms(5));
}

TEST_F(BreakerTest, ALinkThatBreaksWithCallsOnItFailsThemAndOpensIt) {
  connect();
  b.serve = [](const NodeId&, MessageType, std::string_view, RespondFn) {};
  const auto outcome = a.call("b");
  run_ms(5);
  kill("b");
  run_ms(5);
  EXPECT_EQ(outcome->times, 1U);
  EXPECT_FALSE(a.peers->available("b"));
  EXPECT_THAT(a.downs, ElementsAre("b"));
}

TEST_F(BreakerTest, AResetUnderCallsIsHealedAtOnceIfThePeerLives) {
  connect();
  b.serve = [](const NodeId&, MessageType, std::string_view, RespondFn) {};
  const auto outcome = a.call("b");
  run_ms(5);
  fabric.break_links("a", "b");
  EXPECT_TRUE(timeline.run_until([&] { return outcome->times == 1; }, 5));
  EXPECT_TRUE(back_within_ms(5));
}

TEST_F(BreakerTest, TheDeathOfAnIdlePeerCostsNobodyACall) {
  connect();
  kill("b");
  run_ms(5);
  EXPECT_FALSE(a.peers->available("b"));
}

TEST_F(BreakerTest, AnIdleResetIsMendedInSilence) {
  connect();
  fabric.break_links("a", "b");
  run_ms(5);
  EXPECT_TRUE(a.peers->available("b"));
  EXPECT_TRUE(a.figures_of("b").connected);
}

TEST_F(BreakerTest, AHangingPeerCostsOneDeadlineAndThenNothing) {
  connect();
  b.loop.suspend();
  const auto first = a.call("b", "x", 200);
  run_ms(201);
  EXPECT_EQ(first->times, 1U);
  EXPECT_FALSE(a.peers->available("b"));
  const auto second = a.call("b", "x", 200);
  run_ms(1);
  EXPECT_EQ(second->times, 1U);
  run_ms(3000);
  EXPECT_FALSE(a.peers->available("b"));
  b.loop.resume();
  EXPECT_TRUE(back_within_ms(5));
}

TEST_F(BreakerTest, ALongCallUnderWayIsStillAnsweredAfterAShortOneWasNot) {
  connect();
  b.loop.suspend();
  const auto patient = a.call("b", "patient", 2000), hasty = a.call("b", "hasty", 10);
  run_ms(20);
  EXPECT_EQ(hasty->times, 1U);
  EXPECT_FALSE(a.peers->available("b"));
  run_ms(80);
  b.loop.resume();
  run_ms(5);
  EXPECT_EQ(patient->times, 1U);
  EXPECT_EQ(patient->body, "patient");
  EXPECT_TRUE(a.peers->available("b"));
}

// A write whose owner hung waited for as long as an owner that lives may take to answer.
TEST_F(BreakerTest, APeerThatHangsIsNotWaitedForBeyondWhatItMayBeginWith) {
  connect();
  b.loop.suspend();
  const auto outcome = a.call("b", "x", CallWait{2000, 1000, false});
  run_ms(995);
  EXPECT_EQ(outcome->times, 0U);
  EXPECT_TRUE(a.peers->available("b"));
  run_ms(10);
  EXPECT_EQ(outcome->times, 1U);
  EXPECT_EQ(outcome->status.code(), StatusCode::unavailable);
  EXPECT_FALSE(a.peers->available("b"));
  // Another was asked since: it is too late for this one.
  const size_t served = b.served;
  b.loop.resume();
  run_ms(1000);
  EXPECT_EQ(b.served, served);
  EXPECT_TRUE(a.peers->available("b"));
}

TEST_F(BreakerTest, APeerThatLivesIsWaitedForHoweverQuietItIs) {
  connect();
  RespondFn respond;
  b.serve = [&](const NodeId&, MessageType, std::string_view, RespondFn to) { respond = std::move(to); };
  const auto outcome = a.call("b", "x", CallWait{2000, 1000, false});
  run_ms(1900);
  EXPECT_EQ(outcome->times, 0U);
  EXPECT_TRUE(a.peers->available("b"));
  respond(std::string("at last"));
  run_ms(5);
  EXPECT_EQ(outcome->body, "at last");
  const auto never = a.call("b", "x", CallWait{2000, 1000, false});
  run_ms(2005);
  EXPECT_EQ(never->times, 1U);
  EXPECT_FALSE(never->status.ok());
}

TEST_F(BreakerTest, WhatAPeerMayStillBeginWithIsWaitedForThoughItHangs) {
  connect();
  b.serve = [&](const NodeId&, MessageType, std::string_view body, RespondFn respond) {
    if (body == "quick") respond(std::string(body));
  };
  const auto early = a.call("b", "x", CallWait{2000, 1000, false});
  run_ms(700);
  const auto late = a.call("b", "x", CallWait{2000, 1000, false}), quick = a.call("b", "quick");
  run_ms(5);
  EXPECT_EQ(quick->times, 1U);  // heard after both
  b.loop.suspend();
  const auto hasty = a.call("b", "quick", 400);
  run_ms(390);
  EXPECT_EQ(early->times, 0U);
  run_ms(15);
  EXPECT_EQ(hasty->times, 1U);
  EXPECT_EQ(early->times, 1U);  // as soon as the breaker is open
  EXPECT_EQ(late->times, 0U);
  run_ms(580);
  EXPECT_EQ(late->times, 0U);
  run_ms(20);
  EXPECT_EQ(late->times, 1U);
}

// Each owner that decided a write waited for the copy of one that hung, though it had heard nothing of it for
// as long as a call takes.
TEST_F(BreakerTest, WhatDoesNoHarmIsGivenUpWhenThePeerIsKnownToHang) {
  connect();
  b.loop.suspend();
  const auto hasty = a.call("b", "x", 300);
  run_ms(200);
  const auto copy = a.call("b", "x", CallWait{1000, 1000, true}), other = a.call("b", "x", 1000);
  run_ms(90);
  EXPECT_EQ(copy->times, 0U);
  run_ms(15);
  EXPECT_EQ(hasty->times, 1U);
  EXPECT_EQ(copy->times, 1U);
  EXPECT_EQ(copy->status.code(), StatusCode::unavailable);
  EXPECT_EQ(other->times, 0U);
}

// Its silence may have been this process's own.
TEST_F(BreakerTest, WhoWasStoppedItselfDoesNotTakeTheOtherForSilent) {
  connect();
  RespondFn respond;
  b.serve = [&](const NodeId&, MessageType, std::string_view, RespondFn to) { respond = std::move(to); };
  const auto outcome = a.call("b", "x", CallWait{4000, 1000, false});
  run_ms(5);
  respond(std::string("x"));
  a.loop.suspend();
  run_ms(3000);
  a.loop.resume();
  run_ms(5);
  EXPECT_EQ(outcome->body, "x");
  EXPECT_TRUE(a.peers->available("b"));
}

TEST_F(BreakerTest, ASlowAnswerAmongQuickOnesDoesNotOpenIt) {
  connect();
  b.serve = [](const NodeId&, MessageType, std::string_view body, RespondFn respond) {
    if (body != "slow") respond(std::string(body));
  };
  const auto slow = a.call("b", "slow", 50);
  run_ms(20);
  a.call("b", "quick");
  run_ms(40);
  EXPECT_EQ(slow->times, 1U);
  EXPECT_FALSE(slow->status.ok());
  EXPECT_TRUE(a.peers->available("b"));
}

TEST_F(BreakerTest, APeerThatAsksButCannotBeAskedIsNotAvailable) {
  connect();
  fabric.block("a", "b");
  const auto outcome = a.call("b", "x", 100);
  for (int i = 0; i < 12; ++i) {
    b.call("a", "y", 50);
    run_ms(10);
  }
  EXPECT_EQ(outcome->times, 1U);
  EXPECT_GT(a.served, 0U);
  EXPECT_FALSE(a.peers->available("b"));
  fabric.block("a", "b", false);
  EXPECT_TRUE(back_within_ms(600));
}

TEST_F(BreakerTest, ALinkThatStaysSilentIsReplaced) {
  connect();
  b.network.real.stop();  // without a word: the reset is swallowed
  fabric.block_both("a", "b");
  kill("b");
  const auto outcome = a.call("b", "x", 100);
  run_ms(150);
  EXPECT_FALSE(a.peers->available("b"));
  add("b");
  fabric.block_both("a", "b", false);
  EXPECT_TRUE(back_within_ms(1000));
  run_ms(2000);
  EXPECT_EQ(a.network.real.links(), 1U);
}

TEST_F(BreakerTest, AHangingPeerDelaysNobodyElse) {
  TestNode& c = add("c");
  acquaint();
  connect();
  fabric.block_both("a", "b");
  for (int i = 0; i < 50; ++i) {
    a.call("b", std::string(100'000, 'x'), 500);
    const int64_t now_ms = timeline.now_ms();
    const auto outcome = a.call("c");
    run_ms(10);
    ASSERT_TRUE(outcome->status.ok() && outcome->times == 1);
    EXPECT_LE(outcome->at_ms - now_ms, 3);
  }
  EXPECT_EQ(c.served, 50U);
}

TEST_F(BreakerTest, AConnectionIntoNothingIsGivenUpAfterItsTimeout) {
  fabric.block("a", "b");
  const auto outcome = a.call("b", "x", 10'000);
  run_ms(600);
  EXPECT_EQ(outcome->times, 1U);
  EXPECT_EQ(outcome->at_ms, 500);
}

TEST_F(BreakerTest, ANewAddressIsTriedAtOnce) {
  kill("b");
  a.call("b");
  run_ms(5);
  EXPECT_FALSE(a.peers->available("b"));
  PeersOptions moved = options_of("b");
  TestNode moved_node(timeline, fabric, [&] {
    moved.self = "b2";
    return moved;
  }());
  a.peers->set_address("b2", {"b2", 1});
  EXPECT_TRUE(a.peers->available("b2"));
  add("b");
  a.peers->set_address("b", {"b", 2});  // nobody listens there
  run_ms(5);
  EXPECT_FALSE(a.peers->available("b"));
  a.peers->set_address("b", {"b", 1});
  EXPECT_TRUE(back_within_ms(5));
}

}  // namespace
}  // namespace ferro::node::cluster
