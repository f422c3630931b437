#include "tests/fakes/kube_api/controllers.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "tests/fakes/kube_api/built_in_rules.h"

namespace ferro::fakes::kube {
namespace {

constexpr const char* kSetController = "statefulset-controller";

std::string name_of(const Json& object) {
  return text_at(object, {"metadata", "name"});
}
std::string ns_of(const Json& object) {
  return text_at(object, {"metadata", "namespace"});
}
std::string uid_of(const Json& object) {
  return text_at(object, {"metadata", "uid"});
}
bool terminating(const Json& object) {
  return at(object, {"metadata", "deletionTimestamp"}) != nullptr;
}

std::string controller_uid(const Json& object) {
  for (const Json& owner : object.at("metadata").value("ownerReferences", Json::array())) {
    if (owner.value("controller", false)) return text_at(owner, {"uid"});
  }
  return {};
}

Json owner_reference(const Json& set) {
  return {{"apiVersion", "apps/v1"}, {"kind", "StatefulSet"}, {"name", name_of(set)},
          {"uid", uid_of(set)},      {"controller", true},    {"blockOwnerDeletion", true}};
}

// FNV-1a of the template: any hash that changes with it will do.
std::string revision_of(const Json& set) {
  uint64_t hash = 14695981039346656037U;
  for (const char c : set.at("spec").at("template").dump()) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  }
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%010llx", static_cast<unsigned long long>(hash & 0xffffffffffU));
  return name_of(set) + "-" + text.data();
}

std::string claim_name(const Json& claim_template, const Json& set, int64_t ordinal) {
  return name_of(claim_template) + "-" + name_of(set) + "-" + std::to_string(ordinal);
}

bool is_ready(const Json& pod) {
  for (const Json& condition : pod.value("status", Json::object()).value("conditions", Json::array())) {
    if (text_at(condition, {"type"}) == "Ready") return text_at(condition, {"status"}) == "True";
  }
  return false;
}

int64_t ordinal_of(const Json& set, const Json& pod) {
  const std::string name = name_of(pod), prefix = name_of(set) + "-";
  if (!name.starts_with(prefix)) return -1;
  char* end = nullptr;
  const long ordinal = std::strtol(name.c_str() + prefix.size(), &end, 10);
  return *end == '\0' ? ordinal : -1;
}

}  // namespace

Controllers::Controllers(ApiServer& server, ControllerOptions options, PodHooks hooks)
    : server_(server), options_(options), hooks_(std::move(hooks)) {
  server_.create("setup", "storageclasses",
                 {{"metadata", {{"name", "standard"}}},
                  {"provisioner", "fake"},
                  {"volumeBindingMode", "WaitForFirstConsumer"},
                  {"allowVolumeExpansion", options_.expandable}});
  for (int i = 1; i <= options_.nodes; ++i) {
    nodes_.push_back("node-" + std::to_string(i));
    server_.create("setup", "nodes", {{"metadata", {{"name", nodes_.back()}}}});
  }
}

bool Controllers::step() {
  wrote_ = false;
  const uint64_t before = server_.version();
  server_.collect_garbage();
  step_stateful_sets();
  step_claims();
  step_pods();
  step_endpoints();
  return server_.version() != before;
}

bool Controllers::settle(int rounds_max) {
  for (int round = 0; round < rounds_max; ++round) {
    if (!step()) return true;
  }
  return false;
}

bool Controllers::set_status(std::string_view plural, const Json& object,
                             const std::function<void(Json& status)>& change) {
  return server_.edit(
      "kubelet", plural, ns_of(object), name_of(object), [&](Json& now) { change(now["status"]); }, "status");
}

std::vector<Json> Controllers::pods_of(const Json& set) const {
  std::vector<Json> pods;
  for (Json& pod : server_.list("pods", ns_of(set))) {
    if (controller_uid(pod) == uid_of(set)) pods.push_back(std::move(pod));
  }
  return pods;
}

bool Controllers::step_stateful_sets() {
  bool done = false;
  for (const Json& set : server_.list("statefulsets")) done |= step_stateful_set(set);
  return done;
}

bool Controllers::step_stateful_set(const Json& set) {
  const std::optional<Json> ns = server_.get("namespaces", "", ns_of(set));
  if (terminating(set) || !ns || terminating(*ns)) return false;
  const int64_t replicas = set.at("spec").value("replicas", int64_t{1});
  bool done = remove_condemned(set);
  for (int64_t ordinal = 0; ordinal < replicas; ++ordinal) {
    if (ensure_claims(set, ordinal)) done |= ensure_pod(set, ordinal);
  }
  return write_set_status(set) || done;
}

