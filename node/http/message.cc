#include "node/http/message.h"

#include <algorithm>

#include "common/base/utf8.h"
#include "node/http/characters.h"

namespace ferro::node::http {
namespace {

class FunctionSink final : public ReplySink {
 public:
  explicit FunctionSink(Reply::Send send) : send_(std::move(send)) {}
  void answer(size_t /*slot*/, Response&& response) noexcept override { send_(std::move(response)); }

 private:
  Reply::Send send_;
};

// What clients' libraries send: application/x-www-form-urlencoded, where a space is '+' and a '+' is %2B.
std::optional<std::string> form_decode(std::string_view text) {
  std::string with_spaces(text);
  std::replace(with_spaces.begin(), with_spaces.end(), '+', ' ');
  return percent_decode(with_spaces);
}

}  // namespace

std::string_view to_string(Method method) noexcept {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::delete_:
      return "DELETE";
    case Method::head:
      return "HEAD";
    case Method::options:
      return "OPTIONS";
    case Method::patch:
      return "PATCH";
    case Method::other:
      return "other";
  }
  return "other";
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  if (!utf8_valid(out)) return std::nullopt;
  return out;
}

std::optional<std::string> Request::parameter(std::string_view name) const {
  std::string_view rest = query;
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const size_t equals = pair.find('=');
    const auto decoded_name = form_decode(pair.substr(0, equals));
    if (!decoded_name || *decoded_name != name) continue;
    return form_decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
  }
  return std::nullopt;
}

Reply::Reply(Send send) : sink_(std::make_shared<FunctionSink>(std::move(send))) {}

void Reply::drop() noexcept {
  (*this)({500, "application/json", R"({"error":"the request was dropped unanswered"})", {}});
}

}  // namespace ferro::node::http
