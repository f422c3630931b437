#include "operator/k8s/server_url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace ferro::oper::k8s {
namespace {

constexpr size_t kUrlBytesMax = 2048;

bool is_address(const std::string& host) {
  in6_addr scratch{};
  return inet_pton(AF_INET, host.c_str(), &scratch) == 1 || inet_pton(AF_INET6, host.c_str(), &scratch) == 1;
}

bool host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_';
}

bool path_character(char c) {
  return host_character(c) || c == '/' || c == '~' || c == '%' || c == ':' || c == '@';
}

Status wrong(std::string_view text, std::string_view why) {
  return Status::invalid("server \"" + std::string(text.substr(0, kUrlBytesMax)) + "\": " + std::string(why));
}

// Takes the host off `rest`; false if there is none that can be meant.
bool take_host(std::string_view& rest, ServerUrl& url) {
  if (rest.starts_with('[')) {
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) return false;
    url.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    url.host_is_address = is_address(url.host) && url.host.find(':') != std::string::npos;
    return url.host_is_address;
  }
  const size_t end = std::min(rest.find_first_of(":/"), rest.size());
  url.host = rest.substr(0, end);
  rest.remove_prefix(end);
  url.host_is_address = is_address(url.host);
  return !url.host.empty() && std::all_of(url.host.begin(), url.host.end(), host_character);
}

}  // namespace

Result<ServerUrl> parse_server_url(std::string_view text) {
  if (text.size() > kUrlBytesMax) return wrong(text, "too long");
  ServerUrl url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    url.tls = false;
    url.port = 80;
  } else {
    return wrong(text, "must start with https:// (or http://)");
  }
  if (!take_host(rest, url)) return wrong(text, "names no host");
  if (rest.starts_with(':')) {
    rest.remove_prefix(1);
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), url.port);
    if (error != std::errc() || url.port == 0) return wrong(text, "the port is not one of 1 to 65535");
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  }
  if (!rest.empty() && !rest.starts_with('/')) return wrong(text, "something stands behind host and port");
  if (!std::all_of(rest.begin(), rest.end(), path_character)) {
    return wrong(text, "the path may not hold a query, a fragment or characters that need escaping");
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  url.path_prefix = rest;
  return url;
}

std::string to_text(const ServerUrl& url) {
  const bool v6 = url.host.find(':') != std::string::npos;
  std::string text = url.tls ? "https://" : "http://";
  text.append(v6 ? "[" : "").append(url.host).append(v6 ? "]" : "");
  return text.append(":").append(std::to_string(url.port)).append(url.path_prefix);
}

}  // namespace ferro::oper::k8s
