// Where a server listens, taken apart.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace ferro::oper::k8s {

struct ServerUrl {
  bool tls = true;
  std::string host;  // name or address, an IPv6 address without brackets
  uint16_t port = 443;
  std::string path_prefix;  // empty or "/...", without a slash at its end
  bool host_is_address = false;
};

// "https://host[:port][/path]" or "http://...". invalid_argument, telling what is wrong, for anything else.
Result<ServerUrl> parse_server_url(std::string_view text);
// "https://[fd00::1]:6443/prefix".
std::string to_text(const ServerUrl& url);

}  // namespace ferro::oper::k8s
