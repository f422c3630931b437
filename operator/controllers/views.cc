#include "operator/controllers/views.h"

#include <algorithm>
#include <map>
#include <optional>

#include "operator/api/names.h"
#include "operator/api/units.h"
#include "operator/objects/objects.h"

namespace ferro::oper::controllers {
namespace {

// True if a pod or pod template mounts the nodes' leaves.
bool made_for_tls(const Json& pod, std::string_view cluster) {
  const Json& volumes = array_at(object_at(pod, "spec"), "volumes");
  return std::any_of(volumes.begin(), volumes.end(), [cluster](const Json& volume) {
    return text_at(object_at(volume, "secret"), "secretName") == api::tls_secret(cluster);
  });
}

int64_t bytes_at(const Json& quantities, std::string_view name) {
  const auto bytes = api::parse_quantity(text_at(quantities, name));
  return bytes.ok() ? *bytes : 0;
}

bool is_true(const Json& condition) {
  return text_at(condition, "status") == "True";
}

void view_containers(const Json& status, plan::PodView& view) {
  // The node's container first: a side car that somebody injected says less.
  const Json& statuses = array_at(status, "containerStatuses");
  // A kubelet that has not said a word yet may have started it.
  view.never_ran = !view.scheduled || !statuses.empty();
  for (const Json& container : statuses) {
    view.restarts += number_at(container, "restartCount");
    const Json& state = object_at(container, "state");
    if (state.empty() || state.contains("running") || state.contains("terminated") ||
        !object_at(container, "lastState").empty() || number_at(container, "restartCount") > 0)
      view.never_ran = false;
  }
  for (const Json* const list : {&array_at(status, "initContainerStatuses"), &statuses}) {
    for (const Json& container : *list) {
      const Json& waiting = object_at(object_at(container, "state"), "waiting");
      if (waiting.empty()) continue;
      view.waiting_reason = text_at(waiting, "reason");
      view.waiting_message = text_at(waiting, "message");
      // What a crash said last is worth more than "back-off 10s restarting".
      const Json& last = object_at(object_at(container, "lastState"), "terminated");
      if (const std::string message = text_at(last, "message"); !message.empty())
        view.waiting_message = message;
    }
  }
}

}  // namespace

plan::PodView view_pod(const Json& pod, std::string_view cluster, int64_t ordinal) {
  const Json& metadata = object_at(pod, "metadata");
  const Json& spec = object_at(pod, "spec");
  const Json& status = object_at(pod, "status");
  const Json& conditions = array_at(status, "conditions");
  plan::PodView view;
  view.name = text_at(metadata, "name");
  view.ordinal = ordinal;
  view.uid = text_at(metadata, "uid");
  view.created_unix = time_at(metadata, "creationTimestamp");
  view.deletion_unix = time_at(metadata, "deletionTimestamp");
  view.terminating = !text_at(metadata, "deletionTimestamp").empty();
  view.template_hash = objects::template_hash_of(pod);
  view.tls = made_for_tls(pod, cluster);
  view.node_name = text_at(spec, "nodeName");
  view.scheduled = !view.node_name.empty();
  view.ip = text_at(status, "podIP");
  view.failed = text_at(status, "phase") == "Failed";
  const Json& ready = element_with(conditions, "type", "Ready");
  view.ready = is_true(ready);
  if (!view.ready) view.not_ready_since_unix = time_at(ready, "lastTransitionTime");
  const Json& scheduled = element_with(conditions, "type", "PodScheduled");
  if (!view.scheduled && text_at(scheduled, "status") == "False")
    view.unschedulable = text_at(scheduled, "message");
  view_containers(status, view);
  return view;
}

plan::ClaimView view_claim(const Json& claim, int64_t ordinal) {
  const Json& metadata = object_at(claim, "metadata");
  const Json& status = object_at(claim, "status");
  const Json& conditions = array_at(status, "conditions");
  plan::ClaimView view;
  view.name = text_at(metadata, "name");
  view.ordinal = ordinal;
  view.uid = text_at(metadata, "uid");
  view.volumes_id = text_at(object_at(metadata, "annotations"), api::kVolumesId);
  view.created_unix = time_at(metadata, "creationTimestamp");
  view.terminating = !text_at(metadata, "deletionTimestamp").empty();
  view.phase = text_at(status, "phase");
  view.requested_bytes =
      bytes_at(object_at(object_at(object_at(claim, "spec"), "resources"), "requests"), "storage");
  view.capacity_bytes = bytes_at(object_at(status, "capacity"), "storage");
  const Json& pending = element_with(conditions, "type", "FileSystemResizePending");
  view.resize_pending = is_true(pending);
  if (view.resize_pending) view.resize_pending_unix = time_at(pending, "lastTransitionTime");
  for (const char* type : {"ControllerResizeError", "NodeResizeError"}) {
    const Json& error = element_with(conditions, "type", type);
    if (is_true(error)) view.resize_error = text_at(error, "message");
  }
  return view;
}

plan::StatefulSetView view_statefulset(const Json& statefulset, std::string_view cluster) {
  const Json& metadata = object_at(statefulset, "metadata");
  const Json& spec = object_at(statefulset, "spec");
  plan::StatefulSetView view;
  view.uid = text_at(metadata, "uid");
  view.replicas = number_at(spec, "replicas");
  view.template_hash = objects::template_hash_of(statefulset);
  view.tls = made_for_tls(object_at(spec, "template"), cluster);
  view.terminating = !text_at(metadata, "deletionTimestamp").empty();
  const Json& status = object_at(statefulset, "status");
  view.observed = number_at(status, "observedGeneration") == number_at(metadata, "generation");
  view.pods_made = number_at(status, "replicas");
  view.owns_claims =
      text_at(object_at(spec, "persistentVolumeClaimRetentionPolicy"), "whenDeleted") == "Delete";
  for (const Json& claim : array_at(spec, "volumeClaimTemplates")) {
    view.claim_bytes =
        bytes_at(object_at(object_at(object_at(claim, "spec"), "resources"), "requests"), "storage");
  }
  return view;
}

std::string running_image(const Json& statefulset, const std::vector<const Json*>& pods) {
  const std::string applied = objects::node_image_of(statefulset);
  std::map<std::string, int> ready;
  bool cannot_be_pulled = false;
  for (const Json* const pod : pods) {
    const plan::PodView view = view_pod(*pod, "", 0);
    if (view.ready) ++ready[objects::node_image_of(*pod)];
    cannot_be_pulled |=
        view.waiting_reason.find("Image") != std::string::npos && objects::node_image_of(*pod) == applied;
  }
  if (ready.empty()) return cannot_be_pulled ? std::string() : applied;
  const auto most = std::max_element(ready.begin(), ready.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  // As many of one as of another: what was applied goes on.
  const auto same = ready.find(applied);
  return same != ready.end() && same->second == most->second ? applied : most->first;
}

std::string volumes_id(const Json* statefulset, const Json* config_map,
                       const std::vector<const Json*>& claims, const api::Cluster& cluster) {
  const auto id_of = [](const Json& object) {
    return text_at(object_at(object_at(object, "metadata"), "annotations"), api::kVolumesId);
  };
  if (statefulset != nullptr) {
    const Json& templates = array_at(object_at(*statefulset, "spec"), "volumeClaimTemplates");
    return templates.empty() ? std::string() : id_of(templates.front());
  }
  if (config_map != nullptr) return id_of(*config_map);
  std::optional<int64_t> lowest;
  std::string id;
  for (const Json* const claim : claims) {
    const Json& metadata = object_at(*claim, "metadata");
    const bool stays = array_at(metadata, "ownerReferences").empty() || objects::owns_claim(cluster, *claim);
    if (!text_at(metadata, "deletionTimestamp").empty() || !stays || id_of(*claim).empty()) continue;
    const auto ordinal = api::ordinal_of_claim(cluster.name, text_at(metadata, "name"));
    if (!ordinal || (lowest && *lowest <= *ordinal)) continue;
    lowest = ordinal;
    id = id_of(*claim);
  }
  return id;
}

}  // namespace ferro::oper::controllers
