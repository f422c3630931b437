#include "operator/k8s/gated_transport.h"

#include <algorithm>

namespace ferro::oper::k8s {

Result<HttpResponse> GatedTransport::call(const HttpRequest& request) {
  if (request.method == "GET" || request.method == "HEAD") return inner_.call(request);
  const int64_t allowance_ms = gate_.write_allowance_ms();
  if (allowance_ms <= 0) {
    return Status(StatusCode::failed_precondition, "not sent: this process is not the leader");
  }
  if (request.timeout_ms > 0 && request.timeout_ms <= allowance_ms) return inner_.call(request);
  HttpRequest shorter = request;
  shorter.timeout_ms = allowance_ms;
  return inner_.call(shorter);
}

}  // namespace ferro::oper::k8s
