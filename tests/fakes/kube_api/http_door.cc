#include "tests/fakes/kube_api/http_door.h"

#include <poll.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <condition_variable>
#include <cstdlib>
#include <iostream>
#include <list>
#include <set>

namespace ferro::fakes::kube {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

namespace {

constexpr int64_t kWatchPollMs = 100;
constexpr size_t kRequestBytesMax = 64U << 20;

}  // namespace

// One connection on a thread of its own.
class HttpDoor::Connection {
 public:
  Connection(HttpDoor& door, Tcp::socket socket) : door_(door), socket_(std::move(socket)) {}

  void start() {
    thread_ = std::thread([this] { run(); });
  }
  // From any thread: whatever blocks ends with an error.
  void break_off() {
    broken_ = true;
    ::shutdown(socket_.native_handle(), SHUT_RDWR);
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }
  bool idle() const { return idle_; }
  bool over() const { return over_; }
  void join() { thread_.join(); }

 private:
  void run();
  template <typename Stream>
  void serve(Stream& stream);
  // False: the connection is to end.
  template <typename Stream>
  bool answer(Stream& stream, const http::request<http::string_body>& message);
  template <typename Stream>
  bool run_watch(Stream& stream, const Request& request, const Fault& fault);
  template <typename Stream>
  bool send(Stream& stream, const Response& response, const Fault& fault);
  template <typename Stream>
  bool write(Stream& stream, std::string_view bytes, int64_t drip_ms);
  template <typename Stream>
  bool chunk(Stream& stream, std::string_view bytes, int64_t drip_ms);
  bool admitted(const http::request<http::string_body>& message);
  // Without holding anything; false once the connection was broken off.
  bool wait_ms(int64_t ms) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return broken_.load(); });
  }

  HttpDoor& door_;
  Tcp::socket socket_;
  std::atomic<bool> broken_{false}, idle_{false}, over_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_;
};

struct HttpDoor::Impl {
  asio::io_context io;
  asio::ssl::context tls{asio::ssl::context::tls_server};
  Tcp::acceptor acceptor{io};
  std::mutex mutex;
  std::list<std::unique_ptr<Connection>> connections;
};

HttpDoor::HttpDoor(ApiServer& server, DoorOptions options)
    : server_(server), options_(std::move(options)), impl_(std::make_unique<Impl>()) {
  if (options_.tls) {
    impl_->tls.use_certificate_chain(asio::buffer(options_.certificate.certificate));
    impl_->tls.use_private_key(asio::buffer(options_.certificate.key), asio::ssl::context::pem);
    if (!options_.client_ca.empty()) {
      impl_->tls.add_certificate_authority(asio::buffer(options_.client_ca));
      impl_->tls.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    }
  }
  const Tcp::endpoint endpoint(asio::ip::make_address(options_.v6 ? "::1" : "127.0.0.1"), options_.port);
  impl_->acceptor.open(endpoint.protocol());
  impl_->acceptor.set_option(Tcp::acceptor::reuse_address(true));
  impl_->acceptor.bind(endpoint);
  impl_->acceptor.listen();
  port_ = impl_->acceptor.local_endpoint().port();
  acceptor_ = std::thread([this] { accept_loop(); });
}

HttpDoor::~HttpDoor() {
  stopping_ = true;
  ::shutdown(impl_->acceptor.native_handle(), SHUT_RDWR);
  acceptor_.join();
  break_connections();
  server_.wake_watches();
  for (const auto& connection : impl_->connections) connection->join();
}

std::string HttpDoor::url() const {
  return std::string(options_.tls ? "https://" : "http://") + (options_.v6 ? "[::1]:" : "127.0.0.1:") +
         std::to_string(port_);
}

void HttpDoor::accept_tokens(std::vector<std::string> tokens) {
  const std::lock_guard lock(mutex_);
  tokens_ = std::move(tokens);
}

std::string HttpDoor::last_client() const {
  const std::lock_guard lock(mutex_);
  return last_client_;
}

