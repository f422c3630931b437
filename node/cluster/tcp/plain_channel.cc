#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

#include "common/base/status.h"
#include "node/cluster/tcp/channel.h"
#include "node/cluster/tcp/send_queue.h"

namespace ferro::node::cluster {
namespace {

class PlainChannel final : public Channel {
 public:
  explicit PlainChannel(int socket) : socket_(socket) {}

  Need shake_hands() override { return Need::nothing; }

  Moved read(std::span<char> into) override {
    const ssize_t bytes = recv(socket_, into.data(), into.size(), 0);
    if (bytes > 0) return {static_cast<size_t>(bytes)};
    if (bytes == 0) return {0, Need::ended};
    return failed_or(Need::readable);
  }

  Moved write(std::span<const std::string_view> parts) override {
    std::array<iovec, SendQueue::kPartsMax> vectors;
    for (size_t i = 0; i < parts.size(); ++i)
      vectors[i] = {const_cast<char*>(parts[i].data()), parts[i].size()};  // sendmsg only reads it
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = parts.size();
    const ssize_t bytes = sendmsg(socket_, &message, MSG_NOSIGNAL);
    if (bytes >= 0) return {static_cast<size_t>(bytes)};
    return failed_or(Need::writable);
  }

  void say_goodbye() override {}
  std::string error() const override { return Status::from_errno(error_, "the connection").message(); }
  std::shared_ptr<const security::PeerCertificate> peer() const override { return nullptr; }

 private:
  Moved failed_or(Need would_block) {
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return {0, would_block};
    error_ = errno;
    return {0, Need::failed};
  }

  const int socket_;
  int error_ = 0;
};

}  // namespace

std::unique_ptr<Channel> make_plain_channel(int socket) {
  return std::make_unique<PlainChannel>(socket);
}

}  // namespace ferro::node::cluster
