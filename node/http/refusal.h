// Answers that the HTTP layer gives by itself.
#pragma once

#include <string_view>

#include "node/http/message.h"

namespace ferro::node::http {

// The service's wording; a plain one if it throws. 503 always says when to try again.
Response make_refusal(Service& service, unsigned status, std::string_view reason) noexcept;

}  // namespace ferro::node::http
