#include "node/http/other_family.h"

#include <poll.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <optional>

namespace ferro::node::http {

namespace asio = boost::asio;
using Address = asio::ip::address;
using Endpoint = asio::ip::tcp::endpoint;
using Error = boost::system::error_code;

namespace {

// Loopback answers within microseconds, unless so many connections wait there that somebody listens for sure.
constexpr int kConnectTimeoutMs = 250;

std::optional<Address> counterpart_of(const Address& own) {
  if (own == Address(asio::ip::address_v6::loopback())) return asio::ip::address_v4::loopback();
  if (own.is_v4() && (own.is_unspecified() || own == Address(asio::ip::address_v4::loopback()))) {
    return asio::ip::address_v6::loopback();
  }
  return std::nullopt;
}

// By the kernel's own rule for listeners. Also true of a port that an outgoing connection has by chance.
bool is_taken(asio::io_context& io, const Endpoint& place) {
  asio::ip::tcp::acceptor probe(io);
  Error error;
  const auto run = [&error](auto&& step) {
    if (!error) step();
  };
  run([&] { probe.open(place.protocol(), error); });
  run([&] { probe.set_option(asio::socket_base::reuse_address(true), error); });
  if (place.protocol() == asio::ip::tcp::v6()) run([&] { probe.set_option(asio::ip::v6_only(true), error); });
  run([&] { probe.bind(place, error); });
  return error == asio::error::address_in_use;
}

bool takes_connections(asio::io_context& io, const Endpoint& place) {
  asio::ip::tcp::socket probe(io);
  Error error;
  probe.open(place.protocol(), error);
  if (!error) probe.non_blocking(true, error);
  if (!error) probe.connect(place, error);
  if (!error) return true;
  if (error != asio::error::in_progress && error != asio::error::would_block) return false;
  pollfd waited{probe.native_handle(), POLLOUT, 0};
  if (::poll(&waited, 1, kConnectTimeoutMs) == 0) return true;
  asio::detail::socket_option::integer<SOL_SOCKET, SO_ERROR> outcome;
  probe.get_option(outcome, error);
  return !error && outcome.value() == 0;
}

}  // namespace

Status check_other_family(const Endpoint& own) {
  const std::optional<Address> counterpart = counterpart_of(own.address());
  if (!counterpart) return {};
  asio::io_context io;
  const Endpoint other(*counterpart, own.port());
  if (!is_taken(io, other) || !takes_connections(io, other)) return {};
  return {StatusCode::failed_precondition,
          "port " + std::to_string(own.port()) + " on " + counterpart->to_string() +
              " is in use by another process, and whoever asks for localhost could reach either: stop that "
              "one or choose another port"};
}

}  // namespace ferro::node::http
