// What came of performing one action.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/status.h"
#include "operator/k8s/error.h"

namespace ferro::oper::exec {

struct Outcome {
  Status status;         // why it failed; ok if it was done, or there was nothing to do (any more)
  bool changed = false;  // something was written, deleted or told a node
  std::optional<k8s::ErrorKind> api_error;  // of the API server
  int64_t retry_after_ms = 0;
  bool terminating = false;  // the namespace is going: nothing can be made in it any more

  bool ok() const noexcept { return status.ok(); }

  static Outcome nothing() { return {}; }
  static Outcome done() {
    Outcome outcome;
    outcome.changed = true;
    return outcome;
  }
  static Outcome failed(Status status) {
    Outcome outcome;
    outcome.status = std::move(status);
    return outcome;
  }
  static Outcome failed(const k8s::ApiError& error, std::string_view doing) {
    Outcome outcome = failed(error.to_status().with_context(doing));
    outcome.api_error = error.kind;
    outcome.retry_after_ms = error.retry_after_ms > 0 ? error.retry_after_ms : 0;
    outcome.terminating = error.terminating;
    return outcome;
  }
};

}  // namespace ferro::oper::exec
