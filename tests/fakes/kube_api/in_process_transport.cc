#include "tests/fakes/kube_api/in_process_transport.h"

#include <algorithm>
#include <utility>

namespace ferro::fakes::kube {
namespace {

using oper::k8s::HttpRequest;
using oper::k8s::HttpResponse;

constexpr int64_t kPollMs = 50;

HttpResponse to_http(const Response& response) {
  return {response.status, response.body.dump(),
          response.retry_after_s < 0 ? -1 : response.retry_after_s * 1000};
}

HttpResponse faulty_answer(const Fault& fault) {
  Response response =
      failure(fault.status, fault.status == 429 ? "TooManyRequests" : "InternalError", "injected");
  response.retry_after_s = fault.retry_after_s;
  return to_http(response);
}

Status broken() {
  return Status::unreachable("injected: the connection broke");
}

Status interrupted() {
  return {StatusCode::failed_precondition, "interrupted"};
}

}  // namespace

Result<HttpResponse> InProcessTransport::call(const HttpRequest& request) {
  if (cut_off_) return broken();
  const Request parsed = Request::of(request.method, request.target, request.content_type, request.body);
  const Fault fault = server_.next_fault(parsed);
  switch (fault.kind) {
    case Fault::Kind::drop_request:
      return broken();
    case Fault::Kind::answer:
      return faulty_answer(fault);
    case Fault::Kind::silence:
      pass(request.timeout_ms);
      return Status::unavailable("injected: no answer in time");
    case Fault::Kind::delay:
      pass(std::min(fault.delay_ms, request.timeout_ms));
      if (fault.delay_ms >= request.timeout_ms) return Status::unavailable("injected: no answer in time");
      break;
    case Fault::Kind::twice:
      server_.handle(parsed);
      break;
    default:
      break;
  }
  const Response response = server_.handle(parsed);
  if (fault.kind == Fault::Kind::drop_answer) return broken();
  return to_http(response);
}

Result<HttpResponse> InProcessTransport::stream(const HttpRequest& request,
                                                const std::function<bool(std::string_view line)>& on_line) {
  if (interrupted_) return interrupted();
  if (cut_off_) return broken();
  const Request parsed = Request::of(request.method, request.target, request.content_type, request.body);
  const Fault fault = server_.next_fault(parsed);
  if (fault.kind == Fault::Kind::drop_request) return broken();
  if (fault.kind == Fault::Kind::answer) return faulty_answer(fault);
  Response refused;
  const std::shared_ptr<Watch> watch = server_.open_watch(parsed, refused);
  if (watch == nullptr) return to_http(refused);
  return run_watch(request, fault, *watch, on_line);
}

Result<HttpResponse> InProcessTransport::run_watch(
    const HttpRequest& request, const Fault& fault, Watch& watch,
    const std::function<bool(std::string_view line)>& on_line) {
  const auto give = [&](std::string_view line) {
    if (line.ends_with('\n')) line.remove_suffix(1);
    return on_line(line.substr(0, request.line_bytes_max));
  };
  const HttpResponse closed{200, {}, -1};
  if (fault.kind == Fault::Kind::garbage) {
    for (const char* line :
         {"{\"type\":\"ADDED\",\"object\":{\"met", "{\"type\":\"WHAT\",\"object\":{}}", "\xff\xfe"}) {
      if (!give(line)) return closed;
    }
  }
  for (size_t events = 0;; ++events) {
    if (interrupted_) return interrupted();
    if (cut_off_) return broken();
    if (events >= fault.after_events) {
      switch (fault.kind) {
        case Fault::Kind::end_early:
          return closed;
        case Fault::Kind::gone:
          give(ApiServer::error_line(410, "Expired", "injected: too old resource version"));
          return closed;
        case Fault::Kind::error:
          give(ApiServer::error_line(500, "InternalError", "injected: etcdserver: no leader"));
          return closed;
        case Fault::Kind::cut:
          return broken();
        case Fault::Kind::silence:
          pass(request.timeout_ms);
          return Status::unavailable("injected: silence");
        default:
          break;
      }
    }
    const std::optional<std::string> line = server_.next_line(watch, options_.blocking_watches ? kPollMs : 0);
    if (!line) {
      if (watch.over()) return closed;
      if (options_.blocking_watches) continue;
      if (const std::optional<std::string> bookmark = server_.bookmark_line(watch)) give(*bookmark);
      return closed;
    }
    if (!give(*line)) return closed;
    if (fault.kind == Fault::Kind::repeat && !give(*line)) return closed;
  }
}

void InProcessTransport::interrupt_streams() {
  interrupted_ = true;
  server_.wake_watches();
}

}  // namespace ferro::fakes::kube
