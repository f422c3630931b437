#include "operator/app/address.h"

#include <boost/asio/ip/address.hpp>
#include <charconv>

namespace ferro::oper::app {

Result<ListenAddress> parse_address(std::string_view text) {
  Status wrong = Status::invalid("\"" + std::string(text) + "\" is no HOST:PORT");
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong;
  const std::string_view port = text.substr(colon + 1);
  std::string_view host = text.substr(0, colon);
  ListenAddress address;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (port.empty() || error != std::errc() || end != port.data() + port.size()) return wrong;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  boost::system::error_code failed;
  if (!host.empty()) boost::asio::ip::make_address(host, failed);
  if (failed) return wrong;
  address.host = host;
  return address;
}

}  // namespace ferro::oper::app
