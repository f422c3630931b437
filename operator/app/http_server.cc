#include "operator/app/http_server.h"

#include <boost/asio/ip/v6_only.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>
#include <utility>

#include "common/obs/log.h"

namespace ferro::oper::app {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

// One connection with one exchange after the other; lives as long as one of its operations is under way.
class HttpServer::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, HttpServer& server) : stream_(std::move(socket)), server_(server) {
    ++server_.connections_;
  }
  ~Session() { --server_.connections_; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void read() {
    parser_.emplace();
    parser_->header_limit(kHeaderBytesMax);
    parser_->body_limit(0);
    stream_.expires_after(std::chrono::seconds(kExchangeSeconds));
    // A request with a body is nobody's who wants figures: its connection ends unanswered.
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](beast::error_code ec, size_t) {
                              if (!ec && self->parser_->is_done()) self->answer();
                            });
  }

 private:
  void answer() {
    const auto& request = parser_->get();
    HttpReply reply{405, "text/plain; charset=utf-8", "only GET\n"};
    const bool head = request.method() == http::verb::head;
    if (head || request.method() == http::verb::get) {
      const std::string_view target(request.target().data(), request.target().size());
      reply = server_.handler_(target.substr(0, target.find('?')));
    }
    response_ = {static_cast<http::status>(reply.status), request.version()};
    response_.set(http::field::content_type, reply.content_type);
    response_.set(http::field::cache_control, "no-store");
    response_.keep_alive(request.keep_alive());
    response_.body() = std::move(reply.body);
    response_.prepare_payload();
    if (head) response_.body().clear();
    http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code ec, size_t) {
      if (!ec && self->response_.keep_alive()) self->read();
    });
  }

  beast::tcp_stream stream_;
  HttpServer& server_;
  beast::flat_buffer buffer_{kHeaderBytesMax * 2};
  std::optional<http::request_parser<http::empty_body>> parser_;
  http::response<http::string_body> response_;
};

Status HttpServer::listen(const ListenAddress& address) {
  beast::error_code failed;
  const auto open = [&](const asio::ip::address& host) {
    const tcp::endpoint endpoint(host, address.port);
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed && host.is_v6()) acceptor_.set_option(asio::ip::v6_only(false), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed) {
      beast::error_code ignored;
      acceptor_.close(ignored);
    }
  };
  if (!address.host.empty()) {
    open(asio::ip::make_address(address.host));
  } else {
    open(asio::ip::address_v6::any());  // both families, where the machine has both
    if (failed) open(asio::ip::address_v4::any());
  }
  if (!failed) return {};
  return Status::unavailable("port " + std::to_string(address.port) + ": " + failed.message());
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const ListenAddress& address, Handler handler) {
  try {
    std::unique_ptr<HttpServer> server(new HttpServer(std::move(handler)));
    FERRO_RETURN_IF_ERROR(server->listen(address));
    server->accept();
    server->thread_ = std::thread([io = &server->io_] {
      try {
        io->run();
      } catch (const std::exception& error) {
        obs::error("a server for metrics or health ended", {{"reason", error.what()}});
      }
    });
    return server;
  } catch (const std::exception& error) {
    return Status::internal(error.what());
  }
}

HttpServer::~HttpServer() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

uint16_t HttpServer::port() const {
  beast::error_code ignored;
  return acceptor_.local_endpoint(ignored).port();
}

void HttpServer::accept() {
  acceptor_.async_accept([this](beast::error_code ec, tcp::socket socket) {
    if (ec == asio::error::operation_aborted) return;
    if (!ec && connections_ < kConnectionsMax) std::make_shared<Session>(std::move(socket), *this)->read();
    accept();
  });
}

}  // namespace ferro::oper::app
