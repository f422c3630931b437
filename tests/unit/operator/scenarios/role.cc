#include "tests/unit/operator/scenarios/role.h"

#include "tests/unit/operator/api/yaml_json.h"

namespace ferro::oper::scenarios {
namespace {

using fakes::kube::Fault;
using fakes::kube::RequestFacts;

std::string right(const std::string& resource, const std::string& verb) {
  return resource + " " + verb;
}
std::string resource_of(const RequestFacts& facts) {
  return facts.subresource.empty() ? facts.plural : facts.plural + "/" + facts.subresource;
}

std::set<std::string> read_chart() {
  std::set<std::string> granted;
  for (const std::string file : {"watched", "cluster"}) {
    for (const Json& rule : tests::yaml_file("charts/ferrocache-operator/rbac/" + file + ".yaml")) {
      for (const Json& resource : rule.at("resources")) {
        for (const Json& verb : rule.at("verbs"))
          granted.insert(right(resource.get<std::string>(), verb.get<std::string>()));
      }
    }
  }
  return granted;
}

}  // namespace

Role::Role() {
  static const std::set<std::string> kGranted = read_chart();
  granted_ = kGranted;
}

void Role::guard(Stage& stage) {
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

void Role::look_back(const Stage& stage) {
  for (const RequestFacts& facts : stage.server.log()) {
    if (facts.verb != "apply" || facts.status != 201) continue;
    const std::string wanted = right(resource_of(facts), "create");
    used_.insert(wanted);
    if (granted_.count(wanted) == 0) refused_.insert(wanted);
  }
}

std::set<std::string> Role::idle() const {
  std::set<std::string> idle = granted_;
  for (const std::string& each : used_) idle.erase(each);
  return idle;
}

}  // namespace ferro::oper::scenarios
