// GET /metrics.
#include <utility>

#include "node/api/handlers.h"

namespace ferro::node::api {

void handle_metrics(Call&& call) {
  http::Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = call.backend.metrics.scrape();
  call.reply(std::move(response));
}

}  // namespace ferro::node::api
