#include "node/cluster/tcp/tcp_link.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace ferro::node::cluster {

namespace asio = boost::asio;

namespace {

constexpr int64_t kMsNs = 1'000'000;
// Read in one go; then the other links have their turn.
constexpr size_t kReadBytesMax = 1U << 20;

void set_number(int socket, int level, int name, int value) {
  setsockopt(socket, level, name, &value, sizeof value);  // better without than not at all
}

}  // namespace

TcpLink::TcpLink(LinkOwner& owner, LinkId id, bool outgoing)
    : owner_(owner), id_(id), outgoing_(outgoing), socket_(owner.loop().context().get_executor()) {}

void TcpLink::arm(int64_t timeout_ms, const char* what) {
  disarm();
  timer_ = owner_.loop().after(timeout_ms, [self = shared_from_this(), what] {
    self->timer_ = 0;
    if (self->state_ == State::connecting && !self->addresses_.empty()) {
      Error ignored;
      self->socket_.close(ignored);  // the pending connect ends, and the next address follows
      return;
    }
    self->fail(Status::unavailable(what));
  });
}

void TcpLink::disarm() {
  if (timer_ != 0) owner_.loop().cancel(std::exchange(timer_, 0));
}

void TcpLink::begin_connect() {
  state_ = State::resolving;
  connect_by_ns_ = owner_.loop().clock().steady_ns() + owner_.options().connect_timeout_ms * kMsNs;
  arm(owner_.options().connect_timeout_ms, "its name was not resolved in time");
}

int64_t TcpLink::connect_ms_left() {
  return std::max<int64_t>(1, (connect_by_ns_ - owner_.loop().clock().steady_ns()) / kMsNs);
}

void TcpLink::connect(std::vector<TcpAddress> addresses) {
  if (state_ != State::resolving) return;
  addresses_ = std::move(addresses);
  std::reverse(addresses_.begin(), addresses_.end());
  try_next_address();
}

// Each address gets an equal share of the time that is left: one that swallows packets does not hide another
// that answers.
void TcpLink::try_next_address() {
  const int64_t share_ms = connect_ms_left() / static_cast<int64_t>(addresses_.size());
  const TcpAddress address = addresses_.back();
  addresses_.pop_back();
  state_ = State::connecting;
  arm(std::max<int64_t>(1, share_ms), "the connection was not answered in time");
  const auto connected = [self = shared_from_this()](const Error& error) {
    if (self->state_ != State::connecting) return;
    self->disarm();
    if (!error) return self->begin_handshake(self->connect_ms_left());
    if (!self->addresses_.empty()) return self->try_next_address();
    self->fail(Status::unavailable("connecting: " + error.message()));
  };
  Error error;
  socket_.close(error);
  socket_.open(address.protocol(), error);
  if (error) return connected(error);  // no such protocol here, or no descriptors
  socket_.async_connect(address, connected);
}

void TcpLink::accept(TcpSocket socket) {
  socket_ = std::move(socket);
  begin_handshake(owner_.options().handshake_timeout_ms);
}

