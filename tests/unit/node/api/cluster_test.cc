// /cluster/status, /admin/drain and the nodes' own port, over a cluster that tests make up.
#include <limits>
#include <memory>

#include "fixture.h"
#include "remote_cache.h"

namespace ferro::node::api {
namespace {

using cluster::ClusterStatus;
using cluster::NodeId;
using cluster::PeerStatus;
using cluster::Placement;

class Clustered : public Harness {
 public:
  explicit Clustered(const std::string& token_file = {}, ApiOptions options = {}) {
    tokens = tokens_of(token_file);
    node.status_answer.state = "ready";
    api = Api::create(std::move(options), {engine, *cache, *tokens, metrics, clock, &node});
  }
  json status(std::string_view token = {}) { return get("/cluster/status", token).parsed(); }

  FakeEngine engine{clock};
  std::unique_ptr<cache::Cache> cache = cache::make_local_cache(engine);
  FakeClusterNode node{*cache};
};

PeerStatus peer(const std::string& id, const std::string& state, const std::string& health) {
  PeerStatus made;
  made.node = id;
  made.api_address = id + ":3000";
  made.gossip_address = id + ":4001";
  made.state = state;
  made.health = health;
  return made;
}

TEST(ClusterStatus, HasTheFieldsOfTheContract) {
  Clustered one;
  ClusterStatus& status = one.node.status_answer;
  status.gossip_address = "10.0.0.1:4001";
  status.nodes = {"node-1", "b", "c", "d"};
  status.dead_nodes = {"e"};
  status.ring_members = 3;
  status.peers = {peer("b", "ready", "alive"), peer("c", "ready", "suspected"), peer("d", "leaving", "alive"),
                  peer("e", "ready", "dead"), peer("f", "left", "dead")};
  status.peers[1].phi = 9.5;
  status.peers[3].phi = std::numeric_limits<double>::infinity();
  status.peers[4].phi = std::numeric_limits<double>::quiet_NaN();
  const json answer = one.status();
  EXPECT_EQ(answer.at("mode"), "clustered");
  EXPECT_EQ(answer.at("node_id"), "node-1");
  EXPECT_EQ(answer.at("self_node_id"), "node-1");
  EXPECT_EQ(answer.at("gossip_addr"), "10.0.0.1:4001");
  EXPECT_EQ(answer.at("nodes"), json({"node-1", "b", "c", "d"}));
  EXPECT_EQ(answer.at("node_count"), 4);
  EXPECT_EQ(answer.at("dead_nodes"), json::array({"e"}));
  EXPECT_EQ(answer.at("ring_size"), 3);
  EXPECT_EQ(answer.at("read_repair_enabled"), true);
  const json& peers = answer.at("peers");
  ASSERT_EQ(peers.size(), 5U);
  EXPECT_EQ(peers[0].at("node_id"), "b");
  EXPECT_EQ(peers[0].at("api_addr"), "b:3000");
  const std::vector<std::string> words{"Alive", "Suspected", "Leaving", "Dead", "Leaving"};
  for (size_t i = 0; i < peers.size(); ++i) {
    EXPECT_EQ(peers[i].at("status"), words[i]);
    EXPECT_TRUE(peers[i].at("phi").is_number()) << "JSON has no infinity";
  }
  EXPECT_EQ(answer.at("peer_health").at("c"), json({{"status", "suspected"}, {"phi", 9.5}}));
  EXPECT_EQ(answer.at("peer_health").at("e").at("status"), "dead");
}

TEST(ClusterStatus, SaysWhatAnOperatorNeeds) {
  ApiOptions options;
  options.replication_factor = 3;
  options.write_consistency = "quorum";
  options.node_credentials = [] { return cluster::Credentials{"aa11", 1'900'000'000, {"ca01", "ca02"}, 4}; };
  Clustered one({}, options);
  ClusterStatus& status = one.node.status_answer;
  status.ring_epoch = 9;
  status.ring_fingerprint = 0xABC;
  status.target_fingerprint = ~uint64_t{0};
  status.ring_changing = true;
  status.partitions_owned = 700;
  status.partitions_under_replicated = 2;
  status.partitions_out_of_step = 1;
  status.partitions_uncompared = 4;
  status.ring = std::make_shared<const Placement>(Placement::build({{"b", 64}, {"node-1", 64}}, 2));
  const NodeId& first = status.ring->id(status.ring->owners(17).front());
  status.partitions = {{17, 1, false, false}};
  status.drain = {true, 3, 9, 50, 5000};
  status.hints = 6;
  status.replication_lag_ms = 250;
  status.refused_links = {{"10.0.0.9:4001", "its cluster id is \xFFother"}};
  status.peers = {peer("b", "ready", "alive")};
  status.peers[0].credentials = {"bb22", 1'800'000'000, {"ca01"}, 3};
  const json answer = one.status();
  EXPECT_EQ(answer.at("ring").at("epoch"), 9);
  EXPECT_EQ(answer.at("ring").at("fingerprint"), "0000000000000abc");
  EXPECT_EQ(answer.at("ring").at("target_fingerprint"), "ffffffffffffffff");
  EXPECT_EQ(answer.at("ring").at("changing"), true);
  EXPECT_EQ(answer.at("replication").at("factor"), 3);
  EXPECT_EQ(answer.at("replication").at("write_consistency"), "quorum");
  EXPECT_EQ(answer.at("replication").at("lag_ms"), 250);
  EXPECT_EQ(answer.at("replication").at("hints"), 6);
  EXPECT_EQ(answer.at("partitions_owned"), 700);
  EXPECT_EQ(answer.at("partitions_under_replicated"), 2);
  EXPECT_EQ(answer.at("partitions_out_of_step"), 1);
  EXPECT_EQ(answer.at("partitions_uncompared"), 4);
  const json partition = {{"partition", 17},
                          {"owners", {first, first == "b" ? "node-1" : "b"}},
                          {"live_owners", 1},
                          {"in_step", false},
                          {"compared", false}};
  EXPECT_EQ(answer.at("partitions"), json::array({partition}));
  EXPECT_EQ(answer.at("drain").at("partitions_total"), 9);
  EXPECT_EQ(answer.at("refused_links")[0].at("reason"), "its cluster id is ?other");
  EXPECT_EQ(answer.at("certificate").at("fingerprint_sha256"), "aa11") << "the only one that there is";
  EXPECT_EQ(answer.at("node_certificate").at("trusted"), json({"ca01", "ca02"}));
  EXPECT_EQ(answer.at("certificate"), answer.at("node_certificate"));
  EXPECT_EQ(answer.at("peers")[0].at("certificate").at("fingerprint_sha256"), "bb22");
  EXPECT_EQ(answer.at("peers")[0].at("token_generation"), 3);
}

TEST(ClusterStatus, StateIsTheMostUrgentOne) {
  Clustered one;
  const auto state = [&] { return one.status().at("state").get<std::string>(); };
  one.node.status_answer.state = "joining";
  one.node.status_answer.reason = "2 of 90 partitions";
  EXPECT_EQ(state(), "joining");
  EXPECT_EQ(one.status().at("reason"), "2 of 90 partitions");
  one.node.status_answer.state = "leaving";
  EXPECT_EQ(state(), "draining");
  one.node.status_answer.state = "drained";
  EXPECT_EQ(state(), "drained");
  one.engine.readiness_answer = Status::unavailable("the log cannot be written");
  EXPECT_EQ(state(), "not_ready");
  EXPECT_EQ(one.status().at("reason"), "the log cannot be written");
  one.api->begin_drain();
  EXPECT_EQ(state(), "draining");
}

TEST(ClusterStatus, TheLastUseOfEachTokenGeneration) {
  Clustered one("old generation=1\nnew generation=2\n");
  one.get("/stats", "old");
  const int64_t then = one.clock.wall_ms() / 1000;
  one.clock.advance_ms(7'000);
  const json auth = one.status("new").at("auth");
  EXPECT_EQ(auth.at("token_generation"), 2);
  EXPECT_EQ(auth.at("generations"), json({{{"generation", 1}, {"tokens", 1}, {"last_used_at", then}},
                                          {{"generation", 2}, {"tokens", 1}, {"last_used_at", then + 7}}}));
  Clustered unused("t generation=1\nu\n");
  EXPECT_EQ(unused.status("u").at("auth").at("generations")[1].at("last_used_at"), nullptr);
}

TEST(Drain, TellsItsProgressAndItsEnd) {
  Clustered one;
  one.node.status_answer.drain = {true, 1, 4, 10, 100};
  Answer answer = one.call(http::Method::post, "/admin/drain");
  EXPECT_EQ(answer.status, 202U);
  EXPECT_EQ(answer.parsed().at("status"), "draining");
  EXPECT_EQ(answer.parsed().at("drain").at("partitions_done"), 1);
  one.node.status_answer.drained = true;
  answer = one.call(http::Method::post, "/admin/drain");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.parsed().at("status"), "drained");
  one.node.status_answer.drained = false;
  answer = one.remove("/admin/drain");
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.parsed().at("status"), "cancelled");
}

TEST(Drain, IsRefusedWhereNobodyTakesOver) {
  Clustered one;
  one.node.drain_answer = {StatusCode::failed_precondition, "no other node is ready"};
  for (const Answer& answer : {one.call(http::Method::post, "/admin/drain"), one.remove("/admin/drain")}) {
    EXPECT_EQ(answer.status, 409U);
    EXPECT_EQ(answer.error(), "no other node is ready");
  }
  Tester alone;
  for (const Answer& answer :
       {alone.call(http::Method::post, "/admin/drain"), alone.remove("/admin/drain")}) {
    EXPECT_EQ(answer.status, 409U);
    EXPECT_NE(answer.error().find("alone"), std::string::npos);
  }
}

TEST(Drain, BalancersLookElsewhereMeanwhile) {
  Clustered one;
  EXPECT_EQ(one.get("/readyz").status, 200U);
  for (const char* state : {"leaving", "drained"}) {
    one.node.status_answer.state = state;
    EXPECT_EQ(one.get("/readyz").status, 503U);
  }
  one.node.status_answer.state = "ready";
  EXPECT_EQ(one.get("/readyz").status, 200U);
}

TEST(NodesPort, ACertificateIsAnAdministrator) {
  Clustered one("T role=read\n");
  using http::Method;
  EXPECT_EQ(one.call_as_peer(Method::get, "/namespaces").status, 200U);
  EXPECT_EQ(one.call_as_peer(Method::get, "/internal/entry/x").status, 404U);
  EXPECT_EQ(one.call_as_peer(Method::post, "/admin/compact").status, 200U);
  EXPECT_EQ(one.call_as_peer(Method::get, "/namespaces", false).status, 401U);
  EXPECT_EQ(one.call_as_peer(Method::get, "/health", false).status, 200U) << "open as everywhere";
}

TEST(NodesPort, WithItThePublicPortShowsNothingBetweenNodesWithoutACredential) {
  ApiOptions certified;
  certified.node_credentials = [] { return cluster::Credentials{"aa", 1, {}, 0}; };
  Clustered open({}, certified);
  const Answer refused = open.get("/internal/entry/x");
  EXPECT_EQ(refused.status, 403U);
  EXPECT_NE(refused.error().find("cluster.tls.internal_port"), std::string::npos);
  EXPECT_EQ(open.call_as_peer(http::Method::get, "/internal/entry/x").status, 404U);
  EXPECT_EQ(open.get("/entry/x").status, 404U);

  Clustered closed("A\nR role=read\n", certified);
  EXPECT_EQ(closed.get("/internal/entry/x").status, 401U);
  EXPECT_EQ(closed.get("/internal/entry/x", "R").status, 403U);
  EXPECT_EQ(closed.get("/internal/entry/x", "A").status, 404U) << "an administrator, and no such entry";
  Clustered plain;
  EXPECT_EQ(plain.get("/internal/entry/x").status, 404U);
}

// It named the namespaces of every tenant.
TEST(ClusterStatus, NamesToATokenOfAScopeOnlyWhatLiesInIt) {
  Clustered one("T role=read scope=s\nA role=read\n");
  one.node.status_answer.splits = {{7, 2, {{"m", "s", ""}, {"m", "other", ""}}}};
  EXPECT_EQ(one.get("/cluster/status", "T").parsed().at("splits")[0].at("namespaces"), json::array({"m::s"}));
  EXPECT_EQ(one.get("/cluster/status", "A").parsed().at("splits")[0].at("namespaces"),
            json::array({"m::s", "m::other"}));
}

}  // namespace
}  // namespace ferro::node::api
