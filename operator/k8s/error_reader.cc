#include "operator/k8s/error_reader.h"

#include <algorithm>

#include "common/base/utf8.h"
#include "operator/k8s/json_text.h"

namespace ferro::oper::k8s {
namespace {

constexpr size_t kMessageBytesMax = 2048;        // the server repeats whole objects now and then
constexpr int64_t kRetryAfterMaxSeconds = 3600;  // beyond it nobody waits anyway; keeps sums from overflowing

ErrorKind kind_of(int http_status, std::string_view reason) {
  switch (http_status) {
    case 401:
      return ErrorKind::unauthorized;
    case 403:
      return ErrorKind::forbidden;
    case 404:
      return ErrorKind::not_found;
    case 409:
      return reason == "AlreadyExists" ? ErrorKind::already_exists : ErrorKind::conflict;
    case 410:
      return ErrorKind::gone;
    case 429:
      return ErrorKind::too_many;
    default:
      if (http_status >= 500 && http_status <= 599) return ErrorKind::server;
      return http_status >= 400 && http_status <= 499 ? ErrorKind::invalid : ErrorKind::malformed;
  }
}

// At most kMessageBytesMax, never half a character, nothing that a terminal would obey.
std::string clean(std::string_view text) {
  std::string out;
  while (!text.empty() && out.size() < kMessageBytesMax) {
    const size_t length = utf8_length(text);
    if (length == 0 || (length == 1 && static_cast<unsigned char>(text.front()) < 0x20)) {
      out.push_back(' ');
      text.remove_prefix(1);
    } else {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
    }
  }
  return out;
}

const Json* causes_of(const Json& status) {
  const Json* causes = find(status, {"details", "causes"});
  return causes != nullptr && causes->is_array() ? causes : nullptr;
}

std::string field_names(const Json& status) {
  std::string names;
  if (const Json* causes = causes_of(status)) {
    for (const Json& cause : *causes) {
      const std::string field = string_at(cause, {"field"});
      if (!field.empty()) names.append(names.empty() ? " (" : ", ").append(field);
    }
  }
  return names.empty() ? names : names + ")";
}

bool is_terminating(const Json& status, ErrorKind kind) {
  if (kind == ErrorKind::not_found) return string_at(status, {"details", "kind"}) == "namespaces";
  if (kind != ErrorKind::forbidden && kind != ErrorKind::conflict) return false;
  if (const Json* causes = causes_of(status)) {
    return std::any_of(causes->begin(), causes->end(), [](const Json& cause) {
      return string_at(cause, {"reason"}) == "NamespaceTerminating";
    });
  }
  return false;
}

}  // namespace

Status ApiError::to_status() const {
  StatusCode code = StatusCode::internal;
  switch (kind) {
    case ErrorKind::unreachable:
      code = StatusCode::unreachable;
      break;
    case ErrorKind::unauthorized:
      code = StatusCode::unauthenticated;
      break;
    case ErrorKind::forbidden:
      code = StatusCode::permission_denied;
      break;
    case ErrorKind::not_found:
      code = StatusCode::not_found;
      break;
    case ErrorKind::already_exists:
    case ErrorKind::conflict:
    case ErrorKind::gone:
    case ErrorKind::not_leader:
      code = StatusCode::failed_precondition;
      break;
    case ErrorKind::invalid:
      code = StatusCode::invalid_argument;
      break;
    case ErrorKind::too_many:
    case ErrorKind::server:
      code = StatusCode::unavailable;
      break;
    case ErrorKind::malformed:
      code = StatusCode::internal;
      break;
  }
  std::string text = message.empty() ? reason : message;
  if (http_status != 0) text += " (HTTP " + std::to_string(http_status) + ")";
  return {code, std::move(text)};
}

ApiError error_of_status(const Json& status, int http_status, int64_t retry_after_ms, bool secret) {
  ApiError error;
  error.http_status = http_status;
  error.reason = clean(string_at(status, {"reason"}));
  error.kind = kind_of(http_status, error.reason);
  error.message = secret ? "the server's message is withheld: " +
                               (error.reason.empty() ? std::string("no reason given") : error.reason) +
                               clean(field_names(status))
                         : clean(string_at(status, {"message"}));
  error.terminating = is_terminating(status, error.kind);
  error.retry_after_ms = retry_after_ms;
  const Json* seconds = find(status, {"details", "retryAfterSeconds"});
  if (seconds != nullptr && seconds->is_number_integer()) {
    const int64_t bounded = std::clamp<int64_t>(seconds->get<int64_t>(), 0, kRetryAfterMaxSeconds);
    if (bounded > 0) error.retry_after_ms = std::max(error.retry_after_ms, bounded * 1000);
  }
  return error;
}

ApiError error_of_response(const HttpResponse& response, bool secret) {
  const std::optional<Json> body = parse_json(response.body);
  if (body && body->is_object() && string_at(*body, {"kind"}) == "Status") {
    return error_of_status(*body, response.status, response.retry_after_ms, secret);
  }
  // A proxy on the way, or a server too busy for its own format.
  ApiError error = error_of_status(Json::object(), response.status, response.retry_after_ms, false);
  error.message = secret ? "an answer that is no Status object" : clean(response.body);
  if (error.message.empty()) error.message = "an empty answer";
  return error;
}

ApiError error_of_transport(const Status& status) {
  ApiError error;
  error.message = clean(status.message());
  switch (status.code()) {
    case StatusCode::failed_precondition:
      error.kind = ErrorKind::not_leader;
      break;
    case StatusCode::too_large:
      error.kind = ErrorKind::malformed;
      break;
    default:
      error.kind = ErrorKind::unreachable;
  }
  return error;
}

}  // namespace ferro::oper::k8s
