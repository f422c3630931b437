// HTTP exchanges with many nodes at once, on the calling thread, within one time. Private to nodeclient.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/time/clock.h"
#include "operator/nodeclient/node_client.h"

namespace ferro::oper::nodeclient {

struct HttpCall {
  bool post = false;
  bool remove = false;  // DELETE
  std::string target;
  size_t body_bytes_max = 0;     // of the answer; more is refused, not read
  int64_t timeout_ms = 0;        // of all exchanges together
  size_t at_once = 0;            // connections open at the same time
  bool may_take_longer = false;  // no answer in time to a request that was sent is as good as 202
};

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
};

// One connection for each node, made anew: so it is always today's certificates that are verified. Answers
// stand in the order of `nodes`; unreachable or unavailable (time-out) with a sentence that names the
// address. `io` is fresh; stopping it from another thread ends everything with unavailable.
std::vector<Result<HttpAnswer>> run_exchanges(boost::asio::io_context& io, const Clock& clock,
                                              const HttpCall& call, const NodeAccess& access,
                                              const std::vector<NodeAddress>& nodes);

}  // namespace ferro::oper::nodeclient
