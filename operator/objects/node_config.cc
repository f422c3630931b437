#include "operator/objects/node_config.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/obs/log.h"
#include "operator/api/names.h"

namespace ferro::oper::objects {
namespace {

// kube-proxies and load balancers need a moment to learn that a pod is going.
constexpr int64_t kSleepMax = 5;
constexpr int64_t kRestMax = 5;

// The operator compacts by schedule and by ratio, one node at a time. This is the node's own bound for the
// time in which no operator runs: a log of about a gigabyte at usual sizes, instead of 10,000 inserts and a
// snapshot at any moment.
constexpr std::string_view kCompactIntervalInserts = "100000";

std::string_view name_of(api::WriteConsistency consistency) {
  switch (consistency) {
    case api::WriteConsistency::one:
      return "one";
    case api::WriteConsistency::quorum:
      return "quorum";
    case api::WriteConsistency::all:
      break;
  }
  return "all";
}

// A container's CPU limit bounds its time, not what it sees: the node would start a thread for every core of
// the machine. 0 = no limit.
int64_t cpu_limit(const api::Json& resources) {
  const auto limits = resources.find("limits");
  if (limits == resources.end() || !limits->is_object()) return 0;
  const auto cpu = limits->find("cpu");
  if (cpu == limits->end()) return 0;
  const Result<int64_t> cores = api::parse_quantity(cpu->is_string() ? cpu->get<std::string>() : cpu->dump());
  return cores.ok() ? std::max<int64_t>(*cores, 1) : 0;
}

std::string path(std::string_view folder, std::string_view file) {
  return std::string(folder) + "/" + std::string(file);
}

std::string text_of(const api::Cluster& cluster, const std::map<std::string, std::string>& settings) {
  std::string text = "# Made by ferrocache-operator from the FerroCacheCluster " + cluster.name +
                     ". Changes here are overwritten.\n";
  for (const auto& [key, value] : settings)
    text += key + ": " +
            nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  return text;
}

}  // namespace

StopTimes stop_times(int64_t termination_grace_period_s) {
  const int64_t grace = termination_grace_period_s;
  const int64_t sleep = std::min(kSleepMax, grace / 4);
  const int64_t rest = std::min(kRestMax, grace / 5);
  return {sleep, std::max<int64_t>(1, grace - sleep - rest)};
}

std::string volumes_id(const api::Cluster& cluster) {
  return cluster.volumes_id.empty() ? cluster.uid : cluster.volumes_id;
}

std::map<std::string, std::string> node_settings(const api::Cluster& cluster) {
  const api::ClusterSpec& spec = cluster.spec;
  std::map<std::string, std::string> settings = spec.config;
  settings.try_emplace("compact_interval_inserts", kCompactIntervalInserts);
  if (const int64_t cores = cpu_limit(spec.resources); cores > 0)
    settings.try_emplace("http.threads", std::to_string(cores));

  settings["port"] = std::to_string(api::kHttpPort);
  settings["wal_path"] = path(kDataFolder, "ferrocache.wal");
  settings["http.shutdown_timeout_seconds"] =
      std::to_string(stop_times(spec.termination_grace_period_s).shutdown_s);
  settings["snapshot.retention"] = std::to_string(spec.snapshots.retention);
  if (spec.auth.enabled) settings["auth_token_file"] = path(kTokenFolder, kTokenFile);

  settings["cluster.enabled"] = "true";
  settings["cluster.id"] = volumes_id(cluster);
  // One name for all members, those that are not ready included: it does not change with their number.
  settings["cluster.seed_nodes"] =
      api::nodes_service(cluster.name) + "." + cluster.ns + ".svc:" + std::to_string(api::kPeerPort);
  // As it stands: with fewer nodes than copies the nodes themselves keep as many as there are of them, and
  // the number of nodes may change without a restart.
  settings["cluster.replication_factor"] = std::to_string(spec.replication_factor);
  settings["cluster.write_consistency"] = name_of(spec.write_consistency);
  settings["cluster.tls.enabled"] = spec.tls.enabled ? "true" : "false";
  if (spec.tls.enabled) {
    settings["cluster.tls.ca_cert_path"] = path(kTrustFolder, kTrustFile);
    settings["cluster.tls.internal_port"] = std::to_string(api::kInternalPort);
  }
  return settings;
}

bool counts_without_restart(std::string_view key, std::string_view value) {
  return key == "log.level" && obs::parse_level(value).ok();
}

std::string settings_until_restart(const api::Cluster& cluster) {
  auto settings = node_settings(cluster);
  std::erase_if(settings,
                [](const auto& setting) { return counts_without_restart(setting.first, setting.second); });
  return text_of(cluster, settings);
}

std::string config_file(const api::Cluster& cluster) {
  return text_of(cluster, node_settings(cluster));
}

}  // namespace ferro::oper::objects
