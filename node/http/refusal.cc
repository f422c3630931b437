#include "node/http/refusal.h"

#include <algorithm>
#include <exception>
#include <string>

#include "common/obs/log.h"

namespace ferro::node::http {
namespace {

constexpr const char* kRetryAfterSeconds = "1";

Response ask(Service& service, unsigned status, std::string_view reason) {
  try {
    return service.refuse(status, reason);
  } catch (const std::exception& failure) {
    obs::error("wording a refusal failed", {{"error", failure.what()}});
    return {status, "application/json", R"({"error":"the request was refused"})", {}};
  }
}

}  // namespace

Response make_refusal(Service& service, unsigned status, std::string_view reason) noexcept {
  Response response = ask(service, status, reason);
  const bool says_when = std::any_of(response.headers.begin(), response.headers.end(),
                                     [](const auto& header) { return header.first == "Retry-After"; });
  if (status == 503 && !says_when) response.headers.emplace_back("Retry-After", kRetryAfterSeconds);
  return response;
}

}  // namespace ferro::node::http
