// A request to the fake API server and its answer, whichever door it came through.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace ferro::fakes::kube {

using Json = nlohmann::json;

struct Request {
  std::string method;
  std::string path;
  std::map<std::string, std::string> query;
  std::string content_type;
  std::string body;

  // Splits and decodes a request target.
  static Request of(std::string_view method, std::string_view target, std::string_view content_type,
                    std::string_view body);
  std::string param(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
  }
  bool is_watch() const { return method == "GET" && (param("watch") == "1" || param("watch") == "true"); }
};

struct Response {
  int status = 200;
  Json body;
  int64_t retry_after_s = -1;

  bool ok() const { return status >= 200 && status <= 299; }
};

struct Cause {
  std::string reason;
  std::string message;
  std::string field;
};

// A metav1.Status.
Response failure(int code, std::string_view reason, std::string_view message, const Json& details = Json());
Response invalid(std::string_view kind, std::string_view name, const std::vector<Cause>& causes);

std::string percent_decode(std::string_view text);

// The value at a path of keys, created or null; and its string.
const Json* at(const Json& object, std::initializer_list<std::string_view> path);
std::string text_at(const Json& object, std::initializer_list<std::string_view> path);

}  // namespace ferro::fakes::kube
