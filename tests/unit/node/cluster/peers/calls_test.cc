#include "node/cluster/wire/codec.h"
#include "tests/unit/node/cluster/peers/peers_fixture.h"

namespace ferro::node::cluster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(PeersTest, ACallConnectsAndIsAnswered) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  const auto outcome = a.call("b", "hello");
  run_ms(5);
  EXPECT_EQ(outcome->times, 1U);
  EXPECT_EQ(outcome->body, "hello");
  EXPECT_THAT(a.ups, ElementsAre("b"));
  EXPECT_THAT(b.ups, ElementsAre("a"));
  EXPECT_EQ(b.last_version, kProtocolVersion);
  const PeerFigures figures = a.figures_of("b");
  EXPECT_TRUE(figures.connected);
  EXPECT_EQ(figures.calls_total, 1U);
  EXPECT_EQ(figures.calls_in_flight, 0U);
  EXPECT_EQ(figures.waiting_bytes, 0U);
  EXPECT_GT(figures.latency_ms, 0.0);
  EXPECT_EQ(a.peers->latency_ms("b"), figures.latency_ms);
}

TEST_F(PeersTest, TheServiceHearsWhenTheCallerGivesUp) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  a.call("b", "hello", 800);
  run_ms(5);
  const int64_t now_ns = b.loop.clock().steady_ns();
  EXPECT_GT(b.last_decide_by_ns, now_ns + 600'000'000);
  EXPECT_LT(b.last_decide_by_ns, now_ns + 800'000'000);
}

// A frame that waited in the network or in a stopped process until its sender had given up, and perhaps had
// asked another node, must not take effect any more.
TEST_F(PeersTest, ARequestThatNobodyWaitsForAnyMoreIsNotServed) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  a.call("b", "first");
  run_ms(5);
  ASSERT_EQ(b.served, 1U);
  b.loop.suspend();
  const auto lost = a.call("b", "second", 1000);
  run_ms(3000);
  EXPECT_FALSE(lost->status.ok());
  b.loop.resume();
  run_ms(1000);
  EXPECT_EQ(b.served, 1U);
  const auto later = a.call("b", "third");
  run_ms(50);
  EXPECT_EQ(later->body, "third");
  EXPECT_EQ(b.served, 2U);
}

TEST_F(PeersTest, ARequestThatIsLateButAwaitedIsServed) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  a.call("b", "first");
  run_ms(5);
  b.loop.suspend();
  const auto slow = a.call("b", "second", 1000);
  run_ms(500);
  b.loop.resume();
  run_ms(50);
  EXPECT_EQ(slow->body, "second");
  EXPECT_LT(b.last_decide_by_ns, b.loop.clock().steady_ns() + 500'000'000);
}

TEST_F(PeersTest, ManyCallsShareOneLinkAndAreAnsweredOutOfOrder) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  std::vector<std::pair<std::string, RespondFn>> held;
  b.serve = [&](const NodeId&, MessageType, std::string_view body, RespondFn respond) {
    held.emplace_back(body, std::move(respond));
  };
  std::vector<std::shared_ptr<Outcome>> outcomes;
  for (int i = 0; i < 100; ++i) outcomes.push_back(a.call("b", std::to_string(i)));
  run_ms(10);
  ASSERT_EQ(held.size(), 100U);
  for (auto it = held.rbegin(); it != held.rend(); ++it) it->second(it->first);
  run_ms(10);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(outcomes[static_cast<size_t>(i)]->times, 1U);
    EXPECT_EQ(outcomes[static_cast<size_t>(i)]->body, std::to_string(i));
  }
  EXPECT_EQ(a.network.connects, 1U);
}

TEST_F(PeersTest, AFailureArrivesWithItsCode) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  b.serve = [](const NodeId&, MessageType, std::string_view, RespondFn respond) {
    respond(Status(StatusCode::out_of_memory_budget, "full"));
  };
  const auto outcome = a.call("b");
  run_ms(5);
  EXPECT_EQ(outcome->times, 1U);
  EXPECT_EQ(outcome->status, Status(StatusCode::out_of_memory_budget, "full"));
  EXPECT_TRUE(a.peers->available("b"));  // a refusal is an answer
}

TEST_F(PeersTest, AnUnansweredCallEndsAtItsDeadline) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  b.serve = [](const NodeId&, MessageType, std::string_view, RespondFn) {};
  const auto later = a.call("b", "x", 300), sooner = a.call("b", "x", 70);
  run_ms(400);
  EXPECT_EQ(sooner->at_ms, 70);
  EXPECT_EQ(later->at_ms, 300);
  for (const auto& outcome : {later, sooner}) {
    EXPECT_EQ(outcome->times, 1U);
    EXPECT_EQ(outcome->status.code(), StatusCode::unavailable);
  }
}

TEST_F(PeersTest, AnAnswerAfterTheDeadlineIsNobodys) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  RespondFn late;
  b.serve = [&](const NodeId&, MessageType, std::string_view, RespondFn respond) {
    late = std::move(respond);
  };
  const auto outcome = a.call("b", "x", 50);
  run_ms(100);
  late(std::string("late"));
  run_ms(5);
  EXPECT_EQ(outcome->times, 1U);
  EXPECT_FALSE(outcome->status.ok());
}

