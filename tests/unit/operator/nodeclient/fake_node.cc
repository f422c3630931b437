#include "tests/unit/operator/nodeclient/fake_node.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace ferro::oper::nodeclient {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

FakeNode::FakeNode(Handler handler, const pki::Identity* identity, const std::string& client_anchors)
    : handler_(std::move(handler)), acceptor_(io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
  if (identity != nullptr) {
    tls_ = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    tls_->use_certificate_chain(asio::buffer(identity->certificate));
    tls_->use_private_key(asio::buffer(identity->key.reveal().data(), identity->key.reveal().size()),
                          asio::ssl::context::pem);
    tls_->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    tls_->add_certificate_authority(asio::buffer(client_anchors));
  }
  thread_ = std::thread([this] { serve(); });
}

FakeNode::~FakeNode() {
  stopping_ = true;
  boost::system::error_code ignored;
  asio::io_context io;  // wakes the acceptor
  tcp::socket(io).connect(acceptor_.local_endpoint(), ignored);
  thread_.join();
}

std::vector<Seen> FakeNode::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

void FakeNode::serve() {
  while (true) {
    boost::system::error_code failed;
    auto socket = std::make_shared<tcp::socket>(io_);
    acceptor_.accept(*socket, failed);
    if (failed || stopping_) return;
    hanging_.push_back(socket);  // open until the end; the client closes when it has its answer
    if (tls_ == nullptr) {
      answer(*socket);
    } else {
      asio::ssl::stream<tcp::socket&> secure(*socket, *tls_);
      secure.handshake(asio::ssl::stream_base::server, failed);
      if (!failed) answer(secure);
    }
  }
}

template <typename Stream>
void FakeNode::answer(Stream& stream) {
  boost::beast::flat_buffer buffer;
  http::request<http::string_body> request;
  boost::system::error_code failed;
  http::read(stream, buffer, request, failed);
  if (failed) return;
  const Seen seen{std::string(request.method_string()), std::string(request.target()),
                  std::string(request[http::field::authorization])};
  {
    const std::lock_guard lock(mutex_);
    seen_.push_back(seen);
  }
  const Reply reply = handler_(seen);
  if (reply.hangs) return;
  if (reply.cuts_off) {
    const std::string half = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + reply.body;
    asio::write(stream, asio::buffer(half), failed);
    hanging_.back()->close();
    return;
  }
  http::response<http::string_body> response{static_cast<http::status>(reply.status), 11, reply.body};
  response.prepare_payload();
  http::write(stream, response, failed);
}

}  // namespace ferro::oper::nodeclient
