// What the API server said when it did not do what was asked: typed, so that callers branch on meaning and
// not on text.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

#include "common/base/assert.h"
#include "common/base/status.h"

namespace ferro::oper::k8s {

enum class ErrorKind : uint8_t {
  unreachable,     // no complete answer: it is not known whether the request was carried out
  unauthorized,    // 401
  forbidden,       // 403; in a namespace that is being deleted final, see `terminating`
  not_found,       // 404
  already_exists,  // 409 AlreadyExists
  conflict,        // 409: another writer was faster, or a precondition failed
  gone,            // 410: the resource version is too old, list again
  invalid,         // 400, 422: the object itself is refused
  too_many,        // 429: wait `retry_after_ms`
  server,          // 5xx
  malformed,       // an answer that is no JSON object of the expected shape
  not_leader,      // not sent: this process leads no longer (WriteGate), or is stopping
};

struct ApiError {
  ErrorKind kind = ErrorKind::server;
  int http_status = 0;
  std::string reason;   // metav1.Status.reason
  std::string message;  // for people; never holds the content of a Secret
  int64_t retry_after_ms = -1;
  bool terminating = false;  // the namespace is going: creating is pointless

  Status to_status() const;
};

// A value or an ApiError.
template <typename T>
class [[nodiscard]] ApiResult {
 public:
  ApiResult(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  ApiResult(ApiError error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const noexcept { return state_.index() == 0; }
  const ApiError& error() const {
    FERRO_ASSERT(!ok(), "error() of a good ApiResult");
    return std::get<1>(state_);
  }
  T& value() & {
    FERRO_ASSERT(ok(), "value() of a failed ApiResult");
    return std::get<0>(state_);
  }
  const T& value() const& {
    FERRO_ASSERT(ok(), "value() of a failed ApiResult");
    return std::get<0>(state_);
  }
  T&& value() && {
    FERRO_ASSERT(ok(), "value() of a failed ApiResult");
    return std::get<0>(std::move(state_));
  }

 private:
  std::variant<T, ApiError> state_;
};

}  // namespace ferro::oper::k8s
