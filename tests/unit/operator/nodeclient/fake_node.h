// A server on a free port of this machine that speaks as much HTTP as a node does to its operator.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "operator/pki/certificate.h"

namespace ferro::oper::nodeclient {

struct Seen {
  std::string method, target, authorization;
};
struct Reply {
  unsigned status = 200;
  std::string body;
  bool hangs = false;     // never answers; the connection stays open until the server ends
  bool cuts_off = false;  // ends the connection in the middle of the body
};

// Owned by the test; serves from construction to destruction, one connection after the other.
class FakeNode {
 public:
  using Handler = std::function<Reply(const Seen&)>;
  explicit FakeNode(Handler handler) : FakeNode(std::move(handler), nullptr, {}) {}
  // Mutual TLS: shows `identity`, wants a certificate by one of `client_anchors`.
  FakeNode(Handler handler, const pki::Identity& identity, const std::string& client_anchors)
      : FakeNode(std::move(handler), &identity, client_anchors) {}
  ~FakeNode();

  uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::vector<Seen> seen() const;

 private:
  FakeNode(Handler handler, const pki::Identity* identity, const std::string& client_anchors);
  void serve();
  template <typename Stream>
  void answer(Stream& stream);

  const Handler handler_;
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  std::vector<std::shared_ptr<boost::asio::ip::tcp::socket>> hanging_;
  mutable std::mutex mutex_;  // guards seen_
  std::vector<Seen> seen_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace ferro::oper::nodeclient
