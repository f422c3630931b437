// What plain TCP and TLS have in common. Heavy with templates: included by tcp_transport.cc and
// tls_transport.cc only.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <utility>

#include "node/http/response_batch.h"
#include "node/http/transport.h"

namespace ferro::node::http {

// A gathered write's buffers, without the vector that asio's own types would copy into each operation.
class GatheredBuffers {
 public:
  using value_type = boost::asio::const_buffer;
  using const_iterator = const value_type*;

  void assign(std::span<const std::string_view> parts) noexcept {
    first_ = 0;
    count_ = parts.size();
    for (size_t i = 0; i < count_; ++i) buffers_[i] = {parts[i].data(), parts[i].size()};
  }
  // Drops what was written.
  void consume(size_t bytes) noexcept {
    while (first_ < count_ && bytes >= buffers_[first_].size()) bytes -= buffers_[first_++].size();
    if (first_ < count_) buffers_[first_] += bytes;
  }
  bool empty() const noexcept { return first_ == count_; }

  // What asio copies and iterates; the buffers stay where they are.
  struct View {
    using value_type = GatheredBuffers::value_type;
    using const_iterator = GatheredBuffers::const_iterator;
    const_iterator first, last;
    const_iterator begin() const noexcept { return first; }
    const_iterator end() const noexcept { return last; }
  };
  View view() const noexcept { return {buffers_.data() + first_, buffers_.data() + count_}; }

 private:
  std::array<value_type, ResponseBatch::kPartsMax> buffers_;
  size_t first_ = 0, count_ = 0;
};

// Stream: TcpSocket or an SSL stream over it.
template <typename Stream>
class BasicTransport : public Transport {
 public:
  template <typename... Arguments>
  explicit BasicTransport(TransportEvents& events, Arguments&&... arguments)
      : events_(events), stream_(std::forward<Arguments>(arguments)...) {}

  void close() noexcept override {
    boost::system::error_code ignored;
    socket().close(ignored);
  }

  // Only while no write is pending, which it would end too.
  void cancel_read() noexcept override {
    boost::system::error_code ignored;
    socket().cancel(ignored);
  }

  bool has_input() noexcept override {
    boost::system::error_code error;
    return socket().available(error) > 0 && !error;
  }

 protected:
  using Error = boost::system::error_code;

  auto& socket() noexcept { return stream_.lowest_layer(); }

  template <typename Readable>
  void read_from(Readable& from, std::span<char> into) {
    from.async_read_some(
        boost::asio::buffer(into.data(), into.size()),
        [this, alive = events_.shared_from_this()](Error error, size_t bytes) { read_done(error, bytes); });
  }
  virtual void read_done(Error error, size_t bytes) {
    const ReadEnd end = !error                                           ? ReadEnd::data
                        : error == boost::asio::error::eof               ? ReadEnd::end_of_stream
                        : error == boost::asio::error::operation_aborted ? ReadEnd::cancelled
                                                                         : ReadEnd::failed;
    events_.on_read(bytes, end);
  }

  void write_rest() {
    stream_.async_write_some(buffers_.view(),
                             [this, alive = events_.shared_from_this()](Error error, size_t bytes) {
                               buffers_.consume(bytes);
                               if (error || buffers_.empty()) return events_.on_written(!error);
                               events_.on_write_progress();
                               write_rest();
                             });
  }

  void shut_down_socket() {
    Error ignored;
    socket().shutdown(boost::asio::socket_base::shutdown_send, ignored);
    events_.on_send_closed();
  }

  TransportEvents& events_;
  Stream stream_;
  GatheredBuffers buffers_;
};

}  // namespace ferro::node::http
