// Links that take each other's place: after a restart of the peer, after new certificates.
#include "tests/unit/node/cluster/peers/peers_fixture.h"

namespace ferro::node::cluster {
namespace {

using testing::ElementsAre;

LinkId only_link(const TestNode& node) {
  return node.network.sent.rbegin()->first;
}

TEST_F(PeersTest, APeerStartedAgainHasLostItsOldLinks) {
  TestNode& a = add("a");
  TestNode& b = add("b");
  acquaint();
  a.call("b");
  run_ms(5);
  b.serve = [](const NodeId&, MessageType, std::string_view, RespondFn) {};
  const auto lost = a.call("b", "x", 60'000);
  run_ms(5);
  fabric.block_both("a", "b");  // it dies without a word
  kill("b");
  fabric.block_both("a", "b", false);
  PeersOptions next = options_of("b");
  next.generation = 2;
  TestNode& reborn = add(next);
  reborn.peers->introduce({"a", 1});
  run_ms(5);
  EXPECT_EQ(lost->times, 1U);
  const auto outcome = a.call("b");
  run_ms(5);
  EXPECT_TRUE(outcome->status.ok());
}

TEST_F(PeersTest, OutdatedLinksAreReplacedUnderTrafficWithoutALostCall) {
  TestNode &a = add("a"), &b = add("b");
  acquaint();
  const auto serve_slowly = [this](TestNode& node) {
    node.serve = [this, &node](const NodeId&, MessageType, std::string_view body, RespondFn respond) {
      const auto delay_ms = static_cast<int64_t>(timeline.chance().below(80));
      node.loop.after(delay_ms, [respond, answer = std::string(body)] { respond(answer); });
    };
  };
  serve_slowly(a);
  serve_slowly(b);
  std::vector<std::shared_ptr<Outcome>> outcomes;
  for (int step = 0; step < 2000; ++step) {
    outcomes.push_back(a.call("b", std::to_string(step)));
    outcomes.push_back(b.call("a", std::to_string(step)));
    run_ms(1);
    if (step % 400 != 200) continue;
    // One side, the other, or both at once find their links outdated.
    TestNode& one = step % 800 == 200 ? a : b;
    for (const auto& [link, count] : std::map(one.network.sent)) one.peers->on_link_outdated(link);
    if (step < 1000) continue;
    for (const auto& [link, count] : std::map(b.network.sent)) b.peers->on_link_outdated(link);
  }
  run_ms(500);
  size_t lost = 0;
  for (const auto& outcome : outcomes) lost += outcome->times == 1 && outcome->status.ok() ? 0 : 1;
  EXPECT_EQ(lost, 0U);
  EXPECT_GE(a.network.connects + b.network.connects, 5U);
  EXPECT_LE(a.network.real.links(), 2U);
  EXPECT_THAT(a.downs, ElementsAre());
}

TEST_F(PeersTest, AnOutdatedLinkGoesOnWhileNoNewOneCanBeMade) {
  TestNode& a = add("a");
  add("b");
  acquaint();
  a.call("b");
  run_ms(5);
  a.peers->set_address("b", {"elsewhere", 1});  // nobody listens there
  const LinkId link = only_link(a);
  a.peers->on_link_outdated(link);
  for (int i = 0; i < 100; ++i) {
    const auto outcome = a.call("b");
    run_ms(20);
    ASSERT_TRUE(outcome->status.ok());
  }
  EXPECT_TRUE(a.peers->available("b"));
  EXPECT_GT(a.network.connects, 2U);  // it tries again
  a.peers->set_address("b", {"b", 1});
  run_ms(5000);
  a.network.sent.clear();
  const auto outcome = a.call("b");
  run_ms(5);
  EXPECT_TRUE(outcome->status.ok());
  EXPECT_NE(only_link(a), link);
  EXPECT_EQ(a.network.real.links(), 1U);
}

}  // namespace
}  // namespace ferro::node::cluster
