// Where a server listens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ferro::oper::app {

struct ListenAddress {
  std::string host;  // an IP address; empty = every address of the machine
  uint16_t port = 0;
};

// ":8080", "127.0.0.1:8080", "[::1]:8080". Port 0 = any free one.
Result<ListenAddress> parse_address(std::string_view text);

}  // namespace ferro::oper::app
