// An operator, its API server, Kubernetes and the nodes, in one thread and on one clock. The operator is made
// of the product's parts as operator/app puts them together, and can be killed and started anew.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "common/time/clock.h"
#include "operator/controllers/cluster_controller.h"
#include "operator/k8s/rest_client.h"
#include "operator/runtime/reflector.h"
#include "operator/runtime/work_queue.h"
#include "tests/fakes/kube_api/api_server.h"
#include "tests/fakes/kube_api/controllers.h"
#include "tests/fakes/kube_api/in_process_transport.h"
#include "tests/unit/operator/scenarios/nodes.h"

namespace ferro::oper::scenarios {

// One process of the operator.
class Operator {
 public:
  // `watches_end_early`: whether a watch may end in good order before it has told everything.
  Operator(fakes::kube::ApiServer& server, nodeclient::NodeClient& nodes, ManualClock& clock,
           bool watches_end_early);

  // Brings the caches up to date, then gives every cluster that wants one a pass. False once it does nothing
  // any more for this moment.
  void pump();
  const controllers::ClusterFiguresBook& figures() const { return figures_; }
  uint64_t passes() const { return observer_.passes; }
  // Objects that lists and watches have brought, each as often as it was brought.
  uint64_t heard() const { return heard_; }
  const std::vector<std::string>& actions() const { return observer_.actions; }

 private:
  struct Gate final : k8s::WriteGate {
    int64_t write_allowance_ms() const override { return 10'000; }
  };
  struct NoWait final : k8s::Waiter {
    explicit NoWait(ManualClock& clock) : clock_(clock) {}
    bool wait_ms(int64_t duration_ms) override {
      clock_.advance_ms(duration_ms);
      return true;
    }
    ManualClock& clock_;
  };
  struct Observer final : controllers::PassObserver {
    void on_pass(bool, int64_t) override { ++passes; }
    void on_action(std::string_view action, bool ok) override {
      actions.push_back(std::string(action) + (ok ? "" : " failed"));
    }
    uint64_t passes = 0;
    std::vector<std::string> actions;
  };

  void watch();

  fakes::kube::ApiServer& server_;
  ManualClock& clock_;
  const bool watches_end_early_;
  NoWait waiter_;
  Gate gate_;
  Observer observer_;
  fakes::kube::InProcessTransport transport_;
  k8s::RestClient client_;
  controllers::Caches caches_;
  runtime::EventRecorder events_;
  controllers::ClusterFiguresBook figures_;
  runtime::WorkQueue queue_;
  controllers::ClusterController controller_;
  std::vector<std::unique_ptr<runtime::Reflector>> reflectors_;
  uint64_t heard_ = 0;
  uint64_t watched_ = 0;  // the caches show everything up to this version; 0 = they may not
};

class Stage {
 public:
  explicit Stage(fakes::kube::ControllerOptions options = {});

  // --- what users do ---
  void create(const std::string& name, Json spec = Json::object());
  void patch(const std::string& name, const Json& merge);  // of the whole resource
  void remove(const std::string& name);

  // --- time ---
  void second();
  // Seconds until `done`; false if that takes more than `at_most`.
  bool until(const std::function<bool()>& done, int at_most = 600);
  // Until the cluster is as its spec says and nothing changes any more.
  bool settles(const std::string& name, int at_most = 900);

  // --- looking ---
  Json resource(const std::string& name) const;
  Json status(const std::string& name) const { return resource(name).value("status", Json::object()); }
  std::string condition(const std::string& name, const std::string& type) const;
  std::string phase(const std::string& name) const { return status(name).value("phase", ""); }
  bool is_settled(const std::string& name) const;
  // Rules in blockedBy.
  std::vector<std::string> blockers(const std::string& name) const;
  int64_t pods() const { return static_cast<int64_t>(server.list("pods", kNamespace).size()); }
  std::string story(const std::string& name) const;  // for messages of failed tests

  void restart_operator();
  // Asked after everything that the operator did in a second: true = it is dead, and another one begins.
  void replace_when(std::function<bool()> dead) { dead_ = std::move(dead); }
  // Before the first second: for faults that end watches early.
  void let_watches_end_early();

  static constexpr const char* kNamespace = "shop";
  ManualClock clock;
  fakes::kube::ApiServer server;
  Nodes nodes;
  fakes::kube::Controllers kube;
  std::unique_ptr<Operator> oper;

 private:
  void step_kube();

  std::function<bool()> dead_;
  bool watches_end_early_ = false;
  std::tuple<uint64_t, uint64_t, uint64_t> kube_saw_;  // what its last step began with
};

}  // namespace ferro::oper::scenarios
