// The spec of a FerroCacheCluster as C++ values, defaults filled in. crds/ferrocacheclusters.yaml is the
// source of truth for names, defaults and bounds; tests/unit/operator/api/schema_test.cc holds the parser
// against it, field by field, and tests/house/test_custom_resource.py the page
// docs/operator/custom_resource.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "operator/api/units.h"

namespace ferro::oper::api {

using Json = nlohmann::json;

enum class WriteConsistency : uint8_t { one, quorum, all };
enum class DeletePolicy : uint8_t { remove, retain };
enum class Toggle : uint8_t { automatic, on, off };  // auto, enabled, disabled

struct ImageSpec {
  std::string image;  // empty = the operator's own release
  std::string pull_policy = "IfNotPresent";
  Json pull_secrets = Json::array();

  friend bool operator==(const ImageSpec&, const ImageSpec&) = default;
};

struct StorageSpec {
  std::string size = "10Gi";
  int64_t size_bytes = int64_t{10} << 30;
  std::optional<std::string> class_name;
  DeletePolicy delete_policy = DeletePolicy::remove;

  friend bool operator==(const StorageSpec&, const StorageSpec&) = default;
};

struct TlsSpec {
  bool enabled = true;
  bool client_tls = false;
  int64_t ca_validity_s = 8760 * 3600;
  int64_t ca_renew_before_s = 720 * 3600;
  int64_t cert_validity_s = 720 * 3600;
  int64_t cert_renew_before_s = 240 * 3600;
  int64_t rotate_generation = 0;
  int64_t replace_ca_generation = 0;

  friend bool operator==(const TlsSpec&, const TlsSpec&) = default;
};

struct AuthSpec {
  bool enabled = true;
  std::optional<int64_t> rotation_interval_s;
  int64_t overlap_s = 3600;
  int64_t rotate_generation = 0;
  std::optional<std::string> existing_secret;

  friend bool operator==(const AuthSpec&, const AuthSpec&) = default;
};

struct SnapshotSpec {
  std::string schedule = "0 3 * * *";  // cron, UTC
  int64_t retention = 2;
  double wal_ratio = 1.0;
  double dead_ratio = 0.3;
  int64_t compact_generation = 0;

  friend bool operator==(const SnapshotSpec&, const SnapshotSpec&) = default;
};

struct AutoscalingSpec {
  int64_t min_replicas = 1;
  int64_t max_replicas = 1;
  std::optional<int64_t> target_memory_percent;
  std::optional<int64_t> target_p99_ms;
  int64_t stabilization_s = 300;

  friend bool operator==(const AutoscalingSpec&, const AutoscalingSpec&) = default;
};

struct MonitoringSpec {
  Toggle service_monitor = Toggle::automatic;
  Toggle prometheus_rule = Toggle::automatic;
  Toggle dashboards = Toggle::automatic;

  friend bool operator==(const MonitoringSpec&, const MonitoringSpec&) = default;
};

Json default_resources();

struct ClusterSpec {
  int64_t replicas = 3;
  ImageSpec image;
  int64_t replication_factor = 2;
  WriteConsistency write_consistency = WriteConsistency::all;
  Json resources = default_resources();  // core/v1 ResourceRequirements
  StorageSpec storage;
  std::map<std::string, std::string> config;  // node settings by their configuration key
  TlsSpec tls;
  AuthSpec auth;
  SnapshotSpec snapshots;
  std::optional<AutoscalingSpec> autoscaling;
  int64_t update_max_unavailable = 1;
  bool update_paused = false;
  bool spread_do_not_schedule = false;
  // Straight into the pod template, as in core/v1.
  Json node_selector = Json::object();
  Json tolerations = Json::array();
  Json affinity = Json::object();
  std::string priority_class_name;
  std::map<std::string, std::string> pod_labels;
  std::map<std::string, std::string> pod_annotations;
  std::map<std::string, std::string> service_annotations;
  int64_t termination_grace_period_s = 60;
  bool network_policy_enabled = true;
  Json network_policy_from = Json::array();  // empty = any pod of the namespace
  MonitoringSpec monitoring;
  bool paused = false;
  bool hibernated = false;

  friend bool operator==(const ClusterSpec&, const ClusterSpec&) = default;
};

struct Cluster {
  std::string ns;
  std::string name;
  std::string uid;
  std::string resource_version;
  int64_t generation = 0;
  bool deleting = false;
  int64_t created_unix = 0;
  bool follow_release = false;  // the annotation kFollowRelease is "true"
  // What its nodes and their volumes know the cluster by; empty = the uid. Another one where volumes that a
  // deleted cluster of this name left behind were taken up.
  std::string volumes_id;
  ClusterSpec spec;
  Json status = Json::object();  // as last written
};

// From the object as the API server holds it. Tolerant of what is unknown; invalid_argument, naming the
// field, for what cannot be meant (a validation that admission should have made: one bad object must become a
// condition, not an end). Name, namespace, uid and generation are filled in by `parse_identity` even then.
Result<Cluster> parse_cluster(const Json& object);
Cluster parse_identity(const Json& object);

}  // namespace ferro::oper::api
