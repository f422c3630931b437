// The port between nodes. Private to tcp. Owned by the network, on the loop but for open().
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>

#include "node/cluster/tcp/asio_loop.h"
#include "node/cluster/tcp/tcp_link.h"

namespace ferro::node::cluster {

class TcpListener {
 public:
  using Accepted = std::function<void(TcpSocket socket)>;

  explicit TcpListener(AsioLoop& loop);
  ~TcpListener() { close(); }

  Status open(const Endpoint& bind);
  uint16_t port() const noexcept { return port_; }
  void start(Accepted accepted);
  void close();

 private:
  struct State;
  static void accept_next(const std::shared_ptr<State>& state);

  const std::shared_ptr<State> state_;  // kept by the pending accept too
  uint16_t port_ = 0;
};

}  // namespace ferro::node::cluster