bool Controllers::ensure_claims(const Json& set, int64_t ordinal) {
  for (const Json& source : set.at("spec").value("volumeClaimTemplates", Json::array())) {
    const std::string name = claim_name(source, set, ordinal);
    const std::optional<Json> found = server_.get("persistentvolumeclaims", ns_of(set), name);
    if (found && terminating(*found)) return false;
    if (found) {
      own_claim(set, *found);
      continue;
    }
    Json claim = source;
    claim.erase("status");
    claim["metadata"]["name"] = name;
    claim["metadata"]["namespace"] = ns_of(set);
    const Json labels = set.at("spec").at("selector").value("matchLabels", Json::object());
    for (const auto& [key, value] : labels.items()) claim["metadata"]["labels"][key] = value;
    if (text_at(claim, {"spec", "storageClassName"}).empty()) claim["spec"]["storageClassName"] = "standard";
    own_claim(set, server_.create(kSetController, "persistentvolumeclaims", claim));
  }
  return true;
}

// As updateClaimOwnerRefForSetAndPod of Kubernetes 1.34: a claim that has another controller, or a
// StatefulSet of this name that is gone, is left to the garbage collector.
void Controllers::own_claim(const Json& set, const Json& claim) {
  const bool wanted =
      text_at(set, {"spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted"}) == "Delete";
  const auto is_set = [&set](const Json& owner) {
    return text_at(owner, {"kind"}) == "StatefulSet" && text_at(owner, {"name"}) == name_of(set);
  };
  Json owners = Json::array();
  for (const Json& owner : claim.at("metadata").value("ownerReferences", Json::array())) {
    const bool is_other =
        is_set(owner) ? text_at(owner, {"uid"}) != uid_of(set) : owner.value("controller", false);
    if (wanted && is_other) return;
    if (!is_set(owner)) owners.push_back(owner);
  }
  if (wanted) owners.push_back(owner_reference(set));
  server_.edit(kSetController, "persistentvolumeclaims", ns_of(claim), name_of(claim), [&owners](Json& now) {
    now["metadata"]["ownerReferences"] = owners;
    if (owners.empty()) now["metadata"].erase("ownerReferences");
  });
}

bool Controllers::ensure_pod(const Json& set, int64_t ordinal) {
  const std::string name = name_of(set) + "-" + std::to_string(ordinal);
  if (const std::optional<Json> found = server_.get("pods", ns_of(set), name)) {
    if (!controller_uid(*found).empty() || terminating(*found)) return false;
    return server_.edit(kSetController, "pods", ns_of(set), name, [&](Json& pod) {
      pod["metadata"]["ownerReferences"].push_back(owner_reference(set));
    });
  }
  if (Json ns = server_.get("namespaces", "", ns_of(set)).value_or(Json());
      !ns.is_object() || terminating(ns)) {
    return false;
  }
  const Json& source = set.at("spec").at("template");
  Json pod = {{"metadata", source.value("metadata", Json::object())}, {"spec", source.at("spec")}};
  Json& metadata = pod["metadata"];
  metadata["name"] = name;
  metadata["namespace"] = ns_of(set);
  metadata["labels"]["statefulset.kubernetes.io/pod-name"] = name;
  metadata["labels"]["apps.kubernetes.io/pod-index"] = std::to_string(ordinal);
  metadata["labels"]["controller-revision-hash"] = revision_of(set);
  metadata["ownerReferences"] = Json::array({owner_reference(set)});
  pod["spec"]["hostname"] = name;
  pod["spec"]["subdomain"] = text_at(set, {"spec", "serviceName"});
  for (const Json& claim : set.at("spec").value("volumeClaimTemplates", Json::array())) {
    pod["spec"]["volumes"].push_back(
        {{"name", name_of(claim)},
         {"persistentVolumeClaim", {{"claimName", claim_name(claim, set, ordinal)}}}});
  }
  server_.create(kSetController, "pods", pod);
  return true;
}

bool Controllers::remove_condemned(const Json& set) {
  const int64_t replicas = set.at("spec").value("replicas", int64_t{1});
  bool done = false;
  for (const Json& pod : pods_of(set)) {
    const bool failed = text_at(pod, {"status", "phase"}) == "Failed";
    if ((ordinal_of(set, pod) < replicas && !failed) || terminating(pod)) continue;
    done |= server_.remove("pods", ns_of(pod), name_of(pod));
  }
  return done;
}

bool Controllers::write_set_status(const Json& set) {
  const std::string update = revision_of(set);
  int64_t count = 0, ready = 0, updated = 0;
  for (const Json& pod : pods_of(set)) {
    ++count;
    if (terminating(pod)) continue;
    if (is_ready(pod)) ++ready;
    if (pod.at("metadata").value("labels", Json::object()).value("controller-revision-hash", "") == update)
      ++updated;
  }
  return set_status("statefulsets", set, [&](Json& status) {
    const std::string current = text_at(status, {"currentRevision"});
    status["observedGeneration"] = set.at("metadata").at("generation");
    status["replicas"] = count;
    status["readyReplicas"] = ready;
    status["availableReplicas"] = ready;
    status["updatedReplicas"] = updated;
    status["updateRevision"] = update;
    status["currentRevision"] = current.empty() || updated == count ? update : current;
    status["collisionCount"] = 0;
  });
}

