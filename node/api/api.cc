#include "node/api/api.h"

#include <exception>
#include <utility>

#include "common/obs/log.h"
#include "node/api/answer.h"
#include "node/api/authenticate.h"
#include "node/api/call.h"
#include "node/api/json_read.h"
#include "node/api/router.h"

namespace ferro::node::api {
namespace {

http::Response options_answer(const Route& path) {
  http::Response response;
  response.status = 204;
  response.headers.emplace_back("Allow", allowed_methods(path));
  return response;
}

http::Response method_not_allowed(const Route& path, http::Method method) {
  const std::string allowed = allowed_methods(path);
  http::Response response = error_answer(
      405, "this path does not take " + std::string(http::to_string(method)) + ": use one of " + allowed);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

class NodeApi final : public Api {
 public:
  NodeApi(ApiOptions options, const ApiParts& parts) : backend_(std::move(options), parts) {}

  void begin_drain() override { backend_.stopping = true; }

  http::Response refuse(unsigned status, std::string_view reason) override {
    return error_answer(status, reason);
  }

  void handle(const http::Request& request, http::Reply reply) override {
    try {
      dispatch(request, std::move(reply));
    } catch (const std::exception& failure) {
      // Out of memory, most likely. The reply was dropped on the way, which answered 500.
      obs::error("a request failed", {{"reason", failure.what()}});
    }
    JsonReader::of_this_thread().forget_large_body();
  }

 private:
  bool is_open(const Route& route) const {
    return route.access == Access::open ||
           (route.access == Access::metrics && !backend_.options.metrics_auth);
  }

  // 401 before 404, so that a stranger learns nothing about the paths; then 405, 403, and the handler.
  void dispatch(const http::Request& request, http::Reply reply) {
    const Match match = find_route(request.method, request.path);
    Caller caller;
    if (match.path == nullptr || !is_open(*match.path)) {
      Result<Caller> known = authenticate(backend_.tokens, request);
      if (!known.ok()) return reply(error_answer(known.status()));
      caller = std::move(known).value();
    }
    if (match.path == nullptr) return reply(error_answer(404, "no such path: GET /openapi.json lists them"));
    if (request.method == http::Method::options) return reply(options_answer(*match.path));
    if (match.route == nullptr) return reply(method_not_allowed(*match.path, request.method));
    if (const Status allowed = authorise(caller, *match.route); !allowed.ok())
      return reply(error_answer(allowed));

    std::optional<std::string> segment = http::percent_decode(match.segment);
    if (!segment || !http::percent_decode(request.query)) {
      return reply(error_answer(400, "the address has a broken percent-encoding: escape it as UTF-8"));
    }
    match.route->handler(Call{backend_, request, std::move(caller), *std::move(segment), std::move(reply)});
  }

  Backend backend_;
};

}  // namespace

std::unique_ptr<Api> Api::create(ApiOptions options, const ApiParts& parts) {
  return std::make_unique<NodeApi>(std::move(options), parts);
}

}  // namespace ferro::node::api
