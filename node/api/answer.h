// Answers in the API's shape.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "node/http/message.h"

namespace ferro::node::api {

unsigned http_status(StatusCode code) noexcept;

http::Response json_answer(std::string body, unsigned status = 200);
// {"error": message}; 401 adds WWW-Authenticate, 429 and 503 add Retry-After.
http::Response error_answer(unsigned status, std::string_view message);
http::Response error_answer(const Status& status);
// {"error": message, "status": N}: the failure of one item of a batch.
void append_item_error(const Status& status, std::string& out);

// A Reply that a copyable callback can hold. The callback is called once, and so is the reply.
using SharedReply = std::shared_ptr<http::Reply>;
SharedReply share(http::Reply reply);

// A callback for a result that may come from any thread: `make(reply, result)` runs on the request's own
// core, at once if the result came there, so that whoever brings it only hands over.
template <typename T, typename Make>
std::function<void(T)> on_own_core(http::Reply reply, Make make) {
  struct Waiting {
    http::Reply reply;
    Make make;
  };
  const auto waiting = std::make_shared<Waiting>(Waiting{std::move(reply), std::move(make)});
  return [waiting](T result) {
    if (waiting->reply.is_here()) return waiting->make(waiting->reply, std::move(result));
    waiting->reply.run_there([waiting, result = std::move(result)]() mutable {
      waiting->make(waiting->reply, std::move(result));
    });
  };
}

}  // namespace ferro::node::api
