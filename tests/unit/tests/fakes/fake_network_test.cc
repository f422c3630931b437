#include "tests/fakes/fake_network.h"
#include "tests/fakes/seed.h"

#include <gmock/gmock.h>

#include <random>

namespace ferro::fakes {
namespace {

using node::cluster::LinkId;
using testing::ElementsAre;
using testing::IsEmpty;

// A node that writes down what happens to it.
struct Recorder final : node::cluster::LinkHandler {
  Recorder(FakeFabric& fabric, Timeline& timeline, const std::string& host)
      : loop(timeline),
        network(std::make_unique<FakeNetwork>(fabric, loop, node::cluster::Endpoint{host, 1})) {
    network->set_handler(*this);
  }
  void on_link_up(LinkId link, bool outgoing) override { (outgoing ? made : accepted).push_back(link); }
  void on_frame(LinkId, std::string_view frame) override { frames.emplace_back(frame); }
  void on_link_down(LinkId link, const Status& why) override { down.emplace_back(link, why.message()); }

  ManualLoop loop;
  std::unique_ptr<FakeNetwork> network;
  std::vector<LinkId> made, accepted;
  std::vector<std::string> frames;
  std::vector<std::pair<LinkId, std::string>> down;
};

class FakeNetworkTest : public testing::Test {
 protected:
  LinkId connect() {
    const LinkId link = a.network->connect({"b", 1});
    timeline.run_until([&] { return !b.accepted.empty(); }, 100);
    return link;
  }
  Timeline timeline{7};
  FakeFabric fabric{timeline};
  Recorder a{fabric, timeline, "a"}, b{fabric, timeline, "b"};
};

TEST_F(FakeNetworkTest, CarriesFramesInOrderBothWays) {
  const LinkId link = a.network->connect({"b", 1});
  EXPECT_THAT(a.made, IsEmpty());
  EXPECT_FALSE(a.network->send(link, "too early"));
  timeline.run_for_ms(5);
  ASSERT_THAT(a.made, ElementsAre(link));
  ASSERT_EQ(b.accepted.size(), 1U);
  for (const char* frame : {"1", "", "3"}) EXPECT_TRUE(a.network->send(link, frame));
  EXPECT_TRUE(b.network->send(b.accepted[0], "back"));
  timeline.run_for_ms(5);
  EXPECT_THAT(b.frames, ElementsAre("1", "", "3"));
  EXPECT_THAT(a.frames, ElementsAre("back"));
}

TEST_F(FakeNetworkTest, RefusesWhereNobodyListens) {
  const LinkId link = a.network->connect({"nowhere", 1});
  timeline.run_for_ms(5);
  ASSERT_EQ(a.down.size(), 1U);
  EXPECT_EQ(a.down[0], std::make_pair(link, std::string("connection refused")));
}

TEST_F(FakeNetworkTest, ClosingDeliversWhatWasOnTheWay) {
  const LinkId link = connect();
  a.network->send(link, "last words");
  a.network->close(link);
  EXPECT_FALSE(a.network->send(link, "too late"));
  timeline.run_for_ms(5);
  EXPECT_THAT(b.frames, ElementsAre("last words"));
  EXPECT_EQ(b.down.size(), 1U);
  EXPECT_THAT(a.down, IsEmpty());  // it was closed here
}

TEST_F(FakeNetworkTest, BreakingLosesWhatWasOnTheWay) {
  const LinkId link = connect();
  a.network->send(link, "lost");
  fabric.break_links("b", "a");
  timeline.run_for_ms(5);
  EXPECT_THAT(b.frames, IsEmpty());
  EXPECT_EQ(a.down.size(), 1U);
  EXPECT_EQ(b.down.size(), 1U);
}

TEST_F(FakeNetworkTest, ABlockedPathIsNoticedByTimeAlone) {
  const LinkId link = connect();
  fabric.block("a", "b");
  a.network->send(link, "kept");
  timeline.run_for_ms(FakeNetwork::kStallLimitMs - 1);
  EXPECT_THAT(b.frames, IsEmpty());
  EXPECT_THAT(a.down, IsEmpty());
  EXPECT_EQ(a.network->waiting_bytes(link), 4U);
  timeline.run_for_ms(5);
  ASSERT_EQ(a.down.size(), 1U);
  EXPECT_EQ(a.down[0].second, "connection timed out");
  EXPECT_THAT(b.down, IsEmpty());  // it cannot be told
  fabric.block("a", "b", false);
  timeline.run_for_ms(5);
  EXPECT_EQ(b.down.size(), 1U);
}

TEST_F(FakeNetworkTest, AHealedPathDeliversLate) {
  const LinkId link = connect();
  fabric.block_both("a", "b");
  a.network->send(link, "late");
  timeline.run_for_ms(3000);
  fabric.block_both("a", "b", false);
  timeline.run_for_ms(5);
  EXPECT_THAT(b.frames, ElementsAre("late"));
}

TEST_F(FakeNetworkTest, OneWayPartitionsDeliverButAreNotAcknowledged) {
  const LinkId link = connect();
  fabric.block("b", "a");
  a.network->send(link, "heard");
  b.network->send(b.accepted[0], "unheard");
  timeline.run_for_ms(5);
  EXPECT_THAT(b.frames, ElementsAre("heard"));
  EXPECT_THAT(a.frames, IsEmpty());
  timeline.run_for_ms(FakeNetwork::kStallLimitMs + 5);
  EXPECT_EQ(a.down.size(), 1U);
}

TEST_F(FakeNetworkTest, ConnectingIntoABlockedPathTimesOut) {
  for (const bool forward : {true, false}) {
    fabric.block(forward ? "a" : "b", forward ? "b" : "a");
    a.network->connect({"b", 1});
    timeline.run_for_ms(FakeNetwork::kConnectTimeoutMs + 1);
    ASSERT_EQ(a.down.size(), 1U);
    EXPECT_EQ(a.down[0].second, "connection timed out");
    EXPECT_THAT(b.accepted, IsEmpty());
    a.down.clear();
    fabric.block(forward ? "a" : "b", forward ? "b" : "a", false);
  }
}

TEST_F(FakeNetworkTest, AHangingReaderFillsTheSendersQueue) {
  const LinkId link = connect();
  b.loop.suspend();
  const std::string frame(FakeNetwork::kWindowBytes / 4, 'x');
  for (int i = 0; i < 10; ++i) a.network->send(link, frame);
  timeline.run_for_ms(100);
  EXPECT_EQ(a.network->waiting_bytes(link), 6 * frame.size());
  b.loop.resume();
  timeline.run_for_ms(100);
  EXPECT_EQ(a.network->waiting_bytes(link), 0U);
  EXPECT_EQ(b.frames.size(), 10U);
}

TEST_F(FakeNetworkTest, AnIdleLinkNeverTimesOut) {
  const LinkId link = connect();
  a.network->send(link, "x");
  timeline.run_for_ms(FakeNetwork::kStallLimitMs - 1);
  a.network->send(link, "y");
  timeline.run_for_ms(10 * FakeNetwork::kStallLimitMs);
  EXPECT_THAT(a.down, IsEmpty());
}

TEST_F(FakeNetworkTest, AProcessThatEndsResetsItsLinksAndFreesItsPlace) {
  const LinkId link = connect();
  b.network->stop();
  b.loop.end();
  timeline.run_for_ms(5);
  ASSERT_EQ(a.down.size(), 1U);
  EXPECT_EQ(a.down[0].first, link);
  Recorder reborn(fabric, timeline, "b");
  a.network->connect({"b", 1});
  timeline.run_for_ms(5);
  EXPECT_EQ(reborn.accepted.size(), 1U);
}

TEST_F(FakeNetworkTest, ResolvesNamesToAllTheirHosts) {
  fabric.set_name("cluster", {"a", "b"});
  std::vector<node::cluster::Endpoint> found;
  Status status;
  a.network->resolve({"cluster", 9}, [&](auto result) { found = *result; });
  a.network->resolve({"unknown", 9}, [&](auto result) { status = result.status(); });
  timeline.run_for_ms(5);
  EXPECT_THAT(found, ElementsAre(node::cluster::Endpoint{"a", 9}, node::cluster::Endpoint{"b", 9}));
  EXPECT_EQ(status.code(), StatusCode::unavailable);
}

// Random traffic and faults twice with one seed: the same to the microsecond.
uint64_t random_run(uint64_t seed) {
  Timeline timeline(seed);
  FakeFabric fabric(timeline);
  fabric.defaults.break_chance = 0.01;
  Recorder nodes[] = {{fabric, timeline, "0"}, {fabric, timeline, "1"}, {fabric, timeline, "2"}};
  Chance& chance = timeline.chance();
  for (int step = 0; step < 500; ++step) {
    Recorder& node = nodes[chance.below(3)];
    const std::string one = std::to_string(chance.below(3)), other = std::to_string(chance.below(3));
    switch (chance.below(4)) {
      case 0:
        node.network->connect({one, 1});
        break;
      case 1:
        fabric.block(one, other, chance.happens(0.3));
        break;
      default:
        for (const LinkId link : node.made) node.network->send(link, std::string(chance.below(100'000), 'x'));
    }
    timeline.run_for_ms(static_cast<int64_t>(chance.below(50)));
  }
  return timeline.trace() ^ fabric.bytes_delivered();
}

TEST(FakeNetworkReplay, OneSeedIsOneRun) {
  const uint64_t seed = fakes::test_seed();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  EXPECT_EQ(random_run(seed), random_run(seed));
  EXPECT_NE(random_run(seed), random_run(seed + 1));
}

}  // namespace
}  // namespace ferro::fakes