std::string HttpDoor::last_host_header() const {
  const std::lock_guard lock(mutex_);
  return last_host_;
}

void HttpDoor::break_connections() {
  const std::lock_guard lock(impl_->mutex);
  for (const auto& connection : impl_->connections) connection->break_off();
}

void HttpDoor::close_idle_connections() {
  const std::lock_guard lock(impl_->mutex);
  for (const auto& connection : impl_->connections) {
    if (connection->idle()) connection->break_off();
  }
}

void HttpDoor::accept_loop() {
  while (!stopping_) {
    ErrorCode error;
    Tcp::socket socket(impl_->io);
    impl_->acceptor.accept(socket, error);
    if (error) continue;
    ++connections_;
    const std::lock_guard lock(impl_->mutex);
    for (auto connection = impl_->connections.begin(); connection != impl_->connections.end();) {
      if ((*connection)->over()) {
        (*connection)->join();
        connection = impl_->connections.erase(connection);
      } else {
        ++connection;
      }
    }
    impl_->connections.push_back(std::make_unique<Connection>(*this, std::move(socket)));
    impl_->connections.back()->start();
  }
}

void HttpDoor::Connection::run() {
  try {
    if (door_.options_.tls) {
      asio::ssl::stream<Tcp::socket&> stream(socket_, door_.impl_->tls);
      stream.handshake(asio::ssl::stream_base::server);
      if (X509* peer = SSL_get_peer_certificate(stream.native_handle())) {
        std::array<char, 256> name{};
        X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, name.data(), name.size());
        X509_free(peer);
        const std::lock_guard lock(door_.mutex_);
        door_.last_client_ = name.data();
      }
      serve(stream);
      ErrorCode ignored;
      if (!broken_) stream.shutdown(ignored);
    } else {
      serve(socket_);
    }
  } catch (const boost::system::system_error&) {
    // The peer left, or does not like our certificate: the test looks at its side.
  }
  ::shutdown(socket_.native_handle(), SHUT_RDWR);
  over_ = true;
}

template <typename Stream>
void HttpDoor::Connection::serve(Stream& stream) {
  beast::flat_buffer buffer;
  while (!broken_ && !door_.stopping_) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(kRequestBytesMax);
    ErrorCode error;
    idle_ = true;
    http::read(stream, buffer, parser, error);
    idle_ = false;
    if (error || !answer(stream, parser.get())) return;
  }
}

bool HttpDoor::Connection::admitted(const http::request<http::string_body>& message) {
  const std::lock_guard lock(door_.mutex_);
  door_.last_host_ = std::string(message[http::field::host]);
  if (door_.tokens_.empty()) return true;
  for (const std::string& token : door_.tokens_) {
    if (message[http::field::authorization] == "Bearer " + token) return true;
  }
  return false;
}

template <typename Stream>
bool HttpDoor::Connection::answer(Stream& stream, const http::request<http::string_body>& message) {
  const Request request = Request::of(std::string(message.method_string()), std::string(message.target()),
                                      std::string(message[http::field::content_type]), message.body());
  if (!admitted(message)) return send(stream, failure(401, "Unauthorized", "Unauthorized"), {});
  const Fault fault = door_.server_.next_fault(request);
  switch (fault.kind) {
    case Fault::Kind::drop_request:
      return false;
    case Fault::Kind::silence:
      if (request.is_watch()) break;
      while (wait_ms(kWatchPollMs)) {
      }
      return false;
    case Fault::Kind::delay:
      if (!wait_ms(fault.delay_ms)) return false;
      break;
    case Fault::Kind::answer: {
      Response response = failure(fault.status, "InternalError", "injected");
      response.retry_after_s = fault.retry_after_s;
      return send(stream, response, {});
    }
    case Fault::Kind::twice:
      door_.server_.handle(request);
      break;
    default:
      break;
  }
  if (request.is_watch()) return run_watch(stream, request, fault);
  const Response response = door_.server_.handle(request);
  if (fault.kind == Fault::Kind::drop_answer) return false;
  return send(stream, response, fault);
}

