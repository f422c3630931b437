// One pass over one cluster: look, plan, act, tell.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "common/time/clock.h"
#include "operator/controllers/autoscale_sampler.h"
#include "operator/controllers/caches.h"
#include "operator/controllers/cluster_figures.h"
#include "operator/controllers/node_access.h"
#include "operator/controllers/observed.h"
#include "operator/controllers/pass_observer.h"
#include "operator/controllers/served_kinds.h"
#include "operator/exec/executor.h"
#include "operator/k8s/client.h"
#include "operator/nodeclient/node_client.h"
#include "operator/plan/plan.h"
#include "operator/runtime/event_recorder.h"
#include "operator/runtime/worker.h"

namespace ferro::oper::controllers {

struct ControllerOptions {
  std::string default_image;
  std::string operator_namespace;  // empty = outside the cluster
};

// Everything a controller borrows; owned by main, outlives it. All of it is thread-safe.
struct ControllerParts {
  Caches& caches;
  k8s::Client& client;
  nodeclient::NodeClient& nodes;
  const k8s::WriteGate& gate;
  runtime::EventRecorder& events;
  ClusterFiguresBook& figures;
  PassObserver& observer;
  const Clock& clock;
};

// `reconcile` from any of the workers; the queue gives a key to one at a time. Keeps no progress: what it
// remembers of a cluster saves work or, like the autoscaler's samples, may be lost.
class ClusterController {
 public:
  ClusterController(const ControllerParts& parts, ControllerOptions options);

  runtime::Outcome reconcile(const std::string& key);

 private:
  struct Memory {
    std::string uid;
    bool namespace_terminating = false;
    NodeAccessBook access;
    AutoscaleSampler sampler;
    // Of the last pass that came as far as reading them, and the versions of the Secrets that it read.
    std::optional<plan::PkiView> keys;
    std::string keys_of;
  };
  // What one pass has in its hands.
  struct Look;

  std::shared_ptr<Memory> memory_of(const std::string& key, const std::string& uid);
  void forget(const std::string& key);
  k8s::ApiResult<Observed> observe(Look& look);
  std::optional<k8s::ApiError> observe_objects(Look& look, Observed& observed);
  void observe_nodes(Look& look, Observed& observed);
  void observe_classes(Look& look, Observed& observed);
  exec::Outcome perform(Look& look, const Observed& observed, plan::Plan& plan);
  exec::Outcome write_status(Look& look, const Observed& observed, plan::Plan& plan);
  void tell(Look& look, const Observed& observed, const plan::Plan& plan);
  runtime::Outcome conclude(Look& look, const exec::Outcome& outcome, const plan::Plan& plan) const;

  const ControllerParts parts_;
  const ControllerOptions options_;
  exec::Expectations expectations_;
  exec::Executor executor_;
  ServedKinds served_;
  std::mutex mutex_;  // guards memories_
  std::unordered_map<std::string, std::shared_ptr<Memory>> memories_;
};

}  // namespace ferro::oper::controllers
