#include <boost/asio/ssl/stream.hpp>

#include "node/http/basic_transport.h"

namespace ferro::node::http {
namespace {

using TlsStream = boost::asio::ssl::stream<TcpSocket>;

class TlsTransport final : public BasicTransport<TlsStream> {
 public:
  // The context is kept: a reload replaces it for connections to come only.
  TlsTransport(TcpSocket socket, std::shared_ptr<boost::asio::ssl::context> context, TransportEvents& events)
      : BasicTransport(events, std::move(socket), *context), context_(std::move(context)) {}

  void start() override {
    stream_.async_handshake(boost::asio::ssl::stream_base::server,
                            [this, alive = events_.shared_from_this()](Error error) {
                              events_.on_ready(!error, !error && has_verified_peer());
                            });
  }

  void read(std::span<char> into) override {
    if (raw_) return read_from(stream_.next_layer(), into);
    read_pending_ = true;
    read_from(stream_, into);
  }

  WriteState write(std::span<const std::string_view> parts) override {
    buffers_.assign(parts);
    write_rest();
    return WriteState::pending;
  }

  // The closing note needs the stream for itself, so a read that runs is ended first.
  void close_send() override {
    closing_send_ = true;
    if (!read_pending_) return send_close_note();
    cancel_read();
  }

 private:
  void read_done(Error error, size_t bytes) override {
    read_pending_ = false;
    // A stream that ends without the closing note is cut off: whether a request is whole is known from its
    // framing.
    if (error == boost::asio::ssl::error::stream_truncated) error = boost::asio::error::eof;
    BasicTransport::read_done(error, bytes);
    if (closing_send_ && !raw_ && !std::exchange(close_note_sent_, true)) send_close_note();
  }

  void send_close_note() {
    close_note_sent_ = true;
    stream_.async_shutdown([this, alive = events_.shared_from_this()](Error /*error*/) {
      raw_ = true;
      shut_down_socket();
    });
  }

  bool has_verified_peer() {
    return SSL_get0_peer_certificate(stream_.native_handle()) != nullptr &&
           SSL_get_verify_result(stream_.native_handle()) == X509_V_OK;
  }

  std::shared_ptr<boost::asio::ssl::context> context_;
  bool read_pending_ = false, closing_send_ = false, close_note_sent_ = false, raw_ = false;
};

}  // namespace

std::unique_ptr<Transport> make_tls_transport(TcpSocket socket,
                                              std::shared_ptr<boost::asio::ssl::context> context,
                                              TransportEvents& events) {
  return std::make_unique<TlsTransport>(std::move(socket), std::move(context), events);
}

}  // namespace ferro::node::http
