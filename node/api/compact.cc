// POST /admin/compact: a snapshot now, and the log behind it dropped.
#include <string>
#include <utility>

#include "node/api/answer.h"
#include "node/api/handlers.h"
#include "node/api/json_write.h"

namespace ferro::node::api {

void handle_compact(Call&& call) {
  call.backend.engine.compact(
      [reply = share(std::move(call.reply))](const Result<engine::CompactResult>& result) {
        if (!result.ok()) return (*reply)(error_answer(result.status()));
        std::string body;
        JsonWriter json(body);
        json.begin_object().key("status").string("ok").key("entries_snapshotted").number(result->entries);
        json.key("wal_sequence").number(result->wal_sequence).end_object();
        (*reply)(json_answer(std::move(body)));
      });
}

}  // namespace ferro::node::api
