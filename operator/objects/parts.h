// One function an object: parts of `render`, apart so that each can be read and tested alone. What they
// return lacks the applied-hash, which `render` adds last.
#pragma once

#include <nlohmann/json.hpp>

#include "operator/objects/objects.h"

namespace ferro::oper::objects {

Json config_map(const api::Cluster& cluster);
Json service_account(const api::Cluster& cluster);
Json client_service(const api::Cluster& cluster);
Json nodes_service(const api::Cluster& cluster);
Json disruption_budget(const api::Cluster& cluster);
Json network_policy(const api::Cluster& cluster, const RenderInputs& inputs);
Json service_monitor(const api::Cluster& cluster);
Json prometheus_rule(const api::Cluster& cluster);
Json dashboards(const api::Cluster& cluster);
Json pod_template(const api::Cluster& cluster, const RenderInputs& inputs);
Json stateful_set(const api::Cluster& cluster, const RenderInputs& inputs, int64_t replicas);

// Lower-case hexadecimal SHA-256 of the object in its canonical form (sorted keys, no blanks), 16 digits of
// it: equal texts mean equal objects for every purpose of ours.
std::string hash_of(const Json& object);

// {apiVersion, kind, metadata} of an owned object.
Json owned(const api::Cluster& cluster, const k8s::Resource& resource, std::string_view name);

}  // namespace ferro::oper::objects
