// What waits for a peer is bounded, and nobody else pays for it.
#include "tests/unit/node/cluster/peers/peers_fixture.h"

namespace ferro::node::cluster {
namespace {

using testing::HasSubstr;

TEST_F(PeersTest, TooManyCallsAreRefusedAtOnce) {
  PeersOptions few = options_of("a");
  few.calls_max = 10;
  TestNode &a = add(few), &b = add("b"), &c = add("c");
  acquaint();
  b.serve = [](const NodeId&, MessageType, std::string_view, RespondFn) {};
  std::vector<std::shared_ptr<Outcome>> outcomes;
  for (int i = 0; i < 15; ++i) outcomes.push_back(a.call("b"));
  const auto elsewhere = a.call("c");
  run_ms(5);
  for (size_t i = 10; i < 15; ++i) {
    EXPECT_EQ(outcomes[i]->times, 1U);
    EXPECT_EQ(outcomes[i]->status.code(), StatusCode::unavailable);
    EXPECT_THAT(outcomes[i]->status.message(), HasSubstr("too many calls"));
  }
  EXPECT_TRUE(elsewhere->status.ok());
  EXPECT_EQ(c.served, 1U);
  EXPECT_EQ(a.figures_of("b").calls_refused, 5U);
  EXPECT_EQ(a.figures_of("b").calls_in_flight, 10U);
  run_ms(2000);
  EXPECT_EQ(outcomes[0]->times, 1U);
  EXPECT_EQ(a.figures_of("b").calls_in_flight, 0U);
}

TEST_F(PeersTest, AReaderThatHangsFillsItsOwnBoundOnly) {
  PeersOptions little = options_of("a");
  little.waiting_bytes_max = 1 << 20;
  TestNode &a = add(little), &b = add("b");
  add("c");
  acquaint();
  a.call("b");
  run_ms(5);
  b.loop.suspend();
  const std::string body(100'000, 'x');
  size_t refused = 0;
  for (int i = 0; i < 40; ++i) {
    const auto outcome = a.call("b", body, 60'000);
    const auto elsewhere = a.call("c", body);
    run_ms(2);
    refused += outcome->times;
    ASSERT_TRUE(elsewhere->status.ok());
  }
  const PeerFigures figures = a.figures_of("b");
  EXPECT_GT(refused, 20U);
  EXPECT_EQ(figures.calls_refused, refused);
  EXPECT_LE(figures.waiting_bytes, little.waiting_bytes_max);
  EXPECT_GT(figures.waiting_bytes, little.waiting_bytes_max / 2);
  b.loop.resume();
  run_ms(100);
  EXPECT_EQ(a.figures_of("b").waiting_bytes, 0U);
  EXPECT_EQ(a.figures_of("b").calls_in_flight, 0U);
}

TEST_F(PeersTest, WhatWaitsForAConnectionIsBoundedToo) {
  PeersOptions little = options_of("a");
  little.waiting_bytes_max = 1 << 20;
  TestNode& a = add(little);
  fabric.block("a", "b");
  a.peers->set_address("b", {"b", 1});
  for (int i = 0; i < 40; ++i) a.call("b", std::string(100'000, 'x'), 60'000);
  EXPECT_EQ(a.figures_of("b").calls_in_flight, 10U);
  EXPECT_EQ(a.figures_of("b").calls_refused, 30U);
  EXPECT_LE(a.figures_of("b").waiting_bytes, little.waiting_bytes_max);
}

TEST_F(PeersTest, AMessageBeyondTheBoundGoesToAPeerForWhomNothingWaits) {
  PeersOptions little = options_of("a");
  little.waiting_bytes_max = 1000;
  TestNode& a = add(little);
  add("b");
  acquaint();
  const auto outcome = a.call("b", std::string(5'000'000, 'x'));
  run_ms(50);
  EXPECT_EQ(outcome->body.size(), 5'000'000U);
}

TEST_F(PeersTest, WhatNoFrameHoldsIsTooLargeBothWays) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  const auto question = a.call("b", std::string(kFrameBytesMax, 'x'));
  run_ms(5);
  EXPECT_EQ(question->status.code(), StatusCode::too_large);
  b.serve = [](const NodeId&, MessageType, std::string_view, RespondFn respond) {
    respond(std::string(kFrameBytesMax, 'x'));
  };
  const auto answer = a.call("b");
  run_ms(50);
  EXPECT_EQ(answer->times, 1U);
  EXPECT_EQ(answer->status.code(), StatusCode::too_large);
}

TEST_F(PeersTest, APeerThatAsksWithoutEndIsRefusedBeyondTheBound) {
  PeersOptions few = options_of("b");
  few.calls_max = 10;
  TestNode &a = add("a"), &b = add(few);
  acquaint();
  std::vector<RespondFn> held;
  b.serve = [&](const NodeId&, MessageType, std::string_view, RespondFn respond) {
    held.push_back(std::move(respond));
  };
  std::vector<std::shared_ptr<Outcome>> outcomes;
  for (int i = 0; i < 15; ++i) outcomes.push_back(a.call("b"));
  run_ms(5);
  EXPECT_EQ(held.size(), 10U);
  EXPECT_EQ(outcomes[14]->status.code(), StatusCode::unavailable);
  held.clear();  // dropped unanswered: no longer being served
  const auto next = a.call("b");
  run_ms(5);
  EXPECT_EQ(held.size(), 1U);
  EXPECT_EQ(next->times, 0U);
}

TEST_F(PeersTest, AnswersThatAPeerDoesNotReadAreDropped) {
  PeersOptions little = options_of("b");
  little.waiting_bytes_max = 1 << 20;
  TestNode &a = add("a"), &b = add(little);
  acquaint();
  a.call("b");
  run_ms(5);
  std::vector<RespondFn> held;
  b.serve = [&](const NodeId&, MessageType, std::string_view, RespondFn respond) {
    held.push_back(std::move(respond));
  };
  for (int i = 0; i < 50; ++i) a.call("b", "x", 60'000);
  run_ms(5);
  a.loop.suspend();
  for (RespondFn& respond : held) respond(std::string(100'000, 'x'));
  run_ms(5);
  EXPECT_LE(b.figures_of("a").waiting_bytes, little.waiting_bytes_max);
}

}  // namespace
}  // namespace ferro::node::cluster
