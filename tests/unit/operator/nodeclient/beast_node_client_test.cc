#include "operator/nodeclient/beast_node_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/nodeclient/tls_access.h"
#include "operator/pki/authorities.h"
#include "operator/pki/leaves.h"
#include "tests/unit/operator/nodeclient/fake_node.h"

namespace ferro::oper::nodeclient {
namespace {

using testing::HasSubstr;
constexpr int64_t kYear = 8760 * 3600;
constexpr int64_t kTimeoutMaxMs = 10'000;  // whoever is late then is not late because the machine is busy

std::string status_of(const std::string& member) {
  return R"({"node_id":")" + member + R"(","state":"ready","nodes":[")" + member + R"("],"ring_size":1})";
}
FakeNode::Handler always(Reply reply) {
  return [reply](const Seen&) { return reply; };
}
NodeAddress at(const FakeNode& node, const std::string& member = "demo-0") {
  return {member, "127.0.0.1", member + ".demo-nodes.shop.svc", node.port()};
}

class NodeClientTest : public testing::Test {
 protected:
  // The real clock: what is measured here are real time-outs of real sockets.
  SystemClock clock_;
  const int64_t now_ = clock_.wall_ms() / 1000;

  pki::Authorities authorities(int64_t generation = 1) {
    return pki::first_authority({"shop", "demo", kYear, 0}, generation, "", now_).value();
  }
  pki::Identity leaf(const pki::Authorities& by, int64_t ordinal = 0) {
    const auto names = pki::leaf_names("demo", "shop", ordinal);
    return pki::make_leaf({"demo-" + std::to_string(ordinal), names, kYear}, *by.current, now_).value();
  }
  NodeAccess access(const std::string& anchors, const pki::Authorities& by) {
    const pki::Identity mine = pki::make_leaf({"ferrocache-operator", {}, kYear}, *by.current, now_).value();
    return {TlsAccess::make(anchors, mine.certificate, mine.key).value(), Secret()};
  }
  Status probe(const NodeAccess& how, const NodeAddress& node, NodeClientOptions options = {}) {
    return BeastNodeClient(clock_, options).reports(how, {node}).front().status();
  }
};

TEST_F(NodeClientTest, APlainProbeCarriesTheToken) {
  FakeNode node(always({200, status_of("demo-0")}));
  NodeAccess how;
  how.token = Secret("hush");
  const auto reports = BeastNodeClient(clock_).reports(how, {at(node)});
  ASSERT_TRUE(reports.front().ok()) << reports.front().status().message();
  EXPECT_EQ(reports.front()->state, "ready");
  ASSERT_EQ(node.seen().size(), 1U);
  EXPECT_EQ(node.seen()[0].target, "/cluster/status");
  EXPECT_EQ(node.seen()[0].authorization, "Bearer hush");
}

TEST_F(NodeClientTest, MutualTlsByName) {
  const auto ca = authorities();
  const std::string bundle = pki::bundle_of(ca);
  FakeNode node(always({200, status_of("demo-0")}), leaf(ca), bundle);
  EXPECT_EQ(probe(access(bundle, ca), at(node)), Status());
}

TEST_F(NodeClientTest, EveryAnchorOfTheBundleIsTrusted) {
  const auto old = authorities(1), young = authorities(2);
  const std::string both = pki::join_bundles({pki::bundle_of(old), pki::bundle_of(young)});
  FakeNode serves_old(always({200, status_of("demo-0")}), leaf(old), both);
  FakeNode serves_young(always({200, status_of("demo-0")}), leaf(young), both);
  EXPECT_EQ(probe(access(both, young), at(serves_old)), Status());
  EXPECT_EQ(probe(access(both, young), at(serves_young)), Status());
}

TEST_F(NodeClientTest, AnotherMembersCertificateIsRefused) {
  const auto ca = authorities();
  FakeNode node(always({200, status_of("demo-0")}), leaf(ca, 1), pki::bundle_of(ca));
  const Status status = probe(access(pki::bundle_of(ca), ca), at(node));
  EXPECT_EQ(status.code(), StatusCode::unreachable);
  EXPECT_THAT(status.message(), HasSubstr("not accepted for demo-0.demo-nodes.shop.svc"));
}

TEST_F(NodeClientTest, AStrangersCertificateIsRefused) {
  const auto ca = authorities(), stranger = authorities();
  FakeNode node(always({200, status_of("demo-0")}), leaf(stranger), pki::bundle_of(ca));
  EXPECT_THAT(probe(access(pki::bundle_of(ca), ca), at(node)).message(),
              HasSubstr("certificate is not accepted"));
}

TEST_F(NodeClientTest, WithoutATrustedCertificateOfOursANodeDoesNotAnswer) {
  const auto ca = authorities(), stranger = authorities();
  FakeNode node(always({200, status_of("demo-0")}), leaf(ca), pki::bundle_of(ca));
  EXPECT_FALSE(probe(access(pki::bundle_of(ca), stranger), at(node)).ok());
  EXPECT_TRUE(node.seen().empty());
}

TEST_F(NodeClientTest, ASilentNodeCostsItsTimeAndNoOther) {
  FakeNode silent(always({200, "", true}));
  FakeNode healthy(always({200, status_of("demo-1")}));
  NodeClientOptions options;
  // On a busy machine the healthy one may be too late as well: then both get more time.
  for (options.probe_timeout_ms = 200;; options.probe_timeout_ms *= 4) {
    const auto reports = BeastNodeClient(clock_, options).reports({}, {at(silent), at(healthy, "demo-1")});
    EXPECT_EQ(reports[0].status().code(), StatusCode::unavailable);
    EXPECT_THAT(reports[0].status().message(), HasSubstr("no answer in time"));
    if (reports[1].ok()) break;
    ASSERT_LT(options.probe_timeout_ms, kTimeoutMaxMs) << reports[1].status().message();
  }
}

TEST_F(NodeClientTest, AHundredNodesInOneCall) {
  std::vector<std::unique_ptr<FakeNode>> servers;
  std::vector<NodeAddress> nodes;
  for (int i = 0; i < 100; ++i) {
    const std::string member = "demo-" + std::to_string(i);
    servers.push_back(std::make_unique<FakeNode>(always({200, status_of(member)})));
    nodes.push_back(at(*servers.back(), member));
  }
  NodeClientOptions options;
  options.probes_at_once = 7;
  options.probe_timeout_ms = 60'000;
  for (const auto& report : BeastNodeClient(clock_, options).reports({}, nodes)) {
    EXPECT_TRUE(report.ok()) << report.status().message();
  }
}

TEST_F(NodeClientTest, NobodyAtTheAddressIsToldWithTheAddress) {
  uint16_t port = 0;
  { port = FakeNode(always({})).port(); }
  const Status status = probe({}, {"demo-0", "127.0.0.1", "demo-0", port});
  EXPECT_EQ(status.code(), StatusCode::unreachable);
  EXPECT_THAT(status.message(), HasSubstr("127.0.0.1:" + std::to_string(port)));
  EXPECT_THAT(probe({}, {"demo-0", "nowhere", "demo-0", 1}).message(), HasSubstr("no address"));
}

TEST_F(NodeClientTest, BodiesAreBoundedAndWhole) {
  NodeClientOptions options;
  options.report_bytes_max = 1000;
  FakeNode large(always({200, std::string(1001, ' ')}));
  EXPECT_THAT(probe({}, at(large), options).message(), HasSubstr("body limit"));
  FakeNode torn(always({200, "{\"node_id\":", false, true}));
  EXPECT_EQ(probe({}, at(torn)).code(), StatusCode::unreachable);
  FakeNode rubbish(always({200, "rubbish"}));
  EXPECT_THAT(probe({}, at(rubbish)).message(), HasSubstr("no JSON object"));
}

TEST_F(NodeClientTest, RefusalsAreToldInTheNodesWords) {
  FakeNode node(always({401, R"({"error":"token missing"})"}));
  const Status status = probe({}, at(node));
  EXPECT_EQ(status.code(), StatusCode::unauthenticated);
  EXPECT_EQ(status.message(), "it answers 401: token missing");
}

TEST_F(NodeClientTest, CommandsUseTheRoutesOfTheContract) {
  FakeNode node(always({202, "{}"}));
  BeastNodeClient client(clock_);
  EXPECT_EQ(client.start_drain({}, at(node)), Status());
  EXPECT_EQ(client.cancel_drain({}, at(node)), Status());
  EXPECT_EQ(client.compact({}, at(node)), Status());
  ASSERT_EQ(node.seen().size(), 3U);
  EXPECT_EQ(node.seen()[0].method + " " + node.seen()[0].target, "POST /admin/drain");
  EXPECT_EQ(node.seen()[1].method + " " + node.seen()[1].target, "DELETE /admin/drain");
  EXPECT_EQ(node.seen()[2].method + " " + node.seen()[2].target, "POST /admin/compact");
}

TEST_F(NodeClientTest, ARefusedCommandNamesTheMember) {
  FakeNode node(always({409, R"({"error":"this node runs alone"})"}));
  const Status status = BeastNodeClient(clock_).start_drain({}, at(node));
  EXPECT_EQ(status.code(), StatusCode::failed_precondition);
  EXPECT_EQ(status.message(), "demo-0: it answers 409: this node runs alone");
}

TEST_F(NodeClientTest, ACompactionMayTakeLongerThanTheAskerWaits) {
  FakeNode node(always({200, "", true}));
  NodeClientOptions options;
  // On a busy machine the time may be over before the request is sent: then there is more.
  for (int64_t timeout_ms = 100;; timeout_ms *= 4) {
    options.compact_timeout_ms = options.command_timeout_ms = timeout_ms;
    BeastNodeClient client(clock_, options);
    const Status compacted = client.compact({}, at(node));
    EXPECT_EQ(client.start_drain({}, at(node)).code(), StatusCode::unavailable);
    if (compacted.ok()) break;
    ASSERT_LT(timeout_ms, kTimeoutMaxMs) << compacted.message();
  }
}

TEST_F(NodeClientTest, FiguresComeFromMetrics) {
  FakeNode node(always({200, "ferrocache_memory_bytes 1\nferrocache_memory_max_bytes 2\n"}));
  const auto figures = BeastNodeClient(clock_).figures({}, {at(node)});
  ASSERT_TRUE(figures.front().ok());
  EXPECT_EQ(figures.front()->memory_max_bytes, 2);
  EXPECT_EQ(node.seen()[0].target, "/metrics");
}

TEST_F(NodeClientTest, AnInterruptEndsWhatIsUnderWayAndRefusesTheRest) {
  NodeClientOptions options;
  options.probe_timeout_ms = 600'000;
  BeastNodeClient client(clock_, options);
  FakeNode node([&client](const Seen&) {
    client.interrupt();
    return Reply{200, "", true};
  });
  EXPECT_EQ(client.reports({}, {at(node)}).front().status().code(), StatusCode::unavailable);
  EXPECT_EQ(client.start_drain({}, at(node)).code(), StatusCode::unavailable);
  EXPECT_EQ(node.seen().size(), 1U);
}

TEST_F(NodeClientTest, AccessNeedsAnchorsAndAMatchingKey) {
  const auto ca = authorities();
  const pki::Identity a = leaf(ca), b = leaf(ca);
  EXPECT_FALSE(TlsAccess::make("", a.certificate, a.key).ok());
  EXPECT_FALSE(TlsAccess::make(pki::bundle_of(ca), a.certificate, b.key).ok());
  EXPECT_FALSE(TlsAccess::make(pki::bundle_of(ca), "rubbish", a.key).ok());
  EXPECT_TRUE(TlsAccess::make(pki::bundle_of(ca), "", Secret()).ok());
}

}  // namespace
}  // namespace ferro::oper::nodeclient
