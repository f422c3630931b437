#include "tests/unit/operator/scenarios/stage.h"

#include <algorithm>
#include <utility>

#include "common/base/assert.h"
#include "operator/controllers/relevance.h"
#include "operator/k8s/resources.h"
#include "tests/unit/operator/api/yaml_json.h"

namespace ferro::oper::scenarios {
namespace {

constexpr int kTurnsMax = 200;  // of one moment: passes that follow from passes

runtime::EventRecorderOptions event_options() {
  runtime::EventRecorderOptions options;
  options.instance = "operator-0";
  return options;
}

}  // namespace

Operator::Operator(fakes::kube::ApiServer& server, nodeclient::NodeClient& nodes, ManualClock& clock,
                   bool watches_end_early)
    : server_(server),
      clock_(clock),
      watches_end_early_(watches_end_early),
      waiter_(clock),
      transport_(server, {false, [&clock](int64_t ms) { clock.advance_ms(ms); }}),
      client_(transport_, clock, waiter_, nullptr,
              [] {
                k8s::RestOptions options;
                options.queries_per_second = 0;
                return options;
              }()),
      events_(client_, clock, event_options()),
      queue_(clock,
             [] {
               runtime::WorkQueueOptions options;
               options.per_second = 0;
               return options;
             }()),
      controller_({caches_, client_, nodes, gate_, events_, figures_, observer_, clock},
                  {"ferrocached:1", "ferrocache-system"}) {
  caches_.each([this](controllers::Caches::Kind& kind) {
    kind.store.expect_scope("");
    runtime::ReflectorOptions options;
    options.list.label_selector = std::string(kind.label_selector);
    options.short_watch_ms = 0;  // a watch here ends when there is nothing more to tell
    const k8s::Resource resource = kind.resource;
    reflectors_.push_back(std::make_unique<runtime::Reflector>(
        client_, clock_, resource, kind.store,
        [this, resource](const runtime::Change& change) {
          ++heard_;
          if (!controllers::is_relevant(resource, change)) return;
          const std::string key = controllers::cluster_key_of(resource, change);
          if (!key.empty()) queue_.add(key);
        },
        options));
  });
}

// A watch that would have nothing to tell is not opened: most seconds of a cluster are of that kind.
void Operator::watch() {
  const uint64_t version = server_.version();
  if (watched_ == version && !watches_end_early_) return;
  watched_ = version;
  for (const auto& reflector : reflectors_) {
    if (reflector->step() != 0) watched_ = 0;
  }
}

void Operator::pump() {
  for (int turn = 0; turn < kTurnsMax; ++turn) {
    watch();
    if (!caches_.synced()) return;
    const auto key = queue_.try_take();
    if (!key) break;
    const runtime::Outcome outcome = controller_.reconcile(*key);
    if (!outcome.ok) {
      queue_.failed(*key, outcome.at_least_ms);
    } else if (outcome.revisit_ms >= 0) {
      queue_.done_and_revisit(*key, outcome.revisit_ms);
    } else {
      queue_.done(*key);
    }
  }
  while (events_.step() == 0) {
  }
}

Stage::Stage(fakes::kube::ControllerOptions options)
    : server(clock), nodes(server, clock), kube(server, options, nodes.hooks()) {
  static const Json kCrd = tests::yaml_file("crds/ferrocacheclusters.yaml");
  server.install_crd(kCrd);
  server.make_namespace(kNamespace);
  restart_operator();
}

void Stage::restart_operator() {
  oper = std::make_unique<Operator>(server, nodes, clock, watches_end_early_);
}

void Stage::let_watches_end_early() {
  watches_end_early_ = true;
  restart_operator();
}

void Stage::create(const std::string& name, Json spec) {
  server.create("user", "ferrocacheclusters",
                {{"metadata", {{"name", name}, {"namespace", kNamespace}}}, {"spec", std::move(spec)}});
}

void Stage::patch(const std::string& name, const Json& merge) {
  const bool there = server.edit("user", "ferrocacheclusters", kNamespace, name,
                                 [&merge](Json& object) { object.merge_patch(merge); });
  FERRO_ASSERT(there, "a test patches what is not there");
}

void Stage::remove(const std::string& name) {
  server.remove("ferrocacheclusters", kNamespace, name);
}

// Kubernetes does nothing while neither objects, nor nodes, nor what the test decided have changed.
void Stage::step_kube() {
  const auto sees = std::tuple(server.version(), nodes.changes(), kube.decisions());
  if (std::exchange(kube_saw_, sees) != sees) kube.step();
}

void Stage::second() {
  oper->pump();
  if (dead_ && dead_()) restart_operator();
  step_kube();
  nodes.step();
  clock.advance_ms(1000);
}

bool Stage::until(const std::function<bool()>& done, int at_most) {
  for (int i = 0; i < at_most; ++i) {
    if (done()) return true;
    second();
  }
  return done();
}

Json Stage::resource(const std::string& name) const {
  return server.get("ferrocacheclusters", kNamespace, name).value_or(Json::object());
}

std::string Stage::condition(const std::string& name, const std::string& type) const {
  for (const Json& each : status(name).value("conditions", Json::array())) {
    if (each.value("type", "") == type) return each.value("status", "") + "/" + each.value("reason", "");
  }
  return {};
}

bool Stage::is_settled(const std::string& name) const {
  const Json object = resource(name), now = object.value("status", Json::object());
  if (now.value("observedGeneration", 0) != object["metadata"].value("generation", 1)) return false;
  return now.value("phase", "") == "Ready" &&
         now.value("readyReplicas", 0) == object["spec"].value("replicas", 0) &&
         pods() == object["spec"].value("replicas", 0) && now.value("blockedBy", Json::array()).empty() &&
         condition(name, "Progressing").starts_with("False");
}

bool Stage::settles(const std::string& name, int at_most) {
  // Ready for some seconds on end without a write: not only between two steps.
  constexpr int kCalmSeconds = 10;
  int calm = 0;
  uint64_t version = 0, acted = 0;
  bool settled = false;
  return until(
      [&] {
        if (const uint64_t now = server.version(); std::exchange(version, now) != now)
          settled = is_settled(name);
        const uint64_t actions = oper->actions().size();
        const bool quiet = settled && std::exchange(acted, actions) == actions;
        calm = quiet ? calm + 1 : 0;
        return calm >= kCalmSeconds;
      },
      at_most);
}

std::vector<std::string> Stage::blockers(const std::string& name) const {
  std::vector<std::string> rules;
  for (const Json& each : status(name).value("blockedBy", Json::array()))
    rules.push_back(each.value("rule", ""));
  return rules;
}

std::string Stage::story(const std::string& name) const {
  std::string text = "status: " + status(name).dump(1) + "\nactions:";
  const auto& actions = oper->actions();
  for (size_t i = actions.size() > 40 ? actions.size() - 40 : 0; i < actions.size(); ++i)
    text += " " + actions[i];
  for (const std::string& fault : nodes.faults()) text += "\nfault: " + fault;
  return text;
}

}  // namespace ferro::oper::scenarios
