// GET /openapi.json.
#include "node/api/openapi.h"

#include <string>
#include <utility>

#include "node/api/answer.h"
#include "node/api/handlers.h"

namespace ferro::node::api {

void handle_openapi(Call&& call) {
  call.reply(json_answer(std::string(openapi_document())));
}

}  // namespace ferro::node::api
