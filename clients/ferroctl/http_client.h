// A blocking HTTP client for one base URL (cpprestsdk, seen by http_client.cc alone). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace ferro::ferroctl {

using Json = nlohmann::json;

struct HttpOptions {
  std::string base_url;
  Secret token;         // empty = none is sent
  std::string ca_file;  // empty = the system's authorities
  std::string cert_file, key_file;
  int64_t timeout_ms = 10'000;
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

class HttpClient {
 public:
  // invalid_argument for a URL that is none.
  static Result<std::unique_ptr<HttpClient>> open(HttpOptions options);
  virtual ~HttpClient() = default;
  // Any complete answer; unreachable, naming the URL, if none came.
  virtual Result<HttpAnswer> call(std::string_view method, const std::string& target,
                                  const std::string& body = {}) = 0;
  virtual const std::string& base_url() const = 0;

  // The JSON of a 2xx answer. Others become the Status that they mean, with the server's sentence.
  Result<Json> json(std::string_view method, const std::string& target, const Json& body = nullptr);
};

// One path segment or query value, percent-encoded.
std::string escaped(std::string_view text);

}  // namespace ferro::ferroctl