TEST_F(PeersTest, AnAnswerToALinkThatIsGoneIsDropped) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  RespondFn late;
  b.serve = [&](const NodeId&, MessageType, std::string_view, RespondFn respond) {
    late = std::move(respond);
  };
  const auto outcome = a.call("b");
  run_ms(5);
  fabric.break_links("a", "b");
  run_ms(5);
  EXPECT_EQ(outcome->times, 1U);
  late(std::string("late"));
  kill("b");
  late(std::string("later still"));  // its Peers are gone too
  run_ms(5);
  EXPECT_EQ(outcome->times, 1U);
}

TEST_F(PeersTest, OneWayMessagesWaitForTheLinkToo) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  a.peers->send_one_way("b", MessageType::gossip_ack2, "1");
  run_ms(5);
  a.peers->send_one_way("b", MessageType::gossip_ack2, "2");
  a.peers->send_one_way("nobody", MessageType::gossip_ack2, "3");
  run_ms(5);
  EXPECT_THAT(b.one_ways, ElementsAre("1", "2"));
}

TEST_F(PeersTest, TwoThatConnectAtOnceSettleOnTheLinkOfTheSmallerId) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  const auto to_b = a.call("b"), to_a = b.call("a");
  run_ms(5);
  EXPECT_TRUE(to_b->status.ok() && to_b->times == 1);
  EXPECT_TRUE(to_a->status.ok() && to_a->times == 1);
  ASSERT_EQ(a.network.sent.size(), 2U);
  a.network.sent.clear();
  b.network.sent.clear();
  for (int i = 0; i < 10; ++i) {
    a.call("b");
    b.call("a");
  }
  run_ms(5);
  // 10 requests and 10 answers from each side, all on one link.
  ASSERT_EQ(a.network.sent.size(), 1U);
  ASSERT_EQ(b.network.sent.size(), 1U);
  EXPECT_EQ(a.network.sent.begin()->second, 20U);
  EXPECT_EQ(b.network.sent.begin()->second, 20U);
}

TEST_F(PeersTest, APeerWithoutAnAddressIsUnavailableUntilItConnects) {
  TestNode &a = add("a"), &b = add("b");
  EXPECT_FALSE(a.peers->available("b"));
  const auto failed = a.call("b");
  run_ms(5);
  EXPECT_THAT(failed->status.message(), HasSubstr("no address"));
  b.peers->set_address("a", {"a", 1});
  b.call("a");
  run_ms(5);
  EXPECT_TRUE(a.peers->available("b"));
  const auto outcome = a.call("b");
  run_ms(5);
  EXPECT_TRUE(outcome->status.ok());
}

TEST_F(PeersTest, AnIntroductionTellsWhoItWas) {
  TestNode &a = add("a"), &b = add("b");
  a.peers->introduce({"b", 1});
  run_ms(5);
  EXPECT_THAT(a.ups, ElementsAre("b"));
  EXPECT_TRUE(a.call("b") != nullptr);
  a.peers->introduce({"b", 1});  // known: no second link
  run_ms(5);
  EXPECT_THAT(a.ups, ElementsAre("b", "b"));
  EXPECT_EQ(a.network.connects, 1U);
  EXPECT_THAT(b.ups, ElementsAre("a"));
}

TEST_F(PeersTest, AnIntroductionByAnotherNameMeetsTheSamePeer) {
  TestNode& a = add("a");
  add("b");
  fabric.set_name("seed", {"b"});
  a.peers->set_address("b", {"b", 1});
  a.call("b");
  run_ms(5);
  a.peers->introduce({"seed", 1});
  run_ms(5);
  EXPECT_THAT(a.ups, ElementsAre("b", "b"));
  EXPECT_EQ(a.network.real.links(), 1U);
}

TEST_F(PeersTest, ForgettingFailsWhatIsUnderWay) {
  TestNode &a = add("a"), &b = add("b");
  a.peers->set_address("b", {"b", 1});
  b.serve = [](const NodeId&, MessageType, std::string_view, RespondFn) {};
  const auto under_way = a.call("b");
  run_ms(5);
  a.peers->forget("b");
  run_ms(5);
  EXPECT_EQ(under_way->times, 1U);
  EXPECT_FALSE(under_way->status.ok());
  EXPECT_FALSE(a.peers->available("b"));
  EXPECT_THAT(a.peers->figures(), IsEmpty());
  EXPECT_THAT(b.downs, ElementsAre("a"));
}

TEST_F(PeersTest, ForgettingWhileConnectingFailsWhatWaits) {
  TestNode& a = add("a");
  fabric.block("a", "b");
  a.peers->set_address("b", {"b", 1});
  const auto waiting = a.call("b");
  a.peers->forget("b");
  run_ms(2000);
  EXPECT_EQ(waiting->times, 1U);
}

TEST_F(PeersTest, StoppingAnswersEverything) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  b.serve = [](const NodeId&, MessageType, std::string_view, RespondFn) {};
  const auto under_way = a.call("b");
  run_ms(5);
  a.peers->set_address("c", {"nowhere", 1});
  const auto waiting = a.call("c");
  a.peers->stop();
  EXPECT_EQ(under_way->times, 1U);
  EXPECT_EQ(waiting->times, 1U);
  const auto afterwards = a.call("b");
  run_ms(3000);
  EXPECT_EQ(afterwards->times, 1U);
  EXPECT_FALSE(afterwards->status.ok());
  EXPECT_EQ(a.network.real.links(), 0U);
}

}  // namespace
}  // namespace ferro::node::cluster
