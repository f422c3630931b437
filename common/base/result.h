// Either a value or the Status that says why there is none. Reading the value of a failed Result aborts.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "common/base/assert.h"
#include "common/base/status.h"

namespace ferro {

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {
    FERRO_ASSERT(!std::get<1>(state_).ok(), "a Result without a value needs a failed Status");
  }

  bool ok() const noexcept { return state_.index() == 0; }
  Status status() const { return ok() ? Status() : std::get<1>(state_); }

  T& value() & {
    FERRO_ASSERT(ok(), "value() of a failed Result");
    return std::get<0>(state_);
  }
  const T& value() const& {
    FERRO_ASSERT(ok(), "value() of a failed Result");
    return std::get<0>(state_);
  }
  T&& value() && {
    FERRO_ASSERT(ok(), "value() of a failed Result");
    return std::get<0>(std::move(state_));
  }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace ferro

#define FERRO_CONCAT_INNER(a, b) a##b
#define FERRO_CONCAT(a, b) FERRO_CONCAT_INNER(a, b)

// Returns the failed Status of `expression` from the enclosing function.
#define FERRO_RETURN_IF_ERROR(expression)                                                     \
  do {                                                                                        \
    if (::ferro::Status ferro_status = (expression); !ferro_status.ok()) return ferro_status; \
  } while (false)

// FERRO_ASSIGN_OR_RETURN(auto x, f()): x is the value, or the function returns the Status.
#define FERRO_ASSIGN_OR_RETURN(target, expression) \
  FERRO_ASSIGN_OR_RETURN_INNER(FERRO_CONCAT(ferro_result_, __LINE__), target, expression)
#define FERRO_ASSIGN_OR_RETURN_INNER(result, target, expression) \
  auto result = (expression);                                    \
  if (!result.ok()) return result.status();                      \
  target = std::move(result).value()
