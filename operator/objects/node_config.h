// The configuration file of the nodes of a cluster: what the spec means in the node's own keys.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "operator/api/spec.h"

namespace ferro::oper::objects {

// Where things are inside the container.
inline constexpr std::string_view kConfigFolder = "/etc/ferrocache/config";
inline constexpr std::string_view kConfigFile = "ferrocache.yaml";
inline constexpr std::string_view kTokenFolder = "/etc/ferrocache/tokens";
inline constexpr std::string_view kTokenFile = "tokens";
inline constexpr std::string_view kTrustFolder = "/etc/ferrocache/trust";
inline constexpr std::string_view kTrustFile = "ca.crt";
inline constexpr std::string_view kLeafFolder = "/etc/ferrocache/tls";
inline constexpr std::string_view kDataFolder = "/data";

// How the time between a pod's deletion and its kill is used: first nothing, so that Services have stopped
// sending requests, then the node's orderly shutdown, then a rest for what is slower than it should be.
struct StopTimes {
  int64_t sleep_s = 0;     // 0 = no sleep at all
  int64_t shutdown_s = 1;  // http.shutdown_timeout_seconds
};
StopTimes stop_times(int64_t termination_grace_period_s);

// cluster.id of the nodes.
std::string volumes_id(const api::Cluster& cluster);

// Every setting that the file holds. What differs from pod to pod (node id, addresses, certificate) is not
// among them: pods get it by environment.
std::map<std::string, std::string> node_settings(const api::Cluster& cluster);

// A running node takes this setting over from its file by itself: it needs no new pod. A value that a node
// would refuse does, so that it stops the roll at the first pod instead of lying in wait for the next start.
bool counts_without_restart(std::string_view key, std::string_view value);

// What the nodes go by until they start anew: another text means a restart.
std::string settings_until_restart(const api::Cluster& cluster);

// The file's text: YAML, one setting a line, values in JSON quotes.
std::string config_file(const api::Cluster& cluster);

}  // namespace ferro::oper::objects
