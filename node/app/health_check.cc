#include "node/app/health_check.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>
#include <string>

namespace ferro::node::app {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr std::chrono::seconds kHealthTimeout{5};

// A wildcard address is listened on, not connected to.
std::string address_to_ask(const std::string& bind) {
  if (bind == "0.0.0.0") return "127.0.0.1";
  if (bind == "::") return "::1";
  return bind;
}

// One exchange with the deadline of the underlying tcp_stream, which only asynchronous operations honour:
// each step is started and the io_context run until it ends.
template <typename Stream>
Status ask(asio::io_context& io, Stream& stream, const std::string& host) {
  http::request<http::empty_body> request{http::verb::get, "/readyz", 11};
  request.set(http::field::host, host);
  request.set(http::field::connection, "close");
  beast::error_code failed;
  http::async_write(stream, request, [&](beast::error_code ec, size_t) { failed = ec; });
  io.run();
  io.restart();
  if (failed) return Status::unavailable("sending the request: " + failed.message());
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  http::async_read(stream, buffer, parser, [&](beast::error_code ec, size_t) { failed = ec; });
  io.run();
  if (failed) return Status::unavailable("waiting for the answer: " + failed.message());
  if (parser.get().result() != http::status::ok)
    return Status::unavailable("not ready: " + parser.get().body());
  return {};
}

Status connect_and_ask(const config::Config& config) {
  asio::io_context io;
  const std::string host = address_to_ask(config.http.bind);
  beast::error_code failed;
  const auto address = asio::ip::make_address(host, failed);
  if (failed) return Status::invalid("http.bind is no address: " + config.http.bind);
  beast::tcp_stream stream(io);
  stream.expires_after(kHealthTimeout);
  stream.async_connect(tcp::endpoint(address, config.port), [&](beast::error_code ec) { failed = ec; });
  io.run();
  io.restart();
  if (failed)
    return Status::unavailable("nothing answers on port " + std::to_string(config.port) + ": " +
                               failed.message());
  if (config.http.tls.cert_path.empty()) return ask(io, stream, host);

  asio::ssl::context context(asio::ssl::context::tls_client);
  context.set_verify_mode(asio::ssl::verify_none);
  beast::ssl_stream<beast::tcp_stream&> secure(stream, context);
  secure.async_handshake(asio::ssl::stream_base::client, [&](beast::error_code ec) { failed = ec; });
  io.run();
  io.restart();
  if (failed) return Status::unavailable("TLS handshake: " + failed.message());
  // Whoever must show a certificate of that CA has one; this check has none, so a completed handshake is what
  // it can see.
  if (!config.http.tls.client_ca_path.empty()) return {};
  return ask(io, secure, host);
}

}  // namespace

Status check_health(const config::Config& config) {
  try {
    return connect_and_ask(config);
  } catch (const std::exception& error) {
    return Status::unavailable(error.what());
  }
}

}  // namespace ferro::node::app
