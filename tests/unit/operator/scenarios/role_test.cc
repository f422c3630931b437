// The rights that the chart gives, held against every request of every operation: what they do not grant is
// refused, and what nothing asked for is too much.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/unit/operator/api/yaml_json.h"
#include "tests/unit/operator/scenarios/operations.h"

namespace ferro::oper::scenarios {
namespace {

using fakes::kube::Fault;
using fakes::kube::RequestFacts;

// "resource verb", as in a rule.
std::string right(const std::string& resource, const std::string& verb) {
  return resource + " " + verb;
}
std::string resource_of(const RequestFacts& facts) {
  return facts.subresource.empty() ? facts.plural : facts.plural + "/" + facts.subresource;
}

class Role {
 public:
  Role() {
    for (const std::string file : {"watched", "cluster"}) {
      for (const Json& rule : tests::yaml_file("charts/ferrocache-operator/rbac/" + file + ".yaml")) {
        for (const Json& resource : rule.at("resources")) {
          for (const Json& verb : rule.at("verbs"))
            granted_.insert(right(resource.get<std::string>(), verb.get<std::string>()));
        }
      }
    }
  }
  // Outlives the stage.
  void guard(Stage& stage) {
    stage.server.set_faults([this](const RequestFacts& facts) {
      Fault fault;
      if (facts.verb == "discover") return fault;  // everybody who is known may
      const std::string wanted = right(resource_of(facts), facts.verb == "apply" ? "patch" : facts.verb);
      used_.insert(wanted);
      if (granted_.count(wanted) > 0) return fault;
      refused_.insert(wanted);
      fault.kind = Fault::Kind::answer;
      fault.status = 403;
      return fault;
    });
  }
  // An apply that made something needed `create` beside `patch`, which shows in its answer only.
  void look_back(const Stage& stage) {
    for (const RequestFacts& facts : stage.server.log()) {
      if (facts.verb != "apply" || facts.status != 201) continue;
      const std::string wanted = right(resource_of(facts), "create");
      used_.insert(wanted);
      if (granted_.count(wanted) == 0) refused_.insert(wanted);
    }
  }
  const std::set<std::string>& refused() const { return refused_; }
  std::set<std::string> idle() const {
    std::set<std::string> idle = granted_;
    for (const std::string& each : used_) idle.erase(each);
    return idle;
  }

 private:
  std::set<std::string> granted_, used_, refused_;
};

std::function<void(Stage&)> set(const Json& spec) {
  return [spec](Stage& stage) { stage.patch(kCluster, {{"spec", spec}}); };
}

// What operations() does not do: it is here for the rights that it needs.
std::vector<Operation> more_operations() {
  const auto always = [](const Stage&) { return true; };
  std::vector<Operation> all;
  const Json on = {{"serviceMonitor", "enabled"}, {"prometheusRule", "enabled"}, {"dashboards", "enabled"}};
  const Json off = {
      {"serviceMonitor", "disabled"}, {"prometheusRule", "disabled"}, {"dashboards", "disabled"}};
  all.push_back({"monitoring on and off", {{"monitoring", on}}, set({{"monitoring", off}}), always});
  all.push_back({"network policy on and off",
                 {{"networkPolicy", {{"enabled", true}}}},
                 set({{"networkPolicy", {{"enabled", false}}}}),
                 always});
  all.push_back({"down to a single node",
                 {{"replicas", 2}, {"replication", {{"factor", 1}}}},
                 set({{"replicas", 1}}),
                 always});
  all.push_back({"autoscaling",
                 {{"autoscaling",
                   {{"minReplicas", 3},
                    {"maxReplicas", 4},
                    {"targetMemoryPercent", 60},
                    {"stabilizationSeconds", 60}}}},
                 [](Stage& stage) {
                   for (auto& [member, node] : stage.nodes.find(Stage::kNamespace, kCluster)->nodes)
                     node.memory = 900;
                   stage.until([&] { return stage.resource(kCluster)["spec"].value("replicas", 0) == 4; },
                               300);
                 },
                 [](const Stage& stage) { return stage.pods() == 4; }});
  all.push_back({"an image that is bad for long, and told of by two lives of the operator",
                 {},
                 [](Stage& stage) {
                   stage.kube.break_image("ferrocached:bad");
                   stage.patch(kCluster, {{"spec", {{"image", "ferrocached:bad"}}}});
                   stage.until([&] { return !stage.blockers(kCluster).empty(); }, 120);
                   stage.until([] { return false; }, 60);
                   stage.restart_operator();
                   stage.until([] { return false; }, 60);
                   stage.patch(kCluster, {{"spec", {{"image", "ferrocached:1"}}}});
                 },
                 always});
  return all;
}

void install_monitoring(Stage& stage) {
  stage.server.install_kind({"monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor", true, false,
                             true, false, std::nullopt, Json()});
  stage.server.install_kind({"monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule", true, false,
                             true, false, std::nullopt, Json()});
}

TEST(Rights, TheRoleIsEnoughForEveryOperationAndHoldsNothingMore) {
  Role role;
  std::vector<Operation> all = operations();
  for (Operation& more : more_operations()) all.push_back(std::move(more));
  for (const Operation& operation : all) {
    SCOPED_TRACE(operation.name);
    Stage stage;
    install_monitoring(stage);
    role.guard(stage);
    stage.create(kCluster, operation.spec);
    if (operation.begin) {
      ASSERT_TRUE(stage.settles(kCluster)) << stage.story(kCluster);
      operation.begin(stage);
      stage.second();
    }
    EXPECT_TRUE(finishes(stage, operation)) << stage.story(kCluster);
    role.look_back(stage);
  }
  EXPECT_THAT(role.refused(), testing::IsEmpty());
  // Asked by the API server's admission where owner references are enforced, never by a request of ours.
  const std::set<std::string> by_admission = {"ferrocacheclusters/finalizers update"};
  EXPECT_EQ(role.idle(), by_admission);
}

}  // namespace
}  // namespace ferro::oper::scenarios
