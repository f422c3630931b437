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

// `OPTIONS *`: what some path takes (RFC 9110 section 9.3.7).
http::Response options_of_server() {
  http::Response response;
  response.status = 204;
  response.headers.emplace_back("Allow", "GET, HEAD, POST, DELETE, OPTIONS");
  return response;
}

http::Response method_not_allowed(const Route& path, http::Method method) {
  const std::string allowed = allowed_methods(path);
  http::Response response = error_answer(
      405, "this path does not take " + std::string(http::to_string(method)) + ": use one of " + allowed);
  response.headers.emplace_back("Allow", allowed);
  return response;
}

// Which port a request came in through, and so who it may be.
enum class Door : unsigned char { clients, peers };

class NodeApi final : public Api {
 public:
  NodeApi(ApiOptions options, const ApiParts& parts) : backend_(std::move(options), parts) {}

  void begin_drain() override { backend_.stopping = true; }
  http::Service& for_peers() override { return peers_; }

  http::Response refuse(unsigned status, std::string_view reason) override {
    return error_answer(status, reason);
  }
  void handle(const http::Request& request, http::Reply reply) override {
    handle_from(Door::clients, request, std::move(reply));
  }

 private:
  class Peers final : public http::Service {
   public:
    explicit Peers(NodeApi& api) : api_(api) {}
    void handle(const http::Request& request, http::Reply reply) override {
      api_.handle_from(Door::peers, request, std::move(reply));
    }
    http::Response refuse(unsigned status, std::string_view reason) override {
      return error_answer(status, reason);
    }

   private:
    NodeApi& api_;
  };

  void handle_from(Door door, const http::Request& request, http::Reply reply) {
    try {
      dispatch(door, request, std::move(reply));
    } catch (const std::exception& failure) {
      // Out of memory, most likely. The reply was dropped on the way, which answered 500.
      obs::error("a request failed", {{"reason", failure.what()}});
    }
    JsonReader::of_this_thread().forget_large_body();
  }

  bool is_open(const Route& route) const {
    return route.access == Access::open ||
           (route.access == Access::metrics && !backend_.options.metrics_auth);
  }
  // Where nodes have certificates, an open public port shows nothing of what is between them.
  bool is_closed(Door door, const Route& route) const {
    return route.access == Access::internal && door == Door::clients && backend_.options.node_credentials &&
           !backend_.tokens.enabled();
  }

  // 401 before 404, so that a stranger learns nothing about the paths; then 405, 403, and the handler.
  void dispatch(Door door, const http::Request& request, http::Reply reply) {
    const Match match = find_route(request.method, request.path);
    Caller caller;
    if (match.path == nullptr || !is_open(*match.path)) {
      Result<Caller> known =
          door == Door::peers ? authenticate_peer(request) : authenticate(backend_, request);
      if (!known.ok()) return reply(error_answer(known.status()));
      caller = std::move(known).value();
    }
    if (request.method == http::Method::options && request.path == "*") return reply(options_of_server());
    if (match.path == nullptr) return reply(error_answer(404, "no such path: GET /openapi.json lists them"));
    if (request.method == http::Method::options) return reply(options_answer(*match.path));
    if (match.route == nullptr) return reply(method_not_allowed(*match.path, request.method));
    if (is_closed(door, *match.route)) {
      return reply(error_answer(
          403, "this route is between nodes: ask on cluster.tls.internal_port with a certificate"));
    }
    if (const Status allowed = authorise(caller, *match.route); !allowed.ok())
      return reply(error_answer(allowed));

    std::optional<std::string> segment = http::percent_decode(match.segment);
    if (!segment || !http::percent_decode(request.query)) {
      return reply(error_answer(400, "the address has a broken percent-encoding: escape it as UTF-8"));
    }
    match.route->handler(Call{backend_, request, std::move(caller), *std::move(segment), std::move(reply)});
  }

  Backend backend_;
  Peers peers_{*this};
};

}  // namespace

std::unique_ptr<Api> Api::create(ApiOptions options, const ApiParts& parts) {
  return std::make_unique<NodeApi>(std::move(options), parts);
}

}  // namespace ferro::node::api
