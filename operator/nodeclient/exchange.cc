#include "operator/nodeclient/exchange.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "operator/nodeclient/tls_access.h"

namespace ferro::oper::nodeclient {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr uint32_t kHeaderBytesMax = 16'384;  // a node's answers have under 1 KiB
constexpr size_t kBufferBytesMax = 65'536;    // read at once

std::string address_text(const NodeAddress& node) {
  const bool v6 = node.ip.find(':') != std::string::npos;
  return (v6 ? "[" + node.ip + "]" : node.ip) + ":" + std::to_string(node.port);
}

using Done = std::function<void(Result<HttpAnswer>)>;

// One exchange; lives as long as one of its operations is under way. All on the thread that runs `io`.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(asio::io_context& io, const NodeAddress& node, const NodeAccess& access, const HttpCall& call,
           Done done)
      : node_(node),
        access_(access),
        may_take_longer_(call.may_take_longer),
        done_(std::move(done)),
        plain_(io),
        buffer_(kBufferBytesMax) {
    const http::verb verb = call.post     ? http::verb::post
                            : call.remove ? http::verb::delete_
                                          : http::verb::get;
    request_ = {verb, call.target, 11};
    request_.set(http::field::host, access.tls ? node.host : address_text(node));
    request_.set(http::field::connection, "close");
    request_.set(http::field::user_agent, "ferrocache-operator");
    if (!access.token.empty()) {
      request_.set(http::field::authorization, "Bearer " + std::string(access.token.reveal()));
    }
    if (call.post) request_.prepare_payload();
    parser_.body_limit(call.body_bytes_max);
    parser_.header_limit(kHeaderBytesMax);
  }

  void start(std::chrono::steady_clock::duration timeout) {
    beast::error_code failed;
    const auto address = asio::ip::make_address(node_.ip, failed);
    if (failed) return finish(Status::unreachable("\"" + node_.ip + "\" is no address"));
    plain_.expires_after(timeout);
    plain_.async_connect(tcp::endpoint(address, node_.port),
                         [self = shared_from_this()](beast::error_code ec) { self->on_connect(ec); });
  }

 private:
  void on_connect(beast::error_code ec) {
    if (ec) return fail("connecting", ec);
    if (!access_.tls) return send(plain_);
    secure_.emplace(plain_, access_.tls->context());
    SSL* const ssl = secure_->native_handle();
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    std::string name = node_.host;  // what SSL_set_tlsext_host_name expands to wants to be able to change it
    if (SSL_set1_host(ssl, name.c_str()) != 1 ||
        SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) != 1) {
      return finish(Status::internal("OpenSSL does not take the host name " + node_.host));
    }
    secure_->async_handshake(
        asio::ssl::stream_base::client,
        [self = shared_from_this()](beast::error_code error) { self->on_handshake(error); });
  }

  void on_handshake(beast::error_code ec) {
    if (!ec) return send(*secure_);
    const long verdict = SSL_get_verify_result(secure_->native_handle());
    if (verdict == X509_V_OK) return fail("the TLS handshake", ec);
    finish(Status::unreachable(address_text(node_) + ": the certificate is not accepted for " + node_.host +
                               ": " + X509_verify_cert_error_string(verdict)));
  }

  template <typename Stream>
  void send(Stream& stream) {
    http::async_write(stream, request_, [self = shared_from_this(), &stream](beast::error_code ec, size_t) {
      if (ec) return self->fail("sending the request", ec);
      self->receive(stream);
    });
  }

  // The head by itself: Beast 1.74 forgets that a body is too long if the first bytes of it come with the
  // head.
  template <typename Stream>
  void receive(Stream& stream) {
    http::async_read_header(stream, buffer_, parser_,
                            [self = shared_from_this(), &stream](beast::error_code ec, size_t) {
                              if (ec == beast::error::timeout && self->may_take_longer_)
                                return self->finish(HttpAnswer{202, {}});
                              if (ec) return self->fail("reading the answer", ec);
                              self->receive_body(stream);
                            });
  }

  template <typename Stream>
  void receive_body(Stream& stream) {
    http::async_read(stream, buffer_, parser_, [self = shared_from_this()](beast::error_code ec, size_t) {
      if (ec) return self->fail("reading the answer", ec);
      auto& message = self->parser_.get();
      self->finish(HttpAnswer{message.result_int(), std::move(message.body())});
    });
  }

  void fail(const char* doing, beast::error_code ec) {
    const std::string where = address_text(node_) + ", " + doing + ": ";
    if (ec == beast::error::timeout) return finish(Status::unavailable(where + "no answer in time"));
    finish(Status::unreachable(where + ec.message()));
  }

  void finish(Result<HttpAnswer> answer) {
    plain_.close();
    std::exchange(done_, nullptr)(std::move(answer));
  }

  const NodeAddress node_;
  const NodeAccess& access_;
  const bool may_take_longer_;
  Done done_;
  beast::tcp_stream plain_;
  std::optional<beast::ssl_stream<beast::tcp_stream&>> secure_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response_parser<http::string_body> parser_;
};

// Keeps `at_once` exchanges under way until all are made.
class Round {
 public:
  Round(asio::io_context& io, const Clock& clock, const HttpCall& call, const NodeAccess& access,
        const std::vector<NodeAddress>& nodes)
      : io_(io),
        clock_(clock),
        call_(call),
        access_(access),
        nodes_(nodes),
        deadline_ns_(clock.steady_ns() + call.timeout_ms * 1'000'000),
        answers_(nodes.size(), Status::unavailable("the operator stops")) {}

  std::vector<Result<HttpAnswer>> run() {
    for (size_t i = 0; i < call_.at_once && next_ < nodes_.size(); ++i) start_next();
    io_.run();
    return std::move(answers_);
  }

 private:
  void start_next() {
    const std::chrono::nanoseconds left(deadline_ns_ - clock_.steady_ns());
    if (left <= left.zero()) return give_up();
    if (next_ == nodes_.size()) return;
    const size_t mine = next_++;
    std::make_shared<Exchange>(io_, nodes_[mine], access_, call_, [this, mine](Result<HttpAnswer> answer) {
      answers_[mine] = std::move(answer);
      start_next();
    })->start(left);
  }

  void give_up() {
    for (; next_ < nodes_.size(); ++next_) {
      answers_[next_] =
          Status::unavailable(address_text(nodes_[next_]) + ": not asked, others took the time");
    }
  }

  asio::io_context& io_;
  const Clock& clock_;
  const HttpCall& call_;
  const NodeAccess& access_;
  const std::vector<NodeAddress>& nodes_;
  const int64_t deadline_ns_;
  std::vector<Result<HttpAnswer>> answers_;
  size_t next_ = 0;
};

}  // namespace

std::vector<Result<HttpAnswer>> run_exchanges(asio::io_context& io, const Clock& clock, const HttpCall& call,
                                              const NodeAccess& access,
                                              const std::vector<NodeAddress>& nodes) {
  try {
    return Round(io, clock, call, access, nodes).run();
  } catch (const std::exception& error) {
    const Status failed = Status::internal(std::string("asking nodes: ") + error.what());
    return std::vector<Result<HttpAnswer>>(nodes.size(), failed);
  }
}

}  // namespace ferro::oper::nodeclient
