#include "common/base/status.h"

#include <cerrno>
#include <cstring>
#include <system_error>

namespace ferro {

std::string_view to_string(StatusCode code) noexcept {
  switch (code) {
    case StatusCode::ok:
      return "ok";
    case StatusCode::invalid_argument:
      return "invalid argument";
    case StatusCode::not_found:
      return "not found";
    case StatusCode::unauthenticated:
      return "unauthenticated";
    case StatusCode::permission_denied:
      return "permission denied";
    case StatusCode::too_large:
      return "too large";
    case StatusCode::failed_precondition:
      return "failed precondition";
    case StatusCode::unavailable:
      return "unavailable";
    case StatusCode::out_of_memory_budget:
      return "out of memory budget";
    case StatusCode::no_space:
      return "no space";
    case StatusCode::data_loss:
      return "data loss";
    case StatusCode::io_error:
      return "i/o error";
    case StatusCode::internal:
      return "internal error";
    case StatusCode::unreachable:
      return "unreachable";
  }
  return "unknown";
}

Status Status::from_errno(int error, std::string_view what) {
  const StatusCode code = (error == ENOSPC || error == EDQUOT)   ? StatusCode::no_space
                          : (error == EMFILE || error == ENFILE) ? StatusCode::unavailable
                          : (error == ENOENT)                    ? StatusCode::not_found
                                                                 : StatusCode::io_error;
  return {code, std::string(what) + ": " + std::generic_category().message(error)};
}

Status Status::with_context(std::string_view context) const {
  if (ok()) return *this;
  return {code_, std::string(context) + ": " + message_};
}

std::string Status::to_string() const {
  if (ok()) return "ok";
  return std::string(ferro::to_string(code_)) + ": " + message_;
}

}  // namespace ferro
