#include "tests/fakes/kube_api/built_in_rules.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "operator/k8s/base64.h"

namespace ferro::fakes::kube {
namespace {

void set_default(Json& object, const char* name, const Json& value) {
  if (!object.contains(name)) object[name] = value;
}

void canonical_quantities(Json& map) {
  if (!map.is_object()) return;
  for (auto& [name, value] : map.items()) {
    if (value.is_string()) value = canonical_quantity(value.get<std::string>());
    if (value.is_number()) value = canonical_quantity(value.dump());
  }
}

void default_resources(Json& resources) {
  for (const char* part : {"requests", "limits"}) {
    if (resources.contains(part)) canonical_quantities(resources[part]);
  }
  if (!resources.contains("limits")) return;
  for (const auto& [name, limit] : resources["limits"].items())
    set_default(resources["requests"], name.c_str(), limit);
}

void default_probe(Json& probe) {
  set_default(probe, "timeoutSeconds", 1);
  set_default(probe, "periodSeconds", 10);
  set_default(probe, "successThreshold", 1);
  set_default(probe, "failureThreshold", 3);
  if (probe.contains("httpGet")) {
    set_default(probe["httpGet"], "path", "/");
    set_default(probe["httpGet"], "scheme", "HTTP");
  }
}

void default_container(Json& container) {
  set_default(container, "terminationMessagePath", "/dev/termination-log");
  set_default(container, "terminationMessagePolicy", "File");
  const std::string image = text_at(container, {"image"});
  const bool latest =
      image.ends_with(":latest") || image.find(':', image.rfind('/') + 1) == std::string::npos;
  set_default(container, "imagePullPolicy", latest ? "Always" : "IfNotPresent");
  set_default(container, "resources", Json::object());
  default_resources(container["resources"]);
  if (container.contains("ports")) {
    for (Json& port : container["ports"]) set_default(port, "protocol", "TCP");
  }
  for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe"}) {
    if (container.contains(probe)) default_probe(container[probe]);
  }
  if (container.contains("env")) {
    for (Json& variable : container["env"]) {
      if (at(variable, {"valueFrom", "fieldRef"}) != nullptr) {
        set_default(variable["valueFrom"]["fieldRef"], "apiVersion", "v1");
      }
    }
  }
}

void default_pod_spec(Json& spec) {
  set_default(spec, "restartPolicy", "Always");
  set_default(spec, "dnsPolicy", "ClusterFirst");
  set_default(spec, "terminationGracePeriodSeconds", 30);
  set_default(spec, "schedulerName", "default-scheduler");
  set_default(spec, "securityContext", Json::object());
  if (spec.contains("serviceAccountName")) set_default(spec, "serviceAccount", spec["serviceAccountName"]);
  for (const char* list : {"containers", "initContainers"}) {
    if (!spec.contains(list)) continue;
    for (Json& container : spec[list]) default_container(container);
  }
  if (!spec.contains("volumes")) return;
  for (Json& volume : spec["volumes"]) {
    for (const char* source : {"secret", "configMap", "projected", "downwardAPI"}) {
      if (volume.contains(source)) set_default(volume[source], "defaultMode", 420);
    }
  }
}

void default_claim(Json& claim) {
  Json& spec = claim["spec"];
  set_default(spec, "volumeMode", "Filesystem");
  if (spec.contains("resources")) default_resources(spec["resources"]);
  set_default(claim, "status", Json::object());
  set_default(claim["status"], "phase", "Pending");
}

void default_stateful_set(Json& object) {
  Json& spec = object["spec"];
  set_default(spec, "replicas", 1);
  set_default(spec, "podManagementPolicy", "OrderedReady");
  set_default(spec, "updateStrategy", {{"type", "RollingUpdate"}});
  if (spec["updateStrategy"].value("type", "") == "RollingUpdate") {
    set_default(spec["updateStrategy"], "rollingUpdate", {{"partition", 0}});
  }
  set_default(spec, "revisionHistoryLimit", 10);
  set_default(spec, "persistentVolumeClaimRetentionPolicy", Json::object());
  for (const char* when : {"whenDeleted", "whenScaled"}) {
    set_default(spec["persistentVolumeClaimRetentionPolicy"], when, "Retain");
  }
  if (at(spec, {"template", "spec"}) != nullptr) default_pod_spec(spec["template"]["spec"]);
  if (spec.contains("volumeClaimTemplates")) {
    for (Json& claim : spec["volumeClaimTemplates"]) {
      set_default(claim, "apiVersion", "v1");
      set_default(claim, "kind", "PersistentVolumeClaim");
      default_claim(claim);
    }
  }
}

void default_service(Json& object) {
  Json& spec = object["spec"];
  set_default(spec, "type", "ClusterIP");
  set_default(spec, "sessionAffinity", "None");
  set_default(spec, "internalTrafficPolicy", "Cluster");
  if (text_at(spec, {"clusterIP"}).empty()) {
    uint32_t hash = 2166136261U;
    for (const char c : text_at(object, {"metadata", "uid"}))
      hash = (hash ^ static_cast<uint8_t>(c)) * 16777619U;
    spec["clusterIP"] = "10.96." + std::to_string(hash >> 8 & 255) + "." + std::to_string(1 + hash % 254);
  }
  set_default(spec, "clusterIPs", Json::array({spec["clusterIP"]}));
  set_default(spec, "ipFamilies", {"IPv4"});
  set_default(spec, "ipFamilyPolicy", "SingleStack");
  if (!spec.contains("ports")) return;
  for (Json& port : spec["ports"]) {
    set_default(port, "protocol", "TCP");
    if (port.contains("port")) set_default(port, "targetPort", port["port"]);
  }
}

void default_secret(Json& object) {
  set_default(object, "type", "Opaque");
  if (!object.contains("stringData")) return;
  const Json plain = object["stringData"];
  for (const auto& [name, value] : plain.items()) {
    object["data"][name] = oper::k8s::base64_encode(value.get<std::string>());
  }
  object.erase("stringData");
}

void default_network_policy(Json& object) {
  Json& spec = object["spec"];
  if (!spec.contains("policyTypes")) {
    spec["policyTypes"] = Json::array({"Ingress"});
    if (spec.contains("egress")) spec["policyTypes"].push_back("Egress");
  }
  for (const char* direction : {"ingress", "egress"}) {
    if (!spec.contains(direction)) continue;
    for (Json& rule : spec[direction]) {
      if (!rule.contains("ports")) continue;
      for (Json& port : rule["ports"]) set_default(port, "protocol", "TCP");
    }
  }
}

bool differs_beyond(const Json& a, const Json& b, std::initializer_list<const char*> allowed) {
  Json x = a, y = b;
  for (const char* name : allowed) {
    x.erase(name);
    y.erase(name);
  }
  return x != y;
}

void check_secret(const Json& object, const Json* old, std::vector<Cause>& causes) {
  const Json data = object.value("data", Json::object());
  for (const auto& [name, value] : data.items()) {
    if (!value.is_string() || !oper::k8s::base64_decode(value.get<std::string>())) {
      causes.push_back({"FieldValueInvalid", "illegal base64 data", "data[" + name + "]"});
    }
  }
  if (old != nullptr && object.value("type", "") != old->value("type", "")) {
    causes.push_back({"FieldValueInvalid", "field is immutable", "type"});
  }
}

void check_stateful_set(const Json& object, const Json* old, std::vector<Cause>& causes) {
  if (old == nullptr) {
    const Json* labels = at(object, {"spec", "selector", "matchLabels"});
    const Json* pod_labels = at(object, {"spec", "template", "metadata", "labels"});
    if (labels == nullptr) {
      causes.push_back({"FieldValueRequired", "Required value", "spec.selector"});
      return;
    }
    for (const auto& [key, value] : labels->items()) {
      if (pod_labels == nullptr || pod_labels->value(key, Json()) != value) {
        causes.push_back({"FieldValueInvalid", "`selector` does not match template `labels`",
                          "spec.template.metadata.labels"});
        return;
      }
    }
    return;
  }
  if (differs_beyond(object.at("spec"), old->at("spec"),
                     {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
                      "persistentVolumeClaimRetentionPolicy", "minReadySeconds"})) {
    causes.push_back({"FieldValueForbidden",
                      "Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', "
                      "'template', 'updateStrategy', 'revisionHistoryLimit', "
                      "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
                      "spec"});
  }
}

void check_claim(const Json& object, const Json* old, std::vector<Cause>& causes) {
  if (old == nullptr) return;
  const Json &now = object.at("spec"), &before = old->at("spec");
  if (differs_beyond(now, before, {"resources", "volumeName"})) {
    causes.push_back({"FieldValueForbidden",
                      "Forbidden: spec is immutable after creation except resources.requests", "spec"});
  }
  const double size = quantity(text_at(now, {"resources", "requests", "storage"}));
  const double old_size = quantity(text_at(before, {"resources", "requests", "storage"}));
  if (size < old_size) {
    causes.push_back({"FieldValueForbidden", "Forbidden: field can not be less than previous value",
                      "spec.resources.requests.storage"});
  }
}

void check_event(const Json& object, std::vector<Cause>& causes) {
  for (const char* field :
       {"eventTime", "reportingController", "reportingInstance", "action", "reason", "type"}) {
    if (text_at(object, {field}).empty()) causes.push_back({"FieldValueRequired", "Required value", field});
  }
  const std::string type = text_at(object, {"type"});
  if (type != "Normal" && type != "Warning")
    causes.push_back({"FieldValueInvalid", "has invalid value", "type"});
  if (text_at(object, {"note"}).size() > 1024) {
    causes.push_back({"FieldValueInvalid", "can have at most 1024 characters", "note"});
  }
  const std::string ns = text_at(object, {"regarding", "namespace"});
  if (text_at(object, {"metadata", "namespace"}) != (ns.empty() ? "default" : ns)) {
    causes.push_back({"FieldValueInvalid", "does not match event.namespace", "regarding.namespace"});
  }
  const Json* count = at(object, {"series", "count"});
  if (object.contains("series") && (count == nullptr || *count < 2)) {
    causes.push_back({"FieldValueInvalid", "should be at least 2", "series.count"});
  }
}

struct Suffix {
  const char* text;
  double factor;
  bool binary;
};
constexpr std::array<Suffix, 14> kSuffixes = {{{"", 1, false},
                                               {"m", 1e-3, false},
                                               {"k", 1e3, false},
                                               {"M", 1e6, false},
                                               {"G", 1e9, false},
                                               {"T", 1e12, false},
                                               {"P", 1e15, false},
                                               {"E", 1e18, false},
                                               {"Ki", 0x1p10, true},
                                               {"Mi", 0x1p20, true},
                                               {"Gi", 0x1p30, true},
                                               {"Ti", 0x1p40, true},
                                               {"Pi", 0x1p50, true},
                                               {"Ei", 0x1p60, true}}};

bool parse(const std::string& text, double& value, bool& binary) {
  size_t used = 0;
  double number = 0;
  try {
    number = std::stod(text, &used);
  } catch (const std::exception&) {
    return false;
  }
  for (const Suffix& suffix : kSuffixes) {
    if (text.compare(used, std::string::npos, suffix.text) != 0) continue;
    value = number * suffix.factor;
    binary = suffix.binary;
    return true;
  }
  return false;
}

}  // namespace

