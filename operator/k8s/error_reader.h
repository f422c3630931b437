// From what the server sent to an ApiError. Pure functions; the bytes are anybody's.
#pragma once

#include <string_view>

#include "operator/k8s/client.h"
#include "operator/k8s/transport.h"

namespace ferro::oper::k8s {

// `secret`: the object that was sent must not be quoted: the server's message, which may repeat a value, is
// replaced by its reason and the names of the fields.
ApiError error_of_response(const HttpResponse& response, bool secret = false);
// A metav1.Status, as the body of an answer or as the object of a watch's ERROR event.
ApiError error_of_status(const Json& status, int http_status, int64_t retry_after_ms, bool secret);
// No answer came.
ApiError error_of_transport(const Status& status);

}  // namespace ferro::oper::k8s
