// What a node listens on for others and what it tells them, on machines that tests make up.
#include "node/app/addresses.h"

#include <gmock/gmock.h>

#include <map>

namespace ferro::node::app {
namespace {

using cluster::Endpoint;

// A machine with loopback and two networks; the routes say which seed is reached through which.
class AddressesTest : public testing::Test {
 protected:
  NodeAddresses found(const config::Config& config, uint16_t api_port = 3000) const {
    Interfaces machine;
    machine.addresses = addresses_;
    machine.address_towards = [this](const Endpoint& to) -> std::optional<std::string> {
      asked_.push_back(to.host);
      const auto route = routes_.find(to.host);
      return route == routes_.end() ? std::nullopt : std::optional(route->second);
    };
    auto addresses = node_addresses(config, api_port, machine);
    EXPECT_TRUE(addresses.ok()) << addresses.status().message();
    return addresses.ok() ? *std::move(addresses) : NodeAddresses();
  }

  std::vector<std::string> addresses_{"127.0.0.1", "fd00::5", "10.0.0.5", "192.168.7.5", "::1"};
  std::map<std::string, std::string> routes_;
  mutable std::vector<std::string> asked_;
};

TEST_F(AddressesTest, WithoutSettingsTheFirstAddressThatOthersCanReach) {
  const NodeAddresses told = found({});
  EXPECT_EQ(told.listen, (Endpoint{"0.0.0.0", 5000}));
  EXPECT_EQ(told.gossip_host, "10.0.0.5");
  EXPECT_EQ(told.api, (Endpoint{"10.0.0.5", 3000}));
}

TEST_F(AddressesTest, TheInterfaceThatLeadsToASeedGoesFirst) {
  config::Config config;
  config.cluster.seed_nodes = {"nobody:5000", "other:5000"};
  routes_["other"] = "192.168.7.5";
  const NodeAddresses told = found(config);
  EXPECT_EQ(told.gossip_host, "192.168.7.5");
  EXPECT_EQ(told.api.host, "192.168.7.5");
  config.cluster.seed_nodes = {"127.0.0.1:5000"};
  routes_["127.0.0.1"] = "127.0.0.1";
  EXPECT_EQ(found(config).gossip_host, "127.0.0.1") << "all of the cluster is on this machine";
}

TEST_F(AddressesTest, NamesThatNobodyKnowsAreNotAskedForEver) {
  config::Config config;
  for (int i = 0; i < 100; ++i) config.cluster.seed_nodes.push_back("n" + std::to_string(i) + ":5000");
  EXPECT_EQ(found(config).gossip_host, "10.0.0.5");
  EXPECT_LE(asked_.size(), 3U);
}

TEST_F(AddressesTest, ALoopbackNodeStaysOnLoopback) {
  config::Config config;
  config.http.bind = "127.0.0.1";
  config.port = 3100;
  config.cluster.seed_nodes = {"other:5000"};
  const NodeAddresses told = found(config, 3100);
  EXPECT_EQ(told.listen, (Endpoint{"127.0.0.1", 5100}));
  EXPECT_EQ(told.gossip_host, "127.0.0.1");
  EXPECT_EQ(told.api, (Endpoint{"127.0.0.1", 3100}));
  EXPECT_THAT(asked_, testing::IsEmpty());
}

TEST_F(AddressesTest, AnUnspecifiedAddressIsNeverTold) {
  for (const char* wildcard : {"0.0.0.0", "[::]"}) {
    config::Config config;
    config.cluster.gossip_addr = std::string(wildcard) + ":7000";
    config.cluster.api_addr = std::string(wildcard) + ":8000";
    const NodeAddresses told = found(config);
    EXPECT_EQ(told.listen.port, 7000U);
    EXPECT_EQ(told.gossip_host, "10.0.0.5");
    EXPECT_EQ(told.api, (Endpoint{"10.0.0.5", 8000}));
  }
}

TEST_F(AddressesTest, AnAddressOfThisMachineIsListenedOnAlone) {
  config::Config config;
  config.cluster.gossip_addr = "192.168.7.5:7000";
  EXPECT_EQ(found(config).listen, (Endpoint{"192.168.7.5", 7000}));
  config.cluster.gossip_addr = "[fd00::5]:7000";
  EXPECT_EQ(found(config).listen, (Endpoint{"fd00::5", 7000}));
}

TEST_F(AddressesTest, ANameOrAForeignAddressIsOnlyTold) {
  config::Config config;
  config.cluster.gossip_addr = "demo-0.demo-nodes:7000";
  NodeAddresses told = found(config);
  EXPECT_EQ(told.listen, (Endpoint{"0.0.0.0", 7000}));
  EXPECT_EQ(told.gossip_host, "demo-0.demo-nodes");
  EXPECT_EQ(told.api, (Endpoint{"demo-0.demo-nodes", 3000})) << "the same machine";
  config.cluster.gossip_addr = "203.0.113.9:7000";  // behind address translation
  EXPECT_EQ(found(config).listen, (Endpoint{"0.0.0.0", 7000}));
  config.http.bind = "::";
  EXPECT_EQ(found(config).listen, (Endpoint{"::", 7000}));
}

TEST_F(AddressesTest, AMachineWithoutNetworksTellsLoopback) {
  addresses_ = {"127.0.0.1"};
  EXPECT_EQ(found({}).gossip_host, "127.0.0.1");
  addresses_ = {"127.0.0.1", "fd00::5"};
  EXPECT_EQ(found({}).gossip_host, "fd00::5");
}

TEST(Interfaces, OfThisMachineHaveLoopbackAndRoutesToIt) {
  const Interfaces machine = interfaces_of_this_machine();
  EXPECT_THAT(machine.addresses, testing::Contains("127.0.0.1"));
  EXPECT_EQ(machine.address_towards({"127.0.0.1", 9}), "127.0.0.1");
  EXPECT_EQ(machine.address_towards({"no-such-host.invalid", 9}), std::nullopt);
}

}  // namespace
}  // namespace ferro::node::app
