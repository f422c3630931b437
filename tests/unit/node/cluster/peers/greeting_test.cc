// Who is let in.
#include "node/cluster/wire/codec.h"
#include "tests/unit/node/cluster/peers/peers_fixture.h"

namespace ferro::node::cluster {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

TEST_F(PeersTest, AnotherClustersNodeIsRefusedByBothSides) {
  TestNode& a = add("a");
  PeersOptions foreign = options_of("b");
  foreign.cluster_id = "other";
  TestNode& b = add(foreign);
  acquaint();
  const auto outcome = a.call("b");
  run_ms(5);
  EXPECT_EQ(outcome->times, 1U);
  EXPECT_THAT(outcome->status.message(), HasSubstr("cluster 'other'"));
  EXPECT_THAT(a.peers->refusals(), ElementsAre(Pair("b:1", HasSubstr("cluster 'other'"))));
  EXPECT_THAT(b.peers->refusals(), ElementsAre(Pair("a", HasSubstr("cluster 'test'"))));
  EXPECT_THAT(a.ups, IsEmpty());
  EXPECT_THAT(b.ups, IsEmpty());
  EXPECT_FALSE(a.peers->available("b"));
  EXPECT_EQ(b.served, 0U);
}

TEST_F(PeersTest, ANodeDoesNotTalkToItself) {
  TestNode& a = add("a");
  a.peers->introduce({"a", 1});
  run_ms(5);
  // One of its seeds' addresses is its own: nothing is wrong with that.
  EXPECT_THAT(a.peers->refusals(), IsEmpty());
  EXPECT_EQ(a.peers->id_taken(), "");
  EXPECT_EQ(a.network.real.links(), 0U);
}

TEST_F(PeersTest, TheSameRefusalAgainIsCountedButListedOnce) {
  TestNode& a = add("a");
  PeersOptions foreign = options_of("b");
  foreign.cluster_id = "other";
  add(foreign);
  for (int i = 0; i < 5; ++i) {
    a.peers->introduce({"b", 1});
    run_ms(5);
  }
  EXPECT_EQ(a.peers->refusals().size(), 1U);
  EXPECT_EQ(a.peers->refusals_total(), 5U);
}

// Two processes with one id took each other's place again and again: neither could be asked anything, and
// every member wrote a line each time.
TEST_F(PeersTest, OfTwoProcessesWithOneIdTheLaterOneCounts) {
  TestNode& b = add("b");
  const auto process = [&](const std::string& host, uint64_t generation) {
    PeersOptions options = options_of("a");
    options.generation = generation;
    return std::make_unique<TestNode>(timeline, fabric, std::move(options), host);
  };
  const auto first = process("host1", 7), second = process("host2", 9);
  first->peers->introduce({"b", 1});
  run_ms(5);
  b.peers->set_address("a", {"host2", 1});
  second->peers->introduce({"b", 1});
  run_ms(5);
  const size_t ups = b.ups.size();
  first->peers->set_address("b", {"b", 1});
  run_ms(10'000);
  EXPECT_EQ(b.ups.size(), ups) << "the first one does not take the second one's place";
  ASSERT_EQ(b.peers->refusals().size(), 1U);
  EXPECT_EQ(b.peers->refusals()[0].first, "a");
  EXPECT_THAT(b.peers->refusals()[0].second, AllOf(HasSubstr("two processes"), HasSubstr("host2:1")));
  EXPECT_LT(b.peers->refusals_total(), 30U);
  const auto outcome = b.call("a");
  run_ms(5);
  EXPECT_TRUE(outcome->status.ok()) << outcome->status.message();
  EXPECT_EQ(second->served, 1U);
  // The first one is told, and what to do; when the second one has gone it is let in.
  EXPECT_THAT(first->peers->id_taken(), AllOf(HasSubstr("node b says"), HasSubstr("two processes")));
  EXPECT_EQ(second->peers->id_taken(), "");
  second->peers->stop();
  run_ms(40'000);
  EXPECT_EQ(first->peers->id_taken(), "");
  EXPECT_TRUE(b.peers->available("a"));
}

TEST_F(PeersTest, TwoProcessesWithOneIdThatMeetKnowWhichCameLater) {
  PeersOptions earlier = options_of("a"), later = options_of("a");
  earlier.generation = 7;
  later.generation = 9;
  TestNode first(timeline, fabric, earlier, "host1"), second(timeline, fabric, later, "host2");
  first.peers->introduce({"host2", 1});
  run_ms(5);
  EXPECT_THAT(first.peers->refusals(), ElementsAre(Pair("host2:1", HasSubstr("started later"))));
  EXPECT_THAT(second.peers->refusals(), ElementsAre(Pair("a", HasSubstr("started earlier"))));
  EXPECT_THAT(first.peers->id_taken(), HasSubstr("host2:1"));
  EXPECT_EQ(second.peers->id_taken(), "");
}

// A peer whose certificate is of another authority was nowhere to be seen.
TEST_F(PeersTest, WhoeverTlsRefusesIsListed) {
  TestNode& a = add("a");
  const Status why(StatusCode::permission_denied, "the peer's certificate is not trusted");
  for (int i = 0; i < 100; ++i) a.peers->on_stranger_refused("10.0.0." + std::to_string(i % 50), why);
  EXPECT_EQ(a.peers->refusals().size(), 32U);
  EXPECT_EQ(a.peers->refusals_total(), 100U);
  EXPECT_EQ(a.peers->refusals().back(), (std::pair<std::string, std::string>("10.0.0.49", why.message())));
  // The way out, too: here the other side refuses.
  a.peers->set_address("b", {"b", 1});
  const auto outcome = a.call("b");
  ASSERT_FALSE(a.network.made.empty());
  a.peers->on_link_down(a.network.made.back(), why);
  EXPECT_EQ(a.peers->refusals().back(), (std::pair<std::string, std::string>("b:1", why.message())));
}

TEST_F(PeersTest, TheOlderVersionIsSpoken) {
  PeersOptions older = options_of("a");
  older.protocol_version = kProtocolVersionMin;
  TestNode &a = add(older), &b = add("b");
  acquaint();
  EXPECT_EQ(b.peers->version_of("a"), kProtocolVersionMin);
  a.call("b");
  run_ms(5);
  EXPECT_EQ(b.last_version, kProtocolVersionMin);
  EXPECT_EQ(b.peers->version_of("a"), kProtocolVersionMin);
  EXPECT_EQ(a.peers->version_of("b"), kProtocolVersionMin);
}

// Speaks raw frames.
struct Stranger final : LinkHandler {
  Stranger(fakes::Timeline& timeline, fakes::FakeFabric& fabric)
      : loop(timeline), network(fabric, loop, {"stranger", 1}) {
    network.set_handler(*this);
  }
  void on_link_up(LinkId link, bool) override {
    for (const std::string& frame : first) network.send(link, frame);
  }
  void on_frame(LinkId, std::string_view) override { ++frames; }
  void on_link_down(LinkId, const Status&) override { ++downs; }
  fakes::ManualLoop loop;
  fakes::FakeNetwork network;
  std::vector<std::string> first;
  size_t frames = 0, downs = 0;
};

TEST_F(PeersTest, WithoutACommonVersionTheLinkEnds) {
  TestNode& a = add("a");
  Stranger future(timeline, fabric);
  Hello hello;
  hello.version_min = kProtocolVersion + 1;
  hello.version = kProtocolVersion + 3;
  hello.cluster_id = "test";
  hello.node = "future";
  future.first = {encode_frame(FrameKind::one_way, MessageType::hello, 0, encode(hello))};
  future.network.connect({"a", 1});
  run_ms(5);
  const std::string spoken = "protocol versions " + std::to_string(kProtocolVersion + 1) + " to " +
                             std::to_string(kProtocolVersion + 3);
  EXPECT_THAT(a.peers->refusals(), ElementsAre(Pair("future", HasSubstr(spoken))));
  EXPECT_EQ(future.downs, 1U);
  EXPECT_THAT(a.ups, IsEmpty());
}

TEST_F(PeersTest, AStrangersFramesReachNobody) {
  TestNode& a = add("a");
  const std::string request = encode_frame(FrameKind::request, MessageType::find, 1, "x");
  const std::string empty_hello = encode_frame(FrameKind::one_way, MessageType::hello, 0, "");
  for (const std::string& frame : {std::string(), std::string("garbage"), request, empty_hello}) {
    Stranger stranger(timeline, fabric);
    stranger.first = {frame, request};
    stranger.network.connect({"a", 1});
    run_ms(5);
    EXPECT_EQ(stranger.downs, 1U);
    EXPECT_EQ(stranger.frames, 1U);  // a's own Hello
  }
  EXPECT_EQ(a.served, 0U);
  EXPECT_EQ(a.peers->refusals_total(), 4U);
  EXPECT_THAT(a.peers->figures(), IsEmpty());
}

TEST_F(PeersTest, ASilentStrangerIsShownOutAndStrangersAreBounded) {
  TestNode& a = add("a");
  Stranger stranger(timeline, fabric);
  for (int i = 0; i < 300; ++i) stranger.network.connect({"a", 1});
  run_ms(100);
  EXPECT_EQ(stranger.downs, 300U - 256U);
  EXPECT_EQ(a.network.real.links(), 256U);
  run_ms(6000);
  EXPECT_EQ(stranger.downs, 300U);
  EXPECT_EQ(a.network.real.links(), 0U);
  stranger.network.connect({"a", 1});  // the places are free again
  run_ms(100);
  EXPECT_EQ(a.network.real.links(), 1U);
}

TEST_F(PeersTest, GarbageAfterTheGreetingEndsTheLink) {
  TestNode& a = add("a");
  Stranger stranger(timeline, fabric);
  Hello hello;
  hello.cluster_id = "test";
  hello.node = "s";
  hello.generation = 1;
  stranger.first = {encode_frame(FrameKind::one_way, MessageType::hello, 0, encode(hello)), "garbage"};
  stranger.network.connect({"a", 1});
  run_ms(5);
  EXPECT_THAT(a.ups, ElementsAre("s"));
  EXPECT_THAT(a.downs, ElementsAre("s"));
  EXPECT_EQ(stranger.downs, 1U);
}

TEST_F(PeersTest, AnotherNodeAtAPeersAddressIsNotThatPeer) {
  TestNode& a = add("a");
  add("b");
  a.peers->set_address("c", {"b", 1});
  const auto outcome = a.call("c");
  run_ms(5);
  EXPECT_EQ(outcome->times, 1U);
  EXPECT_THAT(outcome->status.message(), HasSubstr("node b is at its address"));
  EXPECT_FALSE(a.peers->available("c"));
  EXPECT_THAT(a.ups, ElementsAre("b"));
  run_ms(5000);
  EXPECT_LE(a.network.real.links(), 1U);  // looking for c does not pile up links to b
}

}  // namespace
}  // namespace ferro::node::cluster
