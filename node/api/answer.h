// Answers in the API's shape.
#pragma once

#include <memory>
#include <string>
#include <string_view>

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

}  // namespace ferro::node::api
