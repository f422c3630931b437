// One handler a route. Each gives `call.reply` exactly once, now or from the engine's callback.
#pragma once

#include "node/api/call.h"

namespace ferro::node::api {

void handle_insert(Call&& call);
void handle_query(Call&& call);
void handle_insert_batch(Call&& call);
void handle_query_batch(Call&& call);
void handle_read_entry(Call&& call);
void handle_read_internal_entry(Call&& call);
void handle_delete_entry(Call&& call);
void handle_list_namespaces(Call&& call);
void handle_drop_named_namespace(Call&& call);
void handle_drop_namespace(Call&& call);
void handle_invalidate(Call&& call);
void handle_compact(Call&& call);
void handle_start_drain(Call&& call);
void handle_cancel_drain(Call&& call);
void handle_entry_stats(Call&& call);
void handle_stats(Call&& call);
void handle_cluster_status(Call&& call);
void handle_health(Call&& call);
void handle_livez(Call&& call);
void handle_readyz(Call&& call);
void handle_metrics(Call&& call);
void handle_openapi(Call&& call);

}  // namespace ferro::node::api
