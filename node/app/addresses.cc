#include "node/app/addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "node/config/values.h"

namespace ferro::node::app {
namespace {

// A name that nobody knows costs seconds; three of them say that names do not help.
constexpr size_t kSeedsAskedMax = 3;

bool is_wildcard(std::string_view host) {
  return host.empty() || host == "0.0.0.0" || host == "::";
}

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1";
}

bool is_version_6(std::string_view address) {
  return address.find(':') != std::string_view::npos;
}

// Empty for an address family that is none of IP's.
std::string text_of(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address.sa_family == AF_INET) bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  if (address.sa_family == AF_INET6) bytes = &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (bytes == nullptr || ::inet_ntop(address.sa_family, bytes, text.data(), text.size()) == nullptr)
    return {};
  return text.data();
}

// Asks the kernel's routes by "connecting" a datagram socket: nothing is sent.
std::optional<std::string> source_address(const addrinfo& to) {
  const int socket = ::socket(to.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return std::nullopt;
  sockaddr_storage own{};
  socklen_t size = sizeof own;
  auto* const address = reinterpret_cast<sockaddr*>(&own);
  const bool found =
      ::connect(socket, to.ai_addr, to.ai_addrlen) == 0 && ::getsockname(socket, address, &size) == 0;
  ::close(socket);
  if (!found) return std::nullopt;
  std::string text = text_of(*address);
  return is_wildcard(text) ? std::nullopt : std::optional(std::move(text));
}

std::optional<std::string> address_towards(const cluster::Endpoint& to) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* raw = nullptr;
  if (::getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &hints, &raw) != 0) return std::nullopt;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> found(raw, ::freeaddrinfo);
  for (const addrinfo* one = found.get(); one != nullptr; one = one->ai_next) {
    if (std::optional<std::string> own = source_address(*one)) return own;
  }
  return std::nullopt;
}

std::vector<std::string> interface_addresses() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(raw, ::freeifaddrs);
  std::vector<std::string> addresses;
  for (const ifaddrs* one = all.get(); one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || (one->ifa_flags & IFF_UP) == 0) continue;
    std::string text = text_of(*one->ifa_addr);
    const bool link_local = text.starts_with("fe80:");  // means nothing without its interface
    if (!text.empty() && !link_local) addresses.push_back(std::move(text));
  }
  return addresses;
}

// Where to listen: an address that is this machine's is meant; anything else is only what others know it by.
std::string listen_host(const std::string& configured, const std::string& http_bind,
                        const Interfaces& interfaces) {
  if (configured.empty()) return http_bind;
  if (is_wildcard(configured) || is_loopback(configured)) return configured;
  const auto& own = interfaces.addresses;
  if (std::find(own.begin(), own.end(), configured) != own.end()) return configured;
  return is_version_6(configured) || http_bind == "::" ? "::" : "0.0.0.0";
}

// The address that others most likely reach this machine at.
std::string outward_address(const std::vector<cluster::Endpoint>& seeds, const Interfaces& interfaces) {
  for (size_t i = 0; i < std::min(seeds.size(), kSeedsAskedMax); ++i) {
    if (const std::optional<std::string> own = interfaces.address_towards(seeds[i])) return *own;
  }
  const auto first = [&](auto&& fits) {
    const auto found = std::find_if(interfaces.addresses.begin(), interfaces.addresses.end(), fits);
    return found == interfaces.addresses.end() ? std::string() : *found;
  };
  std::string found =
      first([](const std::string& address) { return !is_loopback(address) && !is_version_6(address); });
  if (found.empty()) found = first([](const std::string& address) { return !is_loopback(address); });
  return found.empty() ? "127.0.0.1" : found;
}

Result<std::string> host_of(const std::string& configured) {
  if (configured.empty()) return std::string();
  FERRO_ASSIGN_OR_RETURN(cluster::Endpoint endpoint, cluster::parse_endpoint(configured));
  return std::move(endpoint.host);
}

}  // namespace

Interfaces interfaces_of_this_machine() {
  return {address_towards, interface_addresses()};
}

Result<NodeAddresses> node_addresses(const config::Config& config, uint16_t api_port,
                                     const Interfaces& interfaces) {
  FERRO_ASSIGN_OR_RETURN(const std::string gossip, host_of(config.cluster.gossip_addr));
  FERRO_ASSIGN_OR_RETURN(const std::string api, host_of(config.cluster.api_addr));
  std::vector<cluster::Endpoint> seeds;
  for (const std::string& text : config.cluster.seed_nodes) {
    FERRO_ASSIGN_OR_RETURN(cluster::Endpoint seed, cluster::parse_endpoint(text));
    seeds.push_back(std::move(seed));
  }

  NodeAddresses addresses;
  addresses.listen.host = listen_host(gossip, config.http.bind, interfaces);
  addresses.listen.port = static_cast<uint16_t>(config::gossip_port_of(config));
  addresses.gossip_host = gossip;
  if (is_wildcard(addresses.gossip_host)) addresses.gossip_host = config.http.bind;
  if (is_wildcard(addresses.gossip_host)) addresses.gossip_host = outward_address(seeds, interfaces);

  addresses.api = {api, api_port};
  if (!config.cluster.api_addr.empty()) {
    FERRO_ASSIGN_OR_RETURN(addresses.api, cluster::parse_endpoint(config.cluster.api_addr));
  }
  if (is_wildcard(addresses.api.host)) addresses.api.host = config.http.bind;
  if (is_wildcard(addresses.api.host)) addresses.api.host = addresses.gossip_host;
  return addresses;
}

}  // namespace ferro::node::app
