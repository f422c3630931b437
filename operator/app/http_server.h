// Answers GET on a few paths: metrics and health. Nothing here needs to be fast, but nobody who reaches the
// port may keep it from answering others.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "common/base/result.h"
#include "operator/app/address.h"

namespace ferro::oper::app {

struct HttpReply {
  unsigned status = 404;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body = "not found\n";
};

// Owned by main. Serves on a thread of its own from `start` until it is destroyed.
class HttpServer {
 public:
  static constexpr int kConnectionsMax = 64;   // beyond it a new one is closed
  static constexpr int kExchangeSeconds = 10;  // of one request and its answer
  static constexpr uint32_t kHeaderBytesMax = 8192;

  // On the server's thread; must not block.
  using Handler = std::function<HttpReply(std::string_view path)>;

  static Result<std::unique_ptr<HttpServer>> start(const ListenAddress& address, Handler handler);
  ~HttpServer();

  uint16_t port() const;

 private:
  class Session;
  explicit HttpServer(Handler handler) : handler_(std::move(handler)), io_(1), acceptor_(io_) {}
  Status listen(const ListenAddress& address);
  void accept();

  const Handler handler_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  int connections_ = 0;  // the server's thread
  std::thread thread_;
};

}  // namespace ferro::oper::app