void TcpLink::set_options() {
  Error ignored;
  const TcpAddress remote = socket_.remote_endpoint(ignored);
  remote_ = to_string(Endpoint{remote.address().to_string(), remote.port()});
  socket_.native_non_blocking(true, ignored);
  const int socket = socket_.native_handle();
  const auto silence_ms = static_cast<int>(owner_.options().silence_timeout_ms);
  constexpr int kKeepalives = 3;
  set_number(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set_number(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_number(socket, IPPROTO_TCP, TCP_KEEPIDLE, std::max(1, silence_ms / 1000));
  set_number(socket, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, silence_ms / 1000 / kKeepalives));
  set_number(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepalives);
  set_number(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, silence_ms);
}

void TcpLink::begin_handshake(int64_t timeout_ms) {
  set_options();
  state_ = State::shaking_hands;
  if (owner_.options().tls != nullptr) {
    tls_ = owner_.options().tls->current();
    channel_ = make_tls_channel(socket_.native_handle(), tls_, !outgoing_);
    if (channel_ == nullptr) return fail(Status::unavailable("no memory for a TLS connection"));
  } else {
    channel_ = make_plain_channel(socket_.native_handle());
  }
  arm(timeout_ms, "the handshake was not finished in time");
  step();
}

// Something may have become possible: goes as far as it can and waits for what is needed then. What is to be
// sent at the end of this turn waits for that.
void TcpLink::step() {
  if (state_ == State::shaking_hands) shake_hands();
  if (state_ != State::up) return;
  read_frames();
  if (state_ == State::up && !is_dirty) flush();
}

std::string TcpLink::remote_host() const {
  const auto endpoint = parse_endpoint(remote_);
  return endpoint.ok() ? endpoint->host : std::string();
}

Status TcpLink::broken(std::string why) const {
  return {channel_->is_refusal() ? StatusCode::permission_denied : StatusCode::unavailable, std::move(why)};
}

void TcpLink::shake_hands() {
  const Need need = channel_->shake_hands();
  if (need == Need::ended || need == Need::failed) {
    const std::string why = need == Need::failed ? channel_->error() : "closed by the other side";
    return fail(broken("handshake: " + why));
  }
  if (need != Need::nothing) return stand_by(need);
  disarm();
  state_ = State::up;
  was_up_ = true;
  judged_by = tls_ != nullptr ? tls_->generation : 0;
  peer_ = channel_->peer();
  owner_.on_up(*this);
}

void TcpLink::read_frames() {
  for (size_t total = 0; total < kReadBytesMax;) {
    const Moved moved = channel_->read(received_.space());
    if (moved.need == Need::ended) return fail(Status::unavailable("closed by the other side"));
    if (moved.need == Need::failed) return fail(broken(channel_->error()));
    if (moved.need != Need::nothing) return stand_by(moved.need);
    total += moved.bytes;
    received_.filled(moved.bytes);
    owner_.counts().bytes_received.fetch_add(moved.bytes, std::memory_order_relaxed);
    if (!deliver_frames()) return;
  }
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->step(); });
}

// False if that was the link's end.
bool TcpLink::deliver_frames() {
  while (true) {
    const auto frame = received_.next();
    if (!frame.ok()) {
      fail(frame.status());
      return false;
    }
    if (!frame->has_value()) return true;
    owner_.counts().frames_received.fetch_add(1, std::memory_order_relaxed);
    owner_.on_frame(*this, **frame);
    if (state_ != State::up) return false;
  }
}

void TcpLink::send(std::string frame) {
  queue_.push(std::move(frame));
  owner_.counts().frames_sent.fetch_add(1, std::memory_order_relaxed);
  if (!waits_writable_) owner_.flush_soon(*this);
}

void TcpLink::flush() {
  while (state_ == State::up && !queue_.empty() && !waits_writable_) {
    const Moved moved = channel_->write(queue_.parts());
    if (moved.need == Need::failed || moved.need == Need::ended)
      return fail(Status::unavailable(channel_->error()));
    if (moved.need != Need::nothing) return stand_by(moved.need);
    queue_.written(moved.bytes);
    owner_.counts().bytes_sent.fetch_add(moved.bytes, std::memory_order_relaxed);
  }
}

void TcpLink::stand_by(Need need) {
  bool& waits = need == Need::readable ? waits_readable_ : waits_writable_;
  if (std::exchange(waits, true)) return;
  const auto kind = need == Need::readable ? asio::socket_base::wait_read : asio::socket_base::wait_write;
  socket_.async_wait(kind, [self = shared_from_this(), need](const Error& error) {
    (need == Need::readable ? self->waits_readable_ : self->waits_writable_) = false;
    if (self->state_ == State::closed) return;
    if (error) return self->fail(Status::unavailable(error.message()));
    self->step();
  });
}

void TcpLink::end(bool broken) {
  disarm();
  if (state_ == State::up) {
    while (!broken && !queue_.empty()) {
      const Moved moved = channel_->write(queue_.parts());
      if (moved.need != Need::nothing) break;
      queue_.written(moved.bytes);
    }
    if (!broken && queue_.empty()) channel_->say_goodbye();
    owner_.counts().links.fetch_sub(1, std::memory_order_relaxed);
  }
  state_ = State::closed;
  Error ignored;
  socket_.close(ignored);
}

void TcpLink::close() {
  if (state_ != State::closed) end(false);
}

void TcpLink::fail(const Status& why) {
  if (state_ == State::closed) return;
  if (state_ == State::shaking_hands)
    owner_.counts().handshakes_failed.fetch_add(1, std::memory_order_relaxed);
  end(true);
  owner_.on_failed(*this, why);
}

}  // namespace ferro::node::cluster
