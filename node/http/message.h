// What a handler sees of HTTP: a parsed request, a response to fill, a reply to give once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ferro::node::http {

enum class Method : uint8_t { get, post, put, delete_, head, options, patch, other };
std::string_view to_string(Method method) noexcept;

// Owned by its connection; valid, with every view into it, until the Reply was given.
struct Request {
  Method method = Method::get;
  std::string_view path;        // as sent, still percent-encoded, without the query string
  std::string_view query;       // after '?', still encoded; empty if none
  std::string_view body;        // complete, decoded from chunks
  std::string_view authorization;  // the header's value, empty if none
  std::string_view request_id;  // the caller's, or one made here
  bool accepts_gzip = false;
  bool over_mutual_tls = false;

  // The decoded value of a query parameter; nullopt if absent or not decodable.
  std::optional<std::string> parameter(std::string_view name) const;
};

// Percent-decodes ('+' stays '+'); nullopt for a broken escape or invalid UTF-8.
std::optional<std::string> percent_decode(std::string_view text);

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // e.g. Allow, Retry-After, WWW-Authenticate
};

// Gives the answer exactly once, from any thread; the connection's own core writes it. Dropping it unanswered answers
// 500. Move-only.
class Reply {
 public:
  using Send = std::function<void(Response&&)>;
  explicit Reply(Send send) : send_(std::make_unique<Send>(std::move(send))) {}
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&&) = delete;
  ~Reply() {
    if (send_) (*send_)({500, "application/json", R"({"error":"the request was dropped unanswered"})", {}});
  }
  void operator()(Response&& response) {
    auto send = std::move(send_);
    (*send)(std::move(response));
  }

 private:
  std::unique_ptr<Send> send_;
};

// Implemented by node/api. Called on the connection's core; must not block: what waits keeps the Reply and returns.
class Service {
 public:
  virtual ~Service() = default;
  virtual void handle(const Request& request, Reply reply) = 0;
  // A request that the HTTP layer refuses by itself (bad syntax, too large, overloaded): the body in the API's shape.
  virtual Response refuse(unsigned status, std::string_view reason) = 0;
};

}  // namespace ferro::node::http
