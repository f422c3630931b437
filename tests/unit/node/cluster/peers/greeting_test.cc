// Who is let in.
#include "node/cluster/wire/codec.h"
#include "tests/unit/node/cluster/peers/peers_fixture.h"

namespace ferro::node::cluster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

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
  EXPECT_THAT(a.peers->refusals(),
              UnorderedElementsAre(Pair("a:1", HasSubstr("own id")), Pair("a", HasSubstr("own id"))));
  EXPECT_EQ(a.peers->refusals_total(), 2U);
  EXPECT_EQ(a.network.real.links(), 0U);
}

TEST_F(PeersTest, TheSameRefusalAgainIsCountedButListedOnce) {
  TestNode& a = add("a");
  for (int i = 0; i < 5; ++i) {
    a.peers->introduce({"a", 1});
    run_ms(5);
  }
  EXPECT_EQ(a.peers->refusals().size(), 2U);
  EXPECT_EQ(a.peers->refusals_total(), 10U);
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
