#include "operator/api/rules.h"

#include <algorithm>
#include <string>

#include "operator/api/bounds.h"
#include "operator/api/cron.h"
#include "operator/api/names.h"

namespace ferro::oper::api {
namespace {

Status check_replication(const ClusterSpec& spec) {
  if (spec.replicas == 1 || spec.replication_factor <= spec.replicas) return {};
  return Status::invalid(
      "spec.replication.factor must not be above spec.replicas (spec.replicas 1 is allowed and means one "
      "copy)");
}

Status check_storage(const ClusterSpec& spec) {
  if (spec.storage.size_bytes >= bounds::kStorageBytesMin) return {};
  return Status::invalid("spec.storage.size must be at least 256Mi");
}

// requests and limits are maps of quantities; a request may not exceed its limit.
Status check_resources(const ClusterSpec& spec) {
  const auto quantities = [&](const char* name) {
    const auto found = spec.resources.find(name);
    return found == spec.resources.end() ? Json::object() : *found;
  };
  const Json requests = quantities("requests");
  const Json limits = quantities("limits");
  const auto read = [](const Json& value) -> Result<Quantity> {
    if (value.is_string()) return parse_exact_quantity(value.get_ref<const std::string&>());
    if (value.is_number_integer()) return parse_exact_quantity(value.dump());
    return Status::invalid("no quantity");
  };
  for (const auto& [name, map] : {std::pair("requests", &requests), std::pair("limits", &limits)}) {
    if (!map->is_object())
      return Status::invalid("spec.resources." + std::string(name) + ": is no map of quantities");
    for (const auto& [resource, value] : map->items()) {
      const Result<Quantity> quantity = read(value);
      if (!quantity.ok() || quantity->nanos < 0)
        return Status::invalid("spec.resources." + std::string(name) + "." + resource + ": " + value.dump() +
                               " is no quantity; write for example 512Mi or 250m");
    }
  }
  for (const auto& [resource, value] : requests.items()) {
    const auto limit = limits.find(resource);
    if (limit == limits.end()) continue;
    const Result<Quantity> wanted = read(value);
    const Result<Quantity> most = read(*limit);
    if (wanted.ok() && most.ok() && *wanted > *most)
      return Status::invalid("spec.resources.requests must not be above spec.resources.limits");
  }
  return {};
}

constexpr size_t kConfigKeyBytesMax = 128;

// Words of lower-case letters, digits and underscores between points: nothing that could be more than a key
// where the file of the nodes is made of it.
bool is_config_key(std::string_view key) {
  if (key.empty() || key.size() > kConfigKeyBytesMax) return false;
  char before = '.';
  for (const char c : key) {
    if (c == '.' ? before == '.' : !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
      return false;
    before = c;
  }
  return before != '.';
}

Status check_config(const ClusterSpec& spec) {
  for (const auto& [key, value] : spec.config) {
    if (!is_config_key(key))
      return Status::invalid("spec.config: " + Json(key).dump(-1, ' ', true, Json::error_handler_t::replace) +
                             " is no key of the configuration, such as hnsw.ef_search");
    if (is_owned_key(key))
      return Status::invalid("spec.config must not hold " + key +
                             ": the operator sets it from other fields of spec or by itself");
    if (value.size() > bounds::kConfigValueBytesMax)
      return Status::invalid("spec.config: the value of " + key + " is too long");
  }
  return {};
}

Status check_tls(const TlsSpec& tls) {
  if (tls.client_tls && !tls.enabled) return Status::invalid("spec.tls.clientTLS needs spec.tls.enabled");
  if (2 * tls.ca_renew_before_s >= tls.ca_validity_s)
    return Status::invalid("spec.tls.caRenewBefore must be less than half of spec.tls.caValidity");
  if (2 * tls.cert_renew_before_s >= tls.cert_validity_s)
    return Status::invalid("spec.tls.certRenewBefore must be less than half of spec.tls.certValidity");
  if (tls.cert_validity_s > tls.ca_validity_s)
    return Status::invalid("spec.tls.certValidity must not be above spec.tls.caValidity");
  return {};
}

Status check_auth(const AuthSpec& auth) {
  if (auth.existing_secret && (auth.rotation_interval_s || auth.rotate_generation > 0))
    return Status::invalid(
        "spec.auth.existingSecret excludes spec.auth.rotationInterval and spec.auth.rotateGeneration: "
        "its owner rotates it");
  if (auth.existing_secret && !auth.enabled)
    return Status::invalid("spec.auth.existingSecret needs spec.auth.enabled");
  if (auth.rotation_interval_s && *auth.rotation_interval_s <= auth.overlap_s)
    return Status::invalid("spec.auth.rotationInterval must be above spec.auth.overlap");
  return {};
}

Status check_autoscaling(const ClusterSpec& spec) {
  if (!spec.autoscaling) return {};
  if (spec.autoscaling->min_replicas > spec.autoscaling->max_replicas)
    return Status::invalid("spec.autoscaling.minReplicas must not be above spec.autoscaling.maxReplicas");
  if (!spec.autoscaling->target_memory_percent && !spec.autoscaling->target_p99_ms)
    return Status::invalid(
        "spec.autoscaling needs spec.autoscaling.targetMemoryPercent or "
        "spec.autoscaling.targetP99Milliseconds");
  return {};
}

Status check_metadata(const ClusterSpec& spec) {
  for (const std::string_view key : {kLabelName, kLabelInstance, kLabelManagedBy}) {
    if (spec.pod_labels.contains(std::string(key)))
      return Status::invalid("spec.podLabels must not hold " + std::string(key) + ": the operator sets it");
  }
  for (const auto& [key, value] : spec.pod_annotations) {
    if (key.starts_with(kAnnotationPrefix))
      return Status::invalid("spec.podAnnotations must not hold " + key + ": the operator sets it");
  }
  for (const auto& [key, value] : spec.service_annotations) {
    if (key.starts_with(kAnnotationPrefix))
      return Status::invalid("spec.serviceAnnotations must not hold " + key + ": the operator sets it");
  }
  return {};
}

Status check_schedule(const ClusterSpec& spec) {
  const Result<CronSchedule> schedule = CronSchedule::parse(spec.snapshots.schedule);
  return schedule.ok() ? Status() : schedule.status().with_context("spec.snapshots.schedule");
}

}  // namespace

bool is_owned_key(std::string_view key) noexcept {
  const auto& keys = bounds::kOwnedKeys;
  if (std::find(keys.begin(), keys.end(), key) != keys.end()) return true;
  return std::any_of(bounds::kOwnedPrefixes.begin(), bounds::kOwnedPrefixes.end(),
                     [&](std::string_view prefix) { return key.starts_with(prefix); });
}

Status check_rules(const ClusterSpec& spec) {
  FERRO_RETURN_IF_ERROR(check_replication(spec));
  FERRO_RETURN_IF_ERROR(check_storage(spec));
  FERRO_RETURN_IF_ERROR(check_resources(spec));
  FERRO_RETURN_IF_ERROR(check_config(spec));
  FERRO_RETURN_IF_ERROR(check_tls(spec.tls));
  FERRO_RETURN_IF_ERROR(check_auth(spec.auth));
  FERRO_RETURN_IF_ERROR(check_autoscaling(spec));
  FERRO_RETURN_IF_ERROR(check_metadata(spec));
  return check_schedule(spec);
}

}  // namespace ferro::oper::api
