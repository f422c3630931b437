// The rest of a small Kubernetes around the fake API server: StatefulSet controller, volume binder,
// scheduler, kubelets, endpoints, garbage collector. Stepped by hand; nothing happens in between.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/fakes/kube_api/api_server.h"

namespace ferro::fakes::kube {

struct ControllerOptions {
  int nodes = 3;
  bool expandable = true;             // the StorageClass "standard" allows volumes to grow
  bool resize_needs_restart = false;  // a grown volume waits for its pod to start anew
};

// What runs inside pods, if the test has something to run. `pod` is the object as it stands.
struct PodHooks {
  std::function<void(const Json& pod)> started;
  std::function<void(const Json& pod)> stopped;  // gracefully, or because its node died (`killed`)
  std::function<void(const Json& pod)> killed;
  std::function<bool(const Json& pod)> is_ready;  // the readiness probe; absent = ready once it runs
};

// One thread. Owned by the test; the server outlives it.
class Controllers {
 public:
  explicit Controllers(ApiServer& server, ControllerOptions options = {}, PodHooks hooks = {});

  // One round of everything; true if something was written.
  bool step();
  // Rounds until nothing changes; false if that takes more than `rounds_max`.
  bool settle(int rounds_max = 200);

  // --- what the test decides ---
  // Pods of this image do not start: the container waits with the reason.
  void break_image(const std::string& image, const std::string& reason = "ImagePullBackOff");
  void repair_image(const std::string& image) {
    ++decisions_;
    broken_images_.erase(image);
  }
  // This pod is not ready, whatever it says, until told otherwise.
  void hold_unready(const std::string& pod) {
    ++decisions_;
    unready_.insert(pod);
  }
  void let_ready(const std::string& pod) {
    ++decisions_;
    unready_.erase(pod);
  }
  // Its container dies and starts again at the next step.
  void crash(const std::string& ns, const std::string& pod);
  // No node has room for new pods.
  void set_unschedulable(bool full) {
    ++decisions_;
    full_ = full;
  }
  // Terminating pods stay until this is taken back: a container that does not obey.
  void hold_terminating(bool hold) {
    ++decisions_;
    hold_terminating_ = hold;
  }
  // The node's machine is off: its pods turn unready and do not finish terminating.
  void lose_node(const std::string& node);
  void heal_node(const std::string& node);
  // The volume behind the claim is gone for good.
  void lose_volume(const std::string& ns, const std::string& claim);
  // Grows with every such decision: while it, the server's version and what the hooks answer stay as they
  // were after a step that wrote nothing, another step does nothing either.
  uint64_t decisions() const { return decisions_; }

 private:
  bool step_stateful_sets();
  bool step_stateful_set(const Json& set);
  bool ensure_claims(const Json& set, int64_t ordinal);  // true if all are there and may be used
  void own_claim(const Json& set, const Json& claim);
  bool ensure_pod(const Json& set, int64_t ordinal);
  bool remove_condemned(const Json& set);
  bool write_set_status(const Json& set);
  bool step_claims();
  bool step_claim(const Json& claim);
  bool step_pods();
  bool step_pod(const Json& pod);
  bool schedule(const Json& pod);
  bool start_container(const Json& pod);
  bool probe(const Json& pod);
  bool finish_pod(const Json& pod);
  bool step_endpoints();
  bool set_status(std::string_view plural, const Json& object,
                  const std::function<void(Json& status)>& change);
  std::vector<Json> pods_of(const Json& set) const;
  bool claims_ready(const Json& pod) const;

  ApiServer& server_;
  const ControllerOptions options_;
  const PodHooks hooks_;
  std::vector<std::string> nodes_;
  std::set<std::string> unready_, lost_nodes_, running_;  // running_: uids
  std::map<std::string, std::string> broken_images_;
  bool full_ = false, hold_terminating_ = false, wrote_ = false;
  int addresses_ = 0;
  uint64_t decisions_ = 0;
};

}  // namespace ferro::fakes::kube