template <typename Stream>
bool HttpDoor::Connection::write(Stream& stream, std::string_view bytes, int64_t drip_ms) {
  ErrorCode error;
  if (drip_ms <= 0) {
    asio::write(stream, asio::buffer(bytes.data(), bytes.size()), error);
    return !error;
  }
  for (const char byte : bytes) {
    asio::write(stream, asio::buffer(&byte, 1), error);
    if (error || !wait_ms(drip_ms)) return false;
  }
  return true;
}

template <typename Stream>
bool HttpDoor::Connection::send(Stream& stream, const Response& response, const Fault& fault) {
  const std::string body = response.body.dump();
  std::string head =
      "HTTP/1.1 " + std::to_string(response.status) + " Status\r\nContent-Type: application/json\r\n";
  if (response.retry_after_s >= 0) head += "Retry-After: " + std::to_string(response.retry_after_s) + "\r\n";
  head += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  if (fault.kind == Fault::Kind::cut) {
    write(stream, head + body.substr(0, body.size() / 2), 0);
    return false;
  }
  return write(stream, head + body, fault.kind == Fault::Kind::drip ? fault.delay_ms : 0);
}

template <typename Stream>
bool HttpDoor::Connection::chunk(Stream& stream, std::string_view bytes, int64_t drip_ms) {
  std::array<char, 32> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  return write(stream, std::string(size.data()).append(bytes).append("\r\n"), drip_ms);
}

template <typename Stream>
bool HttpDoor::Connection::run_watch(Stream& stream, const Request& request, const Fault& fault) {
  Response refused;
  const std::shared_ptr<Watch> watch = door_.server_.open_watch(request, refused);
  if (watch == nullptr) return send(stream, refused, {});
  if (!write(stream,
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n", 0)) {
    return false;
  }
  const int64_t drip_ms = fault.kind == Fault::Kind::drip ? fault.delay_ms : 0;
  const auto end = [&] { return write(stream, "0\r\n\r\n", 0); };
  if (fault.kind == Fault::Kind::garbage &&
      !chunk(stream, "{\"type\":\"ADDED\",\"object\":{\"met\n{\"type\":\"WHAT\",\"object\":{}}\n\xff\xfe\n",
             0)) {
    return false;
  }
  int64_t unmarked_ms = 0;
  for (size_t events = 0; !broken_ && !door_.stopping_;) {
    const bool now = events >= fault.after_events;
    if (now && fault.kind == Fault::Kind::end_early) return end();
    if (now && (fault.kind == Fault::Kind::gone || fault.kind == Fault::Kind::error)) {
      const int code = fault.kind == Fault::Kind::gone ? 410 : 500;
      return chunk(stream, ApiServer::error_line(code, "Expired", "injected"), 0) && end();
    }
    if (now && fault.kind == Fault::Kind::silence) {
      while (wait_ms(kWatchPollMs)) {
      }
      return false;
    }
    const std::optional<std::string> line = door_.server_.next_line(*watch, kWatchPollMs);
    if (!line) {
      if (watch->over()) return end();
      unmarked_ms += kWatchPollMs;
      const int64_t every_ms = door_.options_.bookmark_every_ms;
      if (every_ms > 0 && unmarked_ms >= every_ms) {
        unmarked_ms = 0;
        const std::optional<std::string> bookmark = door_.server_.bookmark_line(*watch);
        if (bookmark && !chunk(stream, *bookmark, drip_ms)) return false;
      }
      continue;
    }
    if (now && fault.kind == Fault::Kind::cut) {
      // In the middle of the line and of the chunk that promised it.
      std::array<char, 32> size{};
      std::snprintf(size.data(), size.size(), "%zx\r\n", line->size());
      write(stream, std::string(size.data()) + line->substr(0, line->size() / 2), 0);
      return false;
    }
    if (!chunk(stream, *line, drip_ms)) return false;
    if (fault.kind == Fault::Kind::repeat && !chunk(stream, *line, 0)) return false;
    ++events;
  }
  return false;
}

}  // namespace ferro::fakes::kube
