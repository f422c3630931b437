// Outcome of an operation that can fail for reasons outside this process.
//
// Values; free to copy and move; an ok Status holds no allocation. No exception crosses a module: wrap
// third-party throws where they arise. Add context once per layer with `with_context`, log once at the top.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace ferro {

enum class StatusCode : uint8_t {
  ok = 0,
  invalid_argument,      // the caller must change the request (HTTP 400)
  not_found,             // 404
  unauthenticated,       // 401
  permission_denied,     // 403
  too_large,             // 413
  failed_precondition,   // right request, wrong moment; retrying alone does not help
  unavailable,           // overloaded, starting or stopping: retry later (503)
  out_of_memory_budget,  // memory budget reached, nothing evictable (507)
  no_space,              // the disk is full (507)
  data_loss,             // stored bytes fail verification
  io_error,              // the operating system refused (500)
  internal,              // ours (500)
  unreachable,           // no node that could answer was reached in time (502)
};

std::string_view to_string(StatusCode code) noexcept;

class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status ok_status() noexcept { return {}; }
  static Status invalid(std::string message) { return {StatusCode::invalid_argument, std::move(message)}; }
  static Status not_found(std::string message) { return {StatusCode::not_found, std::move(message)}; }
  static Status unavailable(std::string message) { return {StatusCode::unavailable, std::move(message)}; }
  static Status unreachable(std::string message) { return {StatusCode::unreachable, std::move(message)}; }
  static Status io_error(std::string message) { return {StatusCode::io_error, std::move(message)}; }
  static Status data_loss(std::string message) { return {StatusCode::data_loss, std::move(message)}; }
  static Status internal(std::string message) { return {StatusCode::internal, std::move(message)}; }
  // `what` failed with this errno; ENOSPC and EDQUOT become no_space, EMFILE and ENFILE (out of descriptors)
  // unavailable.
  static Status from_errno(int error, std::string_view what);

  bool ok() const noexcept { return code_ == StatusCode::ok; }
  StatusCode code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  // "context: message", same code.
  Status with_context(std::string_view context) const;
  // "code: message" for logs.
  std::string to_string() const;

  friend bool operator==(const Status&, const Status&) = default;

 private:
  StatusCode code_ = StatusCode::ok;
  std::string message_;
};

}  // namespace ferro
