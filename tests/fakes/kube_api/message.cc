#include "tests/fakes/kube_api/message.h"

#include <charconv>

namespace ferro::fakes::kube {

std::string percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      unsigned value = 0;
      const auto [end, error] = std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
      if (error == std::errc() && end == text.data() + i + 3) {
        out.push_back(static_cast<char>(value));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i] == '+' ? ' ' : text[i]);
  }
  return out;
}

Request Request::of(std::string_view method, std::string_view target, std::string_view content_type,
                    std::string_view body) {
  Request request;
  request.method = method;
  request.content_type = content_type;
  request.body = body;
  const size_t mark = target.find('?');
  request.path = percent_decode(target.substr(0, mark));
  if (mark == std::string_view::npos) return request;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    const size_t equals = std::min(pair.find('='), pair.size());
    request.query[percent_decode(pair.substr(0, equals))] =
        equals < pair.size() ? percent_decode(pair.substr(equals + 1)) : std::string();
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return request;
}

Response failure(int code, std::string_view reason, std::string_view message, const Json& details) {
  Response response;
  response.status = code;
  response.body = {{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", Json::object()},
                   {"status", "Failure"}, {"code", code},       {"reason", reason},
                   {"message", message}};
  if (!details.is_null()) response.body["details"] = details;
  return response;
}

Response invalid(std::string_view kind, std::string_view name, const std::vector<Cause>& causes) {
  Json list = Json::array();
  std::string message = std::string(kind).append(" \"").append(name).append("\" is invalid: ");
  for (const Cause& cause : causes) {
    list.push_back({{"reason", cause.reason}, {"message", cause.message}, {"field", cause.field}});
    if (list.size() > 1) message.append(", ");
    message.append(cause.field).append(": ").append(cause.message);
  }
  return failure(422, "Invalid", message, {{"name", name}, {"kind", kind}, {"causes", list}});
}

const Json* at(const Json& object, std::initializer_list<std::string_view> path) {
  const Json* here = &object;
  for (const std::string_view key : path) {
    if (!here->is_object()) return nullptr;
    const auto found = here->find(key);
    if (found == here->end()) return nullptr;
    here = &*found;
  }
  return here;
}

std::string text_at(const Json& object, std::initializer_list<std::string_view> path) {
  const Json* here = at(object, path);
  return here != nullptr && here->is_string() ? here->get<std::string>() : std::string();
}

}  // namespace ferro::fakes::kube
