// Scheduler and kubelets: what happens to pods once they exist.
#include <algorithm>

#include "tests/fakes/kube_api/controllers.h"

namespace ferro::fakes::kube {
namespace {

std::string name_of(const Json& object) {
  return text_at(object, {"metadata", "name"});
}
std::string ns_of(const Json& object) {
  return text_at(object, {"metadata", "namespace"});
}
std::string uid_of(const Json& object) {
  return text_at(object, {"metadata", "uid"});
}

void set_condition(Json& status, const char* type, bool holds, const std::string& reason,
                   const std::string& message) {
  Json condition = {{"type", type}, {"status", holds ? "True" : "False"}};
  if (!reason.empty()) condition["reason"] = reason;
  if (!message.empty()) condition["message"] = message;
  Json& conditions = status["conditions"];
  if (!conditions.is_array()) conditions = Json::array();
  for (Json& known : conditions) {
    if (text_at(known, {"type"}) == type) {
      known = condition;
      return;
    }
  }
  conditions.push_back(condition);
}

void set_ready(Json& status, bool ready, const std::string& reason = {}) {
  set_condition(status, "Ready", ready, reason, {});
  set_condition(status, "ContainersReady", ready, reason, {});
  if (!status.contains("containerStatuses")) return;
  for (Json& container : status["containerStatuses"]) container["ready"] = ready;
}

Json container_status(const Json& pod, const Json& state, int64_t restarts) {
  const Json& container = pod.at("spec").at("containers").at(0);
  return {{"name", container.value("name", "")},
          {"image", container.value("image", "")},
          {"ready", false},
          {"restartCount", restarts},
          {"state", state}};
}

int64_t restarts_of(const Json& pod) {
  const Json* statuses = at(pod, {"status", "containerStatuses"});
  return statuses == nullptr || statuses->empty() ? 0 : statuses->at(0).value("restartCount", int64_t{0});
}

}  // namespace

bool Controllers::step_pods() {
  bool done = false;
  for (const Json& pod : server_.list("pods")) done |= step_pod(pod);
  return done;
}

bool Controllers::step_pod(const Json& pod) {
  const std::string node = text_at(pod, {"spec", "nodeName"});
  if (node.empty()) return schedule(pod);
  if (lost_nodes_.count(node) > 0) {
    return set_status("pods", pod, [](Json& status) { set_ready(status, false, "NodeLost"); });
  }
  if (at(pod, {"metadata", "deletionTimestamp"}) != nullptr) return finish_pod(pod);
  if (text_at(pod, {"status", "phase"}) == "Failed") return false;
  if (running_.count(uid_of(pod)) == 0) return start_container(pod);
  return probe(pod);
}

bool Controllers::claims_ready(const Json& pod) const {
  for (const Json& volume : pod.at("spec").value("volumes", Json::array())) {
    const std::string claim = text_at(volume, {"persistentVolumeClaim", "claimName"});
    if (claim.empty()) continue;
    const std::optional<Json> found = server_.get("persistentvolumeclaims", ns_of(pod), claim);
    if (!found || at(*found, {"metadata", "deletionTimestamp"}) != nullptr) return false;
    if (text_at(*found, {"status", "phase"}) == "Lost") return false;
  }
  return true;
}

bool Controllers::schedule(const Json& pod) {
  if (at(pod, {"metadata", "deletionTimestamp"}) != nullptr) {
    server_.finish_deletion("pods", ns_of(pod), name_of(pod));
    return true;
  }
  std::map<std::string, int> load;
  for (const std::string& node : nodes_) {
    if (lost_nodes_.count(node) == 0) load[node] = 0;
  }
  for (const Json& other : server_.list("pods")) {
    const auto found = load.find(text_at(other, {"spec", "nodeName"}));
    if (found != load.end()) ++found->second;
  }
  const bool volumes = claims_ready(pod);
  if (full_ || load.empty() || !volumes) {
    const std::string message = volumes ? "0/3 nodes are available: Insufficient memory."
                                        : "pod has unbound immediate PersistentVolumeClaims";
    return set_status("pods", pod, [&](Json& status) {
      status["phase"] = "Pending";
      set_condition(status, "PodScheduled", false, "Unschedulable", message);
    });
  }
  const auto least = std::min_element(load.begin(), load.end(),
                                      [](const auto& a, const auto& b) { return a.second < b.second; });
  server_.edit("scheduler", "pods", ns_of(pod), name_of(pod),
               [&](Json& now) { now["spec"]["nodeName"] = least->first; });
  return set_status("pods", pod, [&](Json& status) {
    status["phase"] = "Pending";
    set_condition(status, "PodScheduled", true, {}, {});
  });
}

bool Controllers::start_container(const Json& pod) {
  for (const Json& volume : pod.at("spec").value("volumes", Json::array())) {
    const std::string claim = text_at(volume, {"persistentVolumeClaim", "claimName"});
    if (claim.empty()) continue;
    const std::optional<Json> found = server_.get("persistentvolumeclaims", ns_of(pod), claim);
    if (!found || text_at(*found, {"status", "phase"}) != "Bound") return false;
    if (at(*found, {"status", "conditions"}) == nullptr) continue;
    set_status("persistentvolumeclaims", *found, [&](Json& status) {
      status["capacity"]["storage"] = text_at(*found, {"spec", "resources", "requests", "storage"});
      status.erase("conditions");
    });
  }
  const std::string image = pod.at("spec").at("containers").at(0).value("image", "");
  if (const auto broken = broken_images_.find(image); broken != broken_images_.end()) {
    return set_status("pods", pod, [&](Json& status) {
      const Json waiting = {
          {"waiting", {{"reason", broken->second}, {"message", "cannot run image " + image}}}};
      status["containerStatuses"] = Json::array({container_status(pod, waiting, restarts_of(pod))});
      set_ready(status, false, "ContainersNotReady");
    });
  }
  running_.insert(uid_of(pod));
  const std::string node = text_at(pod, {"spec", "nodeName"});
  const std::string former = text_at(pod, {"status", "podIP"});
  const std::string address = former.empty() ? "10.244." + node.substr(node.rfind('-') + 1) + "." +
                                                   std::to_string(++addresses_ % 250 + 2)
                                             : former;
  set_status("pods", pod, [&](Json& status) {
    status["phase"] = "Running";
    status["podIP"] = address;
    status["podIPs"] = Json::array({{{"ip", address}}});
    status["containerStatuses"] =
        Json::array({container_status(pod, {{"running", Json::object()}}, restarts_of(pod))});
    set_ready(status, false, "ContainersNotReady");
  });
  if (hooks_.started) hooks_.started(*server_.get("pods", ns_of(pod), name_of(pod)));
  return true;
}

bool Controllers::probe(const Json& pod) {
  const bool ready = unready_.count(name_of(pod)) == 0 && (!hooks_.is_ready || hooks_.is_ready(pod));
  return set_status("pods", pod,
                    [&](Json& status) { set_ready(status, ready, ready ? "" : "ContainersNotReady"); });
}

bool Controllers::finish_pod(const Json& pod) {
  if (hold_terminating_) return false;
  if (running_.erase(uid_of(pod)) > 0 && hooks_.stopped) hooks_.stopped(pod);
  server_.finish_deletion("pods", ns_of(pod), name_of(pod));
  return true;
}

void Controllers::break_image(const std::string& image, const std::string& reason) {
  ++decisions_;
  broken_images_[image] = reason;
}

void Controllers::crash(const std::string& ns, const std::string& name) {
  const std::optional<Json> pod = server_.get("pods", ns, name);
  if (!pod) return;
  ++decisions_;
  if (running_.erase(uid_of(*pod)) > 0 && hooks_.killed) hooks_.killed(*pod);
  set_status("pods", *pod, [&](Json& status) {
    const Json waiting = {{"waiting", {{"reason", "CrashLoopBackOff"}, {"message", "back-off restarting"}}}};
    status["containerStatuses"] = Json::array({container_status(*pod, waiting, restarts_of(*pod) + 1)});
    set_ready(status, false, "ContainersNotReady");
  });
}

void Controllers::lose_node(const std::string& node) {
  ++decisions_;
  lost_nodes_.insert(node);
  for (const Json& pod : server_.list("pods")) {
    if (text_at(pod, {"spec", "nodeName"}) != node) continue;
    if (running_.erase(uid_of(pod)) > 0 && hooks_.killed) hooks_.killed(pod);
  }
}

void Controllers::heal_node(const std::string& node) {
  ++decisions_;
  lost_nodes_.erase(node);
}

}  // namespace ferro::fakes::kube
