// One connection: made or accepted, the handshake, then frames both ways. Private to tcp.
//
// Kept by its network while open and by its pending operations; on the loop.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>
#include <vector>

#include "node/cluster/tcp/channel.h"
#include "node/cluster/tcp/frame_buffer.h"
#include "node/cluster/tcp/send_queue.h"
#include "node/cluster/tcp/tcp_network.h"

namespace ferro::node::cluster {

using TcpSocket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
using TcpAddress = boost::asio::ip::tcp::endpoint;

class TcpLink;

// What a link needs of its network and tells it.
class LinkOwner {
 public:
  virtual ~LinkOwner() = default;
  virtual const TcpOptions& options() const = 0;
  virtual AsioLoop& loop() = 0;
  virtual TcpFigures& counts() = 0;
  virtual void on_up(TcpLink& link) = 0;
  virtual void on_frame(TcpLink& link, std::string_view frame) = 0;
  virtual void on_failed(TcpLink& link, const Status& why) = 0;  // closed already
  virtual void flush_soon(TcpLink& link) = 0;
};

class TcpLink : public std::enable_shared_from_this<TcpLink> {
 public:
  TcpLink(LinkOwner& owner, LinkId id, bool outgoing);

  // An outgoing one: its time begins, then, unless that is over, it tries one address after the other.
  void begin_connect();
  void connect(std::vector<TcpAddress> addresses);
  void accept(TcpSocket socket);
  // Nothing of it reaches the owner any more. What waits goes out if it can at once.
  void close();
  // The same, told to the owner.
  void fail(const Status& why);

  void send(std::string frame);
  void flush();

  LinkId id() const noexcept { return id_; }
  bool outgoing() const noexcept { return outgoing_; }
  bool is_up() const noexcept { return state_ == State::up; }
  bool was_up() const noexcept { return was_up_; }
  size_t waiting_bytes() const noexcept { return queue_.bytes(); }
  // Null without TLS or before the handshake.
  const security::PeerCertificate* peer() const noexcept { return peer_.get(); }
  // What this side has shown; null without TLS.
  const security::PeerTls::InForce* made_under() const noexcept { return tls_.get(); }
  const std::string& remote() const noexcept { return remote_; }  // address:port
  std::string remote_host() const;                                // the address

  // The network's: frames wait for a flush; what the peer's certificate was last held against.
  bool is_dirty = false;
  uint64_t judged_by = 0;

 private:
  enum class State : unsigned char { idle, resolving, connecting, shaking_hands, up, closed };
  using Error = boost::system::error_code;

  void try_next_address();
  int64_t connect_ms_left();
  void end(bool broken);
  Status broken(std::string why) const;
  void set_options();
  void begin_handshake(int64_t timeout_ms);
  void step();
  void shake_hands();
  void read_frames();
  bool deliver_frames();
  void stand_by(Need need);
  void arm(int64_t timeout_ms, const char* what);
  void disarm();

  LinkOwner& owner_;
  const LinkId id_;
  const bool outgoing_;
  State state_ = State::idle;
  TcpSocket socket_;
  std::vector<TcpAddress> addresses_;  // still to be tried, last one first
  int64_t connect_by_ns_ = 0;
  Loop::TimerId timer_ = 0;
  std::shared_ptr<const security::PeerTls::InForce> tls_;
  std::unique_ptr<Channel> channel_;
  std::shared_ptr<const security::PeerCertificate> peer_;
  FrameBuffer received_;
  SendQueue queue_;
  bool waits_readable_ = false, waits_writable_ = false, was_up_ = false;
  std::string remote_;  // known once connected
};

}  // namespace ferro::node::cluster