double quantity(const std::string& text) {
  double value = 0;
  bool binary = false;
  return parse(text, value, binary) ? value : -1;
}

std::string canonical_quantity(const std::string& text) {
  double value = 0;
  bool binary = false;
  if (!parse(text, value, binary) || value < 0) return text;
  const double step = binary ? 1024 : 1000;
  constexpr std::array<const char*, 7> kBinary = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  constexpr std::array<const char*, 7> kDecimal = {"", "k", "M", "G", "T", "P", "E"};
  if (!binary && std::floor(value) != value) {
    return std::to_string(static_cast<int64_t>(std::ceil(value * 1000 - 1e-9))) + "m";
  }
  value = std::ceil(value);
  size_t i = 0;
  while (value >= step && std::fmod(value, step) == 0 && i + 1 < kBinary.size()) {
    value /= step;
    ++i;
  }
  return std::to_string(static_cast<int64_t>(value)) + (binary ? kBinary[i] : kDecimal[i]);
}

void default_built_in(const Kind& kind, Json& object, bool creating) {
  if (kind.kind == "StatefulSet") default_stateful_set(object);
  if (kind.kind == "Pod" && object.contains("spec")) default_pod_spec(object["spec"]);
  if (kind.kind == "Service") default_service(object);
  if (kind.kind == "Secret") default_secret(object);
  if (kind.kind == "NetworkPolicy") default_network_policy(object);
  if (kind.kind == "PersistentVolumeClaim") {
    default_claim(object);
    // The admission plugin StorageObjectInUseProtection.
    if (creating) object["metadata"]["finalizers"].push_back("kubernetes.io/pvc-protection");
  }
}

std::vector<Cause> check_built_in(const Kind& kind, const Json& object, const Json* old) {
  std::vector<Cause> causes;
  if (kind.kind == "StatefulSet") check_stateful_set(object, old, causes);
  if (kind.kind == "Secret") check_secret(object, old, causes);
  if (kind.kind == "PersistentVolumeClaim") check_claim(object, old, causes);
  if (kind.kind == "Event") check_event(object, causes);
  if (kind.kind == "Service" && old != nullptr &&
      text_at(object, {"spec", "clusterIP"}) != text_at(*old, {"spec", "clusterIP"})) {
    causes.push_back({"FieldValueInvalid", "field is immutable", "spec.clusterIP"});
  }
  return causes;
}

}  // namespace ferro::fakes::kube
