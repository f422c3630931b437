#include "node/http/basic_transport.h"

namespace ferro::node::http {
namespace {

class TcpTransport final : public BasicTransport<TcpSocket> {
 public:
  TcpTransport(TcpSocket socket, TransportEvents& events) : BasicTransport(events, std::move(socket)) {}

  void start() override {
    Error error;
    stream_.non_blocking(true, error);
    events_.on_ready(!error, false);
  }

  void read(std::span<char> into) override { read_from(stream_, into); }

  // Tries at once: an answer nearly always fits the kernel's buffer, and a trip through the event loop costs
  // as much as the answer itself.
  WriteState write(std::span<const std::string_view> parts) override {
    buffers_.assign(parts);
    while (!buffers_.empty()) {
      Error error;
      buffers_.consume(stream_.write_some(buffers_.view(), error));
      if (error == boost::asio::error::would_block) {
        write_rest();
        return WriteState::pending;
      }
      if (error) return WriteState::failed;
    }
    return WriteState::done;
  }

  void close_send() override { shut_down_socket(); }
};

}  // namespace

std::unique_ptr<Transport> make_tcp_transport(TcpSocket socket, TransportEvents& events) {
  return std::make_unique<TcpTransport>(std::move(socket), events);
}

}  // namespace ferro::node::http
