// What a handler sees of HTTP: a parsed request, a response to fill, a reply to give once.
#pragma once

#include <cstddef>
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

// Readable (not meaningful) bytes behind a body, so that simdjson may parse it where it stands.
inline constexpr size_t kBodyPadding = 64;

// Owned by its connection; valid, with every view into it, until the Reply was given.
struct Request {
  Method method = Method::get;
  std::string_view path;           // as sent, still percent-encoded, without the query string
  std::string_view query;          // after '?', still encoded; empty if none
  std::string_view body;           // complete, decoded from chunks; kBodyPadding readable bytes follow it
  std::string_view authorization;  // the header's value, empty if none
  std::string_view request_id;     // the caller's, or one made here
  bool accepts_gzip = false;
  bool over_mutual_tls = false;

  // The decoded value of a query parameter, '+' being a space as in an HTML form; nullopt if absent or not
  // decodable.
  std::optional<std::string> parameter(std::string_view name) const;
};

// Percent-decodes a path ('+' stays '+'); nullopt for a broken escape or invalid UTF-8.
std::optional<std::string> percent_decode(std::string_view text);

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // e.g. Allow, Retry-After, WWW-Authenticate
};

// Takes the answers of one connection; `slot` says which request is answered. Any thread, once a slot.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual void answer(size_t slot, Response&& response) noexcept = 0;
  // Is this the thread of the connection's core? And what else shall run there, in the order of calling, if
  // the core still runs; elsewhere than there.
  virtual bool is_here() const noexcept { return true; }
  virtual void run_there(std::function<void()> work) { work(); }
};

// Gives the answer exactly once, from any thread; the connection's own core writes it. Dropping it unanswered
// answers 500. Move-only.
class Reply {
 public:
  using Send = std::function<void(Response&&)>;
  Reply(std::shared_ptr<ReplySink> sink, size_t slot) noexcept : sink_(std::move(sink)), slot_(slot) {}
  explicit Reply(Send send);  // `send` must not throw
  Reply(Reply&&) noexcept = default;
  Reply& operator=(Reply&&) = delete;
  ~Reply() {
    if (sink_) drop();
  }
  void operator()(Response&& response) {
    const auto sink = std::move(sink_);
    sink->answer(slot_, std::move(response));
  }
  // Is this the connection's own core? Results from elsewhere are taken there before an answer is made of
  // them, so that whoever brings them only hands over. `work` is destroyed unrun if the core has ended.
  bool is_here() const noexcept { return sink_->is_here(); }
  void run_there(std::function<void()> work) const {
    const std::shared_ptr<ReplySink> sink = sink_;  // the work may take the reply away
    sink->run_there(std::move(work));
  }

 private:
  void drop() noexcept;
  std::shared_ptr<ReplySink> sink_;
  size_t slot_ = 0;
};

// Implemented by node/api. Called on the connection's core; must not block: what waits keeps the Reply and
// returns.
class Service {
 public:
  virtual ~Service() = default;
  virtual void handle(const Request& request, Reply reply) = 0;
  // A request that the HTTP layer refuses by itself (bad syntax, too large, overloaded): the body in the
  // API's shape.
  virtual Response refuse(unsigned status, std::string_view reason) = 0;
};

}  // namespace ferro::node::http
