#include "tests/unit/node/http/client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace ferro::node::http {
namespace {

constexpr int kPatienceMs = 60'000;  // far above every timeout that a test configures

bool wait_for(int socket, short events, int timeout_ms) {
  pollfd entry{socket, events, 0};
  int ready = 0;
  do {
    ready = poll(&entry, 1, timeout_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(tolower(c)); });
  return text;
}

Answer parse_head(std::string head) {
  Answer answer;
  answer.status = static_cast<unsigned>(std::stoul(head.substr(9, 3)));
  size_t at = head.find("\r\n") + 2;
  while (at < head.size()) {
    const size_t end = head.find("\r\n", at);
    if (end == at) break;
    const std::string line = head.substr(at, end - at);
    const size_t colon = line.find(": ");
    answer.headers[lower(line.substr(0, colon))] = line.substr(colon + 2);
    at = end + 2;
  }
  answer.head = std::move(head);
  return answer;
}

}  // namespace

Client::Client(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

Client::~Client() {
  if (socket_ >= 0) close(socket_);
}

Client::Client(Client&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), received_(std::move(other.received_)) {}

bool Client::try_send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

Client& Client::send(std::string_view bytes) {
  EXPECT_TRUE(try_send(bytes)) << "the server has reset the connection";
  return *this;
}

void Client::close_send() {
  shutdown(socket_, SHUT_WR);
}

bool Client::fill() {
  if (!wait_for(socket_, POLLIN, kPatienceMs)) {
    ADD_FAILURE() << "no answer within " << kPatienceMs << " ms; received so far: " << received_;
    return false;
  }
  char bytes[65'536];
  const ssize_t size = recv(socket_, bytes, sizeof bytes, 0);
  if (size <= 0) return false;
  received_.append(bytes, static_cast<size_t>(size));
  return true;
}

std::optional<Answer> take_answer(std::string& received, bool bodiless) {
  const size_t end = received.find("\r\n\r\n");
  if (end == std::string::npos) return std::nullopt;
  Answer answer = parse_head(received.substr(0, end + 4));
  const size_t size = bodiless || answer.status == 100 ? 0 : std::stoul(answer.header("content-length"));
  if (received.size() - end - 4 < size) return std::nullopt;
  answer.body = received.substr(end + 4, size);
  received.erase(0, end + 4 + size);
  return answer;
}

std::optional<Answer> Client::receive(bool bodiless) {
  while (true) {
    if (auto answer = take_answer(received_, bodiless)) return answer;
    if (!fill()) return std::nullopt;
  }
}

bool Client::is_closed() {
  return received_.empty() && !fill() && received_.empty();
}

bool Client::is_quiet() {
  return received_.empty() && !wait_for(socket_, POLLIN, 0);
}

std::string get(std::string_view path, std::string_view headers) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" + std::string(headers) + "\r\n";
}

std::string post(std::string_view path, std::string_view body, std::string_view headers) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

}  // namespace ferro::node::http
