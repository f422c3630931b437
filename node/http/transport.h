// The bytes under a connection: plain TCP or TLS on top of it. Two implementations of one template, compiled
// apart from everything else.
//
// Owned by its connection and used on its core. Calls answer through TransportEvents, later and on the same
// core; the connection is kept alive until then.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <span>
#include <string_view>

namespace ferro::node::http {

// With the executor's own type: asio's default one would be asked through a virtual call for every operation.
using TcpSocket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

enum class ReadEnd : unsigned char { data, end_of_stream, cancelled, failed };
enum class WriteState : unsigned char { done, pending, failed };

// Implemented by the connection.
class TransportEvents : public std::enable_shared_from_this<TransportEvents> {
 public:
  virtual ~TransportEvents() = default;
  virtual void on_ready(bool ok, bool mutual_tls) = 0;
  virtual void on_read(size_t bytes, ReadEnd end) = 0;
  virtual void on_write_progress() = 0;  // a part of a pending write has gone out
  virtual void on_written(bool ok) = 0;
  virtual void on_send_closed() = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  // The TLS greeting, if any; on_ready follows, perhaps at once.
  virtual void start() = 0;
  // One at a time; on_read follows. `into` stays until then.
  virtual void read(std::span<char> into) = 0;
  // Ends a read that runs: on_read follows with what had arrived already, or `cancelled`.
  virtual void cancel_read() noexcept = 0;
  // All of `parts`, one call at a time; `pending`: on_written follows and `parts` stay until then.
  virtual WriteState write(std::span<const std::string_view> parts) = 0;
  // Says to the peer that nothing more comes; on_send_closed follows, perhaps at once. After it, reads give
  // raw bytes that are only good for throwing away.
  virtual void close_send() = 0;
  // Aborts whatever runs. Idempotent.
  virtual void close() noexcept = 0;
  // Bytes wait in the kernel to be read.
  virtual bool has_input() noexcept = 0;
};

std::unique_ptr<Transport> make_tcp_transport(TcpSocket socket, TransportEvents& events);
std::unique_ptr<Transport> make_tls_transport(TcpSocket socket,
                                              std::shared_ptr<boost::asio::ssl::context> context,
                                              TransportEvents& events);

}  // namespace ferro::node::http
