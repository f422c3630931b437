// Which addresses a node listens on for the others of its cluster, and which it tells them. What is told is
// never 0.0.0.0: they could not reach it there. docs/configuration.md, `cluster.gossip_addr`.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "node/cluster/runtime/network.h"
#include "node/config/config.h"

namespace ferro::node::app {

// What the machine knows of itself.
struct Interfaces {
  // The own address that packets to this one would leave with; nullopt if there is no way there. Names are
  // looked up, which waits as long as the system's resolver does.
  std::function<std::optional<std::string>(const cluster::Endpoint& to)> address_towards;
  std::vector<std::string> addresses;  // of interfaces that are up, loopback ones included
};
Interfaces interfaces_of_this_machine();

struct NodeAddresses {
  cluster::Endpoint listen;  // of the node-to-node protocol; port 0: any free one
  std::string gossip_host;   // what others are told, with the port listened on
  cluster::Endpoint api;     // what others are told of the HTTP API
};

// `api_port`: the one that the HTTP server listens on.
Result<NodeAddresses> node_addresses(const config::Config& config, uint16_t api_port,
                                     const Interfaces& interfaces);

}  // namespace ferro::node::app
