// A blocking HTTP client for one base URL (cpprestsdk, seen by http_client.cc alone). One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/base/secret.h"

namespace ferro::ferroctl {

using Json = nlohmann::json;

struct HttpOptions {
  std::string base_url;
  Secret token;         // empty = none is sent
  std::string ca_file;  // empty = the system's authorities ...
  std::string ca_pem;   // ... unless these are given
  std::string cert_file, key_file;
  int64_t timeout_ms = 10'000;
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

class HttpClient {
 public:
  // Enough to keep a node of a few cores busy, and far below its http.max_inflight_requests.
  static constexpr size_t kTogether = 32;
  // invalid_argument for a URL that is none.
  static Result<std::unique_ptr<HttpClient>> open(HttpOptions options);
  virtual ~HttpClient() = default;
  // Any complete answer; unreachable, naming the URL, if none came, too_large if the body was not taken.
  virtual Result<HttpAnswer> call(std::string_view method, const std::string& target,
                                  const std::string& body = {}) = 0;
  // GETs of all targets, kTogether of them under way at once; their answers to `take`, in the order of the
  // targets, one at a time. The first failure of `take` ends it and is returned.
  using Take = std::function<Status(size_t index, const Result<HttpAnswer>& answer)>;
  virtual Status get_each(const std::vector<std::string>& targets, const Take& take) = 0;
  virtual const std::string& base_url() const = 0;
  // The same settings (token, authorities) for another base URL, and at most so long for a request.
  virtual Result<std::unique_ptr<HttpClient>> to(const std::string& base_url,
                                                 int64_t timeout_ms_max = INT64_MAX) const = 0;

  // The JSON of a 2xx answer. Others become the Status that they mean, with the server's sentence.
  Result<Json> json(std::string_view method, const std::string& target, const Json& body = nullptr);
};

// The JSON of a 2xx answer, else the Status that it means.
Result<Json> json_of(const HttpAnswer& answer);
// For an answer that is not 2xx: the same.
Status meaning_of(const HttpAnswer& answer);
// One path segment or query value, percent-encoded.
std::string escaped(std::string_view text);

}  // namespace ferro::ferroctl
