#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>

#include "node/cluster/runtime/network.h"

namespace ferro::node::cluster {

namespace {

constexpr size_t kHostBytesMax = 253;  // RFC 1035: the longest name

std::string quoted(std::string_view text) {
  constexpr size_t kShown = 80;
  return "'" + std::string(text.substr(0, kShown)) + (text.size() > kShown ? "...'" : "'");
}

Result<uint16_t> parse_port(std::string_view port, std::string_view text) {
  uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number == 0)
    return Status::invalid(quoted(text) + ": the part after the last ':' must be a port from 1 to 65535");
  return number;
}

bool is_ipv6(std::string_view host) {
  in6_addr address{};
  const std::string plain(host.substr(0, host.find('%')));  // without the zone
  return inet_pton(AF_INET6, plain.c_str(), &address) == 1;
}

bool may_stand_in_host(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
         c == '_';
}

Status check_host(std::string_view host, std::string_view text) {
  if (host.empty()) return Status::invalid(quoted(text) + ": write a host before the ':'");
  if (host.size() > kHostBytesMax) return Status::invalid(quoted(text) + ": the host is too long for a name");
  if (!std::all_of(host.begin(), host.end(), may_stand_in_host))
    return Status::invalid(quoted(text) +
                           ": the host may hold letters, digits, '.', '-' and '_'; write host:port alone");
  return {};
}

Result<Endpoint> parse_bracketed(std::string_view text) {
  const size_t close = text.find(']');
  if (close == std::string_view::npos) return Status::invalid(quoted(text) + ": close the bracket with ']'");
  const std::string_view host = text.substr(1, close - 1), rest = text.substr(close + 1);
  if (!is_ipv6(host)) return Status::invalid(quoted(text) + ": write an IPv6 address between the brackets");
  if (rest.empty() || rest.front() != ':')
    return Status::invalid(quoted(text) + ": write ':' and a port after ']'");
  FERRO_ASSIGN_OR_RETURN(const uint16_t port, parse_port(rest.substr(1), text));
  return Endpoint{std::string(host), port};
}

}  // namespace

std::string to_string(const Endpoint& endpoint) {
  const bool needs_brackets = endpoint.host.find(':') != std::string::npos;
  const std::string host = needs_brackets ? "[" + endpoint.host + "]" : endpoint.host;
  return host + ":" + std::to_string(endpoint.port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  if (text.find("://") != std::string_view::npos)
    return Status::invalid(quoted(text) + ": leave out what stands before '://'");
  if (!text.empty() && text.front() == '[') return parse_bracketed(text);
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return Status::invalid(quoted(text) + ": write ':' and a port after the host");
  const std::string_view host = text.substr(0, colon);
  if (host.find(':') != std::string_view::npos)
    return Status::invalid(quoted(text) + ": write an IPv6 address in brackets, as in [::1]:3001");
  FERRO_RETURN_IF_ERROR(check_host(host, text));
  FERRO_ASSIGN_OR_RETURN(const uint16_t port, parse_port(text.substr(colon + 1), text));
  return Endpoint{std::string(host), port};
}

}  // namespace ferro::node::cluster
