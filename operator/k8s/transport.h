// The one way to the API server's bytes, so that everything above runs against a fake in tests. The product's
// implementation is on cpprestsdk (cpprest_transport.cc, the only file that includes it).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace ferro::oper::k8s {

struct HttpRequest {
  std::string method;  // GET, POST, PUT, PATCH, DELETE
  std::string target;  // path and query, already percent-encoded
  std::string content_type{};
  std::string body{};
  int64_t timeout_ms = 0;             // of the whole exchange; for a stream the longest silence
  size_t line_bytes_max = 32U << 20;  // of a stream: a longer line is handed over cut to this length
};

struct HttpResponse {
  int status = 0;
  std::string body;
  int64_t retry_after_ms = -1;  // Retry-After as sent; -1 = none
};

// Thread-safe; owned by main, outlives every client. Adds credentials by itself. Any HTTP status is an
// answer. A failed Status means that no complete answer came: unavailable for a time-out or a silence,
// failed_precondition if nothing was sent or the stream was interrupted because the process may not or will
// not go on, too_large for a body beyond the bound, unreachable for everything else.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Result<HttpResponse> call(const HttpRequest& request) = 0;
  // Hands over the body line by line as it arrives, on the calling thread, until the server ends it in good
  // order or `on_line` answers false (an answer with an empty body), the silence lasts `timeout_ms`, the
  // connection breaks (a line without its end is not handed over) or `interrupt_streams` is called. An answer
  // other than 200 is returned whole and no line is handed over.
  virtual Result<HttpResponse> stream(const HttpRequest& request,
                                      const std::function<bool(std::string_view line)>& on_line) = 0;
  // Ends every running stream and refuses further ones, for a stop within bounded time.
  virtual void interrupt_streams() = 0;
};

}  // namespace ferro::oper::k8s
