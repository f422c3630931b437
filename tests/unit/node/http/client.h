// A blocking socket for tests that says exactly the bytes it is told to and reads whole answers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace ferro::node::http {

struct Answer {
  unsigned status = 0;
  std::string head;                            // status line and headers as received
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

// Cuts the first answer off `received`; nullopt if it is not whole yet. `bodiless`: the answer to HEAD.
std::optional<Answer> take_answer(std::string& received, bool bodiless = false);

// One connection to a server on loopback. Every wait is bounded: a server that does not answer fails the test
// instead of hanging it. Movable, one thread.
class Client {
 public:
  explicit Client(uint16_t port);
  ~Client();
  Client(Client&& other) noexcept;
  Client& operator=(Client&&) = delete;

  Client& send(std::string_view bytes);
  // False if the peer has reset the connection.
  bool try_send(std::string_view bytes);
  // No more from us; we still read.
  void close_send();
  // The next answer; nullopt if the connection ended or nothing came.
  std::optional<Answer> receive(bool bodiless = false);
  // True if the server closes (or resets) without sending another byte.
  bool is_closed();
  // True if nothing is to be read right now.
  bool is_quiet();
  int socket() const { return socket_; }

 private:
  // False at the end.
  bool fill();
  int socket_;
  std::string received_;
};

std::string get(std::string_view path, std::string_view headers = {});
std::string post(std::string_view path, std::string_view body, std::string_view headers = {});

}  // namespace ferro::node::http
