// The cluster's part of /cluster/status and of the answers of /admin/drain.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "node/api/api.h"
#include "node/api/json_write.h"

namespace ferro::node::api {

// What other nodes say of themselves may hold anything: bytes that are no UTF-8 as '?'.
std::string printable(std::string_view text);

// Each appends keys to the object that is open.
void append_members(const cluster::ClusterStatus& status, JsonWriter& json);
void append_replication(const cluster::ClusterStatus& status, const ApiOptions& options, JsonWriter& json);
// `fixed_scope`: of the caller's token; names of other scopes are left out.
void append_partitions(const cluster::ClusterStatus& status, const std::optional<std::string>& fixed_scope,
                       JsonWriter& json);
void append_transfer(std::string_view name, const cluster::ClusterStatus::Transfer& transfer,
                     JsonWriter& json);
void append_credentials(const cluster::Credentials& credentials, JsonWriter& json);

}  // namespace ferro::node::api