bool Controllers::step_claims() {
  bool done = false;
  for (const Json& claim : server_.list("persistentvolumeclaims")) done |= step_claim(claim);
  return done;
}

bool Controllers::step_claim(const Json& claim) {
  bool used = false;
  for (const Json& pod : server_.list("pods", ns_of(claim))) {
    for (const Json& volume : pod.at("spec").value("volumes", Json::array())) {
      used |= text_at(volume, {"persistentVolumeClaim", "claimName"}) == name_of(claim);
    }
  }
  if (terminating(claim)) {
    if (used) return false;
    return server_.edit("pvc-protection-controller", "persistentvolumeclaims", ns_of(claim), name_of(claim),
                        [](Json& now) { now["metadata"].erase("finalizers"); });
  }
  const std::string phase = text_at(claim, {"status", "phase"});
  if (phase == "Lost") return false;
  const std::string wanted = text_at(claim, {"spec", "resources", "requests", "storage"});
  if (phase != "Bound") {
    if (!used || !server_.get("storageclasses", "", text_at(claim, {"spec", "storageClassName"})))
      return false;
    server_.edit("persistentvolume-binder", "persistentvolumeclaims", ns_of(claim), name_of(claim),
                 [&](Json& now) { now["spec"]["volumeName"] = "pv-" + uid_of(claim); });
    return set_status("persistentvolumeclaims", claim, [&](Json& status) {
      status["phase"] = "Bound";
      status["accessModes"] = claim.at("spec").value("accessModes", Json::array());
      status["capacity"]["storage"] = wanted;
    });
  }
  if (quantity(wanted) <= quantity(text_at(claim, {"status", "capacity", "storage"}))) return false;
  return set_status("persistentvolumeclaims", claim, [&](Json& status) {
    if (options_.resize_needs_restart) {
      status["conditions"] = Json::array({{{"type", "FileSystemResizePending"}, {"status", "True"}}});
    } else {
      status["capacity"]["storage"] = wanted;
    }
  });
}

void Controllers::lose_volume(const std::string& ns, const std::string& claim) {
  server_.edit(
      "kube-controller-manager", "persistentvolumeclaims", ns, claim,
      [](Json& now) { now["status"]["phase"] = "Lost"; }, "status");
}

// For every Service with a selector, one slice with the addresses of its pods.
bool Controllers::step_endpoints() {
  bool done = false;
  for (const Json& service : server_.list("services")) {
    const Json* labels = at(service, {"spec", "selector"});
    if (labels == nullptr || terminating(service)) continue;
    const Selector selector = Selector::of_label_selector(*labels);
    const bool unready_too = service.at("spec").value("publishNotReadyAddresses", false);
    Json endpoints = Json::array();
    for (const Json& pod : server_.list("pods", ns_of(service))) {
      const std::string address = text_at(pod, {"status", "podIP"});
      if (address.empty() || !selector.matches(pod) || (terminating(pod) && !unready_too)) continue;
      const bool ready = is_ready(pod) && !terminating(pod);
      if (!ready && !unready_too) continue;
      endpoints.push_back({{"addresses", {address}},
                           {"conditions", {{"ready", ready || unready_too}}},
                           {"targetRef", {{"kind", "Pod"}, {"name", name_of(pod)}, {"uid", uid_of(pod)}}}});
    }
    const std::optional<Json> slice = server_.get("endpointslices", ns_of(service), name_of(service));
    if (slice) {
      server_.edit("endpointslice-controller", "endpointslices", ns_of(service), name_of(service),
                   [&](Json& now) { now["endpoints"] = endpoints; });
      continue;
    }
    const std::optional<Json> ns = server_.get("namespaces", "", ns_of(service));
    if (!ns || terminating(*ns)) continue;
    server_.create("endpointslice-controller", "endpointslices",
                   {{"metadata",
                     {{"name", name_of(service)},
                      {"namespace", ns_of(service)},
                      {"labels", {{"kubernetes.io/service-name", name_of(service)}}},
                      {"ownerReferences",
                       {{{"apiVersion", "v1"},
                         {"kind", "Service"},
                         {"name", name_of(service)},
                         {"uid", uid_of(service)},
                         {"controller", true}}}}}},
                    {"addressType", "IPv4"},
                    {"endpoints", endpoints}});
    done = true;
  }
  return done;
}

}  // namespace ferro::fakes::kube
