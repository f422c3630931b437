#include "node/app/startup_service.h"

#include <string>
#include <utility>

namespace ferro::node::app {

void StartupService::handle(const http::Request& request, http::Reply reply) {
  if (http::Service* api = api_.load(std::memory_order_acquire); api != nullptr) {
    api->handle(request, std::move(reply));
    return;
  }
  if (request.path == "/livez") {
    reply({200, "application/json", R"({"status":"ok"})", {}});
    return;
  }
  constexpr std::string_view kReason = "the node is recovering its data; try again shortly";
  http::Response answer = refuse(503, kReason);
  if (request.path == "/readyz") {  // as the API words it
    answer.body.insert(1, R"("status":"not_ready","reason":")" + std::string(kReason) + "\",");
  }
  reply(std::move(answer));
}

http::Response StartupService::refuse(unsigned status, std::string_view reason) {
  if (http::Service* api = api_.load(std::memory_order_acquire); api != nullptr)
    return api->refuse(status, reason);
  // Every reason given while starting is a constant of ours without characters that JSON would escape.
  http::Response response{status, "application/json", R"({"error":")" + std::string(reason) + "\"}", {}};
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace ferro::node::app
