#include "operator/api/spec.h"

#include <utility>

#include "operator/api/bounds.h"
#include "operator/api/field_reader.h"
#include "operator/api/names.h"
#include "operator/api/rules.h"

namespace ferro::oper::api {
namespace {

const Json& member_of(const Json& object, const char* name) {
  static const Json none = Json::object();
  if (!object.is_object()) return none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

ImageSpec read_image(const FieldReader& spec) {
  ImageSpec image;
  image.image = spec.text("image", image.image, bounds::kImageBytesMax);
  image.pull_policy =
      spec.choice<std::string>("imagePullPolicy", image.pull_policy,
                               {{"Always", "Always"}, {"IfNotPresent", "IfNotPresent"}, {"Never", "Never"}});
  image.pull_secrets = spec.list("imagePullSecrets", bounds::kPullSecretsMax);
  return image;
}

StorageSpec read_storage(const FieldReader& storage) {
  StorageSpec result;
  result.size = storage.text("size", result.size, bounds::kQuantityBytesMax);
  const Result<int64_t> bytes = parse_quantity(result.size);
  if (bytes.ok()) {
    result.size_bytes = *bytes;
  } else {
    storage.fail("size", bytes.status().message());
  }
  result.class_name = storage.optional_text("storageClassName", bounds::kNameBytesMax);
  result.delete_policy = storage.choice("deletePolicy", result.delete_policy,
                                        {{"Delete", DeletePolicy::remove}, {"Retain", DeletePolicy::retain}});
  return result;
}

TlsSpec read_tls(const FieldReader& tls) {
  TlsSpec result;
  result.enabled = tls.boolean("enabled", result.enabled);
  result.client_tls = tls.boolean("clientTLS", result.client_tls);
  result.ca_validity_s =
      tls.duration("caValidity", result.ca_validity_s, bounds::kCaValidityMin, bounds::kTenYears);
  result.ca_renew_before_s =
      tls.duration("caRenewBefore", result.ca_renew_before_s, bounds::kRenewBeforeMin, bounds::kTenYears);
  result.cert_validity_s =
      tls.duration("certValidity", result.cert_validity_s, bounds::kCertValidityMin, bounds::kTenYears);
  result.cert_renew_before_s =
      tls.duration("certRenewBefore", result.cert_renew_before_s, bounds::kRenewBeforeMin, bounds::kTenYears);
  result.rotate_generation = tls.integer("rotateGeneration", 0, 0, bounds::kGenerationMax);
  result.replace_ca_generation = tls.integer("replaceCAGeneration", 0, 0, bounds::kGenerationMax);
  return result;
}

AuthSpec read_auth(const FieldReader& auth) {
  AuthSpec result;
  result.enabled = auth.boolean("enabled", result.enabled);
  if (auth.has("rotationInterval")) {
    result.rotation_interval_s = auth.duration("rotationInterval", bounds::kRotationIntervalMin,
                                               bounds::kRotationIntervalMin, bounds::kTenYears);
  }
  result.overlap_s = auth.duration("overlap", result.overlap_s, 0, bounds::kOverlapMax);
  result.rotate_generation = auth.integer("rotateGeneration", 0, 0, bounds::kGenerationMax);
  result.existing_secret = auth.optional_text("existingSecret", bounds::kNameBytesMax);
  if (result.existing_secret && result.existing_secret->empty()) auth.fail("existingSecret", "is empty");
  return result;
}

SnapshotSpec read_snapshots(const FieldReader& snapshots) {
  SnapshotSpec result;
  result.schedule = snapshots.text("schedule", result.schedule, bounds::kScheduleBytesMax);
  result.retention = snapshots.integer("retention", result.retention, 1, bounds::kRetentionMax);
  const FieldReader compaction = snapshots.object("compaction");
  result.wal_ratio = compaction.number("walRatio", result.wal_ratio, bounds::kWalRatioMin, bounds::kRatioMax);
  result.dead_ratio =
      compaction.number("deadRatio", result.dead_ratio, bounds::kDeadRatioMin, bounds::kRatioMax);
  result.compact_generation = snapshots.integer("compactGeneration", 0, 0, bounds::kGenerationMax);
  return result;
}

AutoscalingSpec read_autoscaling(const FieldReader& autoscaling) {
  AutoscalingSpec result;
  for (const char* required : {"minReplicas", "maxReplicas"}) {
    if (!autoscaling.has(required)) autoscaling.fail(required, "is missing");
  }
  result.min_replicas = autoscaling.integer("minReplicas", result.min_replicas, 1, bounds::kReplicasMax);
  result.max_replicas = autoscaling.integer("maxReplicas", result.max_replicas, 1, bounds::kReplicasMax);
  result.target_memory_percent = autoscaling.optional_integer(
      "targetMemoryPercent", bounds::kMemoryPercentMin, bounds::kMemoryPercentMax);
  result.target_p99_ms =
      autoscaling.optional_integer("targetP99Milliseconds", 1, bounds::kP99MillisecondsMax);
  result.stabilization_s = autoscaling.integer("stabilizationSeconds", result.stabilization_s,
                                               bounds::kStabilizationMin, bounds::kStabilizationMax);
  return result;
}

Toggle read_toggle(const FieldReader& monitoring, std::string_view name) {
  return monitoring.choice(name, Toggle::automatic,
                           {{"auto", Toggle::automatic}, {"enabled", Toggle::on}, {"disabled", Toggle::off}});
}

void read_pods(const FieldReader& reader, ClusterSpec& spec) {
  spec.node_selector = reader.map("nodeSelector", Json::object());
  spec.tolerations = reader.list("tolerations", bounds::kTolerationsMax);
  spec.affinity = reader.map("affinity", Json::object());
  spec.priority_class_name = reader.text("priorityClassName", "", bounds::kNameBytesMax);
  spec.pod_labels = reader.texts("podLabels", bounds::kLabelsMax);
  spec.pod_annotations = reader.texts("podAnnotations", bounds::kAnnotationsMax);
  spec.service_annotations = reader.texts("serviceAnnotations", bounds::kAnnotationsMax);
  spec.termination_grace_period_s = reader.integer(
      "terminationGracePeriodSeconds", spec.termination_grace_period_s, 1, bounds::kGracePeriodMax);
  spec.spread_do_not_schedule =
      reader.choice("topologySpread", false, {{"ScheduleAnyway", false}, {"DoNotSchedule", true}});
}

Result<ClusterSpec> read_spec(const Json& object) {
  Status status;
  if (!object.is_object() && !object.is_null()) return Status::invalid("spec: is no object");
  const FieldReader reader(object, "spec", status);
  ClusterSpec spec;
  spec.replicas = reader.integer("replicas", spec.replicas, 1, bounds::kReplicasMax);
  spec.image = read_image(reader);
  const FieldReader replication = reader.object("replication");
  spec.replication_factor =
      replication.integer("factor", spec.replication_factor, 1, bounds::kReplicationFactorMax);
  spec.write_consistency = replication.choice(
      "writeConsistency", spec.write_consistency,
      {{"one", WriteConsistency::one}, {"quorum", WriteConsistency::quorum}, {"all", WriteConsistency::all}});
  spec.resources = reader.map("resources", default_resources());
  spec.storage = read_storage(reader.object("storage"));
  spec.config = reader.texts("config", bounds::kConfigEntriesMax);
  spec.tls = read_tls(reader.object("tls"));
  spec.auth = read_auth(reader.object("auth"));
  spec.snapshots = read_snapshots(reader.object("snapshots"));
  if (reader.has("autoscaling")) spec.autoscaling = read_autoscaling(reader.object("autoscaling"));
  const FieldReader update = reader.object("update");
  spec.update_max_unavailable =
      update.integer("maxUnavailable", spec.update_max_unavailable, 1, bounds::kReplicasMax);
  spec.update_paused = update.boolean("paused", false);
  read_pods(reader, spec);
  const FieldReader policy = reader.object("networkPolicy");
  spec.network_policy_enabled = policy.boolean("enabled", true);
  spec.network_policy_from = policy.list("from", bounds::kPeersMax);
  const FieldReader monitoring = reader.object("monitoring");
  spec.monitoring.service_monitor = read_toggle(monitoring, "serviceMonitor");
  spec.monitoring.prometheus_rule = read_toggle(monitoring, "prometheusRule");
  spec.monitoring.dashboards = read_toggle(monitoring, "dashboards");
  spec.paused = reader.boolean("paused", false);
  spec.hibernated = reader.boolean("hibernated", false);
  FERRO_RETURN_IF_ERROR(status);
  FERRO_RETURN_IF_ERROR(check_rules(spec));
  return spec;
}

// Names of Services begin with a letter and of everything consist of lower-case letters, digits and dashes.
Status check_name(const std::string& name) {
  bool fits = !name.empty() && name.size() <= bounds::kClusterNameBytesMax && name.front() >= 'a' &&
              name.front() <= 'z' && name.back() != '-';
  for (const char c : name) fits = fits && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-');
  if (fits) return {};
  return Status::invalid(
      "metadata.name must begin with a letter, consist of at most 40 lower-case letters, digits and dashes, "
      "and "
      "not end with a dash");
}

}  // namespace

Json default_resources() {
  return {{"requests", {{"cpu", "250m"}, {"memory", "512Mi"}}}, {"limits", {{"memory", "1Gi"}}}};
}

Cluster parse_identity(const Json& object) {
  Cluster cluster;
  Status ignored;
  const Json& found = member_of(object, "metadata");
  const FieldReader metadata(found, "metadata", ignored);
  cluster.ns = metadata.text("namespace", "", bounds::kNameBytesMax);
  cluster.name = metadata.text("name", "", bounds::kNameBytesMax);
  cluster.uid = metadata.text("uid", "", bounds::kNameBytesMax);
  cluster.resource_version = metadata.text("resourceVersion", "", bounds::kNameBytesMax);
  cluster.generation = metadata.integer("generation", 0, 0, INT64_MAX);
  cluster.deleting = metadata.has("deletionTimestamp");
  cluster.created_unix =
      parse_time(metadata.text("creationTimestamp", "", bounds::kNameBytesMax)).value_or(0);
  const FieldReader annotations = metadata.object("annotations");
  cluster.follow_release = annotations.text(kFollowRelease, "", bounds::kNameBytesMax) == "true";
  const Json& status = member_of(object, "status");
  if (status.is_object()) cluster.status = status;
  return cluster;
}

Result<Cluster> parse_cluster(const Json& object) {
  Cluster cluster = parse_identity(object);
  FERRO_RETURN_IF_ERROR(check_name(cluster.name));
  FERRO_ASSIGN_OR_RETURN(cluster.spec, read_spec(member_of(object, "spec")));
  return cluster;
}

}  // namespace ferro::oper::api
