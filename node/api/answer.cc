#include "node/api/answer.h"

#include <utility>

#include "node/api/json_write.h"

namespace ferro::node::api {

unsigned http_status(StatusCode code) noexcept {
  switch (code) {
    case StatusCode::ok:
      return 200;
    case StatusCode::invalid_argument:
      return 400;
    case StatusCode::unauthenticated:
      return 401;
    case StatusCode::permission_denied:
      return 403;
    case StatusCode::not_found:
      return 404;
    case StatusCode::failed_precondition:
      return 409;
    case StatusCode::too_large:
      return 413;
    case StatusCode::unreachable:
      return 502;
    case StatusCode::unavailable:
      return 503;
    case StatusCode::out_of_memory_budget:
    case StatusCode::no_space:
      return 507;
    case StatusCode::data_loss:
    case StatusCode::io_error:
    case StatusCode::internal:
      return 500;
  }
  return 500;
}

http::Response json_answer(std::string body, unsigned status) {
  http::Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

http::Response error_answer(unsigned status, std::string_view message) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("error").string(message).end_object();
  http::Response response = json_answer(std::move(body), status);
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

http::Response error_answer(const Status& status) {
  return error_answer(http_status(status.code()), status.message());
}

void append_item_error(const Status& status, std::string& out) {
  JsonWriter json(out);
  json.begin_object().key("error").string(status.message());
  json.key("status").number(uint64_t{http_status(status.code())}).end_object();
}

SharedReply share(http::Reply reply) {
  return std::make_shared<http::Reply>(std::move(reply));
}

}  // namespace ferro::node::api
