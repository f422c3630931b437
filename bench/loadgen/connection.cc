#include "bench/loadgen/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

namespace ferro::bench::loadgen {

namespace {

constexpr int kWaitMs = 120'000;

// The value of Content-Length in a response head, case-insensitively; 0 if there is none.
size_t content_length(std::string_view head) {
  static constexpr std::string_view kName = "\r\ncontent-length:";
  const auto at = std::search(head.begin(), head.end(), kName.begin(), kName.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  });
  if (at == head.end()) return 0;
  const char* begin = &*at + kName.size();
  while (*begin == ' ') ++begin;
  size_t value = 0;
  std::from_chars(begin, head.data() + head.size(), value);
  return value;
}

}  // namespace

Connection::~Connection() {
  if (fd_ >= 0) ::close(fd_);
}

Connection::Connection(Connection&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Status Connection::open(const std::string& host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
    return Status::invalid("not an IPv4 address: " + host);
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return Status::from_errno(errno, "socket");
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    return Status::from_errno(errno, "connect to port " + std::to_string(port));
  }
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
  return {};
}

Connection::Progress Connection::start() {
  in_.clear();
  sent_ = head_bytes_ = body_bytes_ = 0;
  return on_writable();
}

Connection::Progress Connection::on_writable() {
  while (sent_ < out_.size()) {
    const ssize_t wrote = ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    if (wrote < 0) return errno == EAGAIN || errno == EINTR ? Progress::waiting : Progress::failed;
    sent_ += static_cast<size_t>(wrote);
  }
  return Progress::waiting;
}

Connection::Progress Connection::on_readable() {
  char buffer[65536];
  for (;;) {
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    if (got == 0) return Progress::failed;
    if (got < 0) return errno == EAGAIN || errno == EINTR ? Progress::waiting : Progress::failed;
    in_.append(buffer, static_cast<size_t>(got));
    if (answer_complete()) return Progress::answered;
    if (static_cast<size_t>(got) < sizeof buffer) return Progress::waiting;
  }
}

bool Connection::answer_complete() {
  if (head_bytes_ == 0) {
    const size_t end = in_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    head_bytes_ = end + 4;
    const std::string_view head(in_.data(), head_bytes_);
    body_bytes_ = content_length(head);
    status_ = 0;
    if (head.size() > 12) std::from_chars(head.data() + 9, head.data() + 12, status_);
  }
  return in_.size() >= head_bytes_ + body_bytes_;
}

Connection::Progress Connection::wait() {
  for (;;) {
    pollfd waiting{fd_, static_cast<short>(POLLIN | (wants_write() ? POLLOUT : 0)), 0};
    if (::poll(&waiting, 1, kWaitMs) <= 0) return Progress::failed;
    if ((waiting.revents & POLLOUT) != 0 && on_writable() == Progress::failed) return Progress::failed;
    if ((waiting.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      const Progress progress = on_readable();
      if (progress != Progress::waiting) return progress;
    }
  }
}

}  // namespace ferro::bench::loadgen
