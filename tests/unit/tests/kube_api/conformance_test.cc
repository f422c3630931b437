// Does the fake API server behave as a real one? The same expectations, always against the fake and, if
// FERROCACHE_TEST_KUBECONFIG names a kubeconfig file, against the server behind it too. It needs no
// controllers there; namespaces `conformance-...` are left terminating or gone.
#include <gmock/gmock.h>

#include <cstdlib>
#include <memory>

#include "operator/k8s/cpprest_transport.h"
#include "operator/k8s/json_text.h"
#include "operator/k8s/resources.h"
#include "operator/k8s/rest_client.h"
#include "operator/runtime/event_recorder.h"
#include "operator/runtime/leader_election.h"
#include "operator/runtime/reflector.h"
#include "tests/fakes/kube_api/in_process_transport.h"
#include "tests/fakes/kube_api/yaml_file.h"

namespace ferro::fakes::kube {
namespace {

using namespace oper::k8s;
using Json = nlohmann::json;
using testing::HasSubstr;

constexpr Resource kDefinitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions",
                                "CustomResourceDefinition", false};

const char* real_kubeconfig() {
  return std::getenv("FERROCACHE_TEST_KUBECONFIG");
}

std::vector<std::string> servers() {
  if (real_kubeconfig() == nullptr) return {"fake"};
  return {"fake", "real"};
}

class Conformance : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const Json crd = yaml_file("crds/ferrocacheclusters.yaml");
    if (GetParam() == "fake") {
      server_ = std::make_unique<ApiServer>(clock_);
      server_->install_crd(crd);
      transport_ = std::make_unique<InProcessTransport>(*server_);
    } else {
      const Result<Access> access = kubeconfig_access(real_kubeconfig());
      ASSERT_TRUE(access.ok()) << access.status().to_string();
      Result<std::unique_ptr<Transport>> made = make_cpprest_transport(*access, clock_);
      ASSERT_TRUE(made.ok()) << made.status().to_string();
      transport_ = std::move(made).value();
    }
    // A short watch, so that a real server ends it soon.
    client_ = std::make_unique<RestClient>(*transport_, clock_, waiter_, nullptr,
                                           RestOptions{.watch_seconds = 1, .queries_per_second = 0});
    ns_ = "conformance-" + std::to_string(clock_.wall_ms() % 1'000'000'000) + "-" + std::to_string(++count_);
    good(client_->create(kNamespaces, "", {{"metadata", {{"name", ns_}}}}));
    if (GetParam() == "real") {
      good(client_->apply(kDefinitions, crd));
      for (int i = 0; i < 200 && !client_->serves(kClusters).value(); ++i) waiter_.wait_ms(50);
    }
  }
  void TearDown() override {
    if (client_ != nullptr) static_cast<void>(client_->remove(kNamespaces, "", ns_));
  }

  static Json good(const ApiResult<Json>& result) {
    EXPECT_TRUE(result.ok()) << result.error().message;
    return result.ok() ? result.value() : Json::object();
  }
  Json named(const std::string& name, const Json& more = Json::object()) const {
    Json object = {{"metadata", {{"name", name}, {"namespace", ns_}}}};
    object.merge_patch(more);
    return object;
  }
  Json stateful_set(int replicas = 1) const {
    Json set = named("s", Json::parse(R"({"spec": {
        "serviceName": "s-nodes", "podManagementPolicy": "Parallel", "updateStrategy": {"type": "OnDelete"},
        "selector": {"matchLabels": {"app": "x"}},
        "template": {
          "metadata": {"labels": {"app": "x"}},
          "spec": {"containers": [{
            "name": "c", "image": "i:1", "ports": [{"name": "http", "containerPort": 3000}],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "resources": {"requests": {"cpu": "0.25", "memory": "1024Mi"}, "limits": {"memory": "2048Mi"}}}]}},
        "volumeClaimTemplates": [{
          "metadata": {"name": "data"},
          "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10240Mi"}}}}]}})"));
    set["spec"]["replicas"] = replicas;
    return set;
  }

  SystemClock clock_;
  SystemWaiter waiter_;
  std::unique_ptr<ApiServer> server_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<RestClient> client_;
  std::string ns_;
  static int count_;
};
int Conformance::count_ = 0;

TEST_P(Conformance, ListsLeaveKindsOutAndTheClientFillsThemIn) {
  for (int i = 0; i < 5; ++i) good(client_->create(kConfigMaps, ns_, named("m" + std::to_string(i))));
  const ApiResult<ObjectList> listed =
      client_->list(kConfigMaps, {.ns = ns_, .label_selector = {}, .page_size = 2});
  ASSERT_TRUE(listed.ok()) << listed.error().message;
  size_t ours = 0;
  for (const Json& item : listed.value().items) {
    ours += item.at("metadata").at("name").get<std::string>().starts_with("m") ? 1 : 0;
    EXPECT_EQ(item.at("kind"), "ConfigMap");
  }
  EXPECT_EQ(ours, 5U);
}

TEST_P(Conformance, AWatchFromAListTellsWhatCameAfterIt) {
  const ApiResult<ObjectList> listed = client_->list(kConfigMaps, {.ns = ns_, .label_selector = "app=x"});
  good(client_->create(kConfigMaps, ns_, named("a", {{"metadata", {{"labels", {{"app", "x"}}}}}})));
  good(client_->create(kConfigMaps, ns_, named("b")));
  good(client_->patch(kConfigMaps, ns_, "a", {{"data", {{"k", "v"}}}}));
  good(client_->patch(kConfigMaps, ns_, "a", {{"metadata", {{"labels", {{"app", "y"}}}}}}));
  std::vector<std::string> seen;
  std::string last;
  const ApiResult<WatchEnd> end =
      client_->watch(kConfigMaps, {.ns = ns_, .label_selector = "app=x"}, listed.value().resource_version,
                     [&](WatchEvent&& event) {
                       if (event.type == WatchEvent::Type::bookmark) return;
                       seen.push_back(std::to_string(static_cast<int>(event.type)) + " " +
                                      event.object.at("metadata").at("name").get<std::string>());
                       EXPECT_EQ(event.object.at("kind"), "ConfigMap");
                     });
  ASSERT_TRUE(end.ok()) << end.error().message;
  EXPECT_EQ(end.value(), WatchEnd::server_closed);
  EXPECT_THAT(seen, testing::ElementsAre("0 a", "1 a", "2 a"));
}

TEST_P(Conformance, AnImpossibleVersionIsNoSilence) {
  const ApiResult<WatchEnd> ancient = client_->watch(kConfigMaps, {.ns = ns_}, "1", [](WatchEvent&&) {});
  EXPECT_TRUE(ancient.ok() || ancient.error().kind == ErrorKind::gone);
  const ApiResult<WatchEnd> wrong = client_->watch(kConfigMaps, {.ns = ns_}, "x", [](WatchEvent&&) {});
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind, ErrorKind::invalid);
}

TEST_P(Conformance, ApplyOwnsWhatItSendsAndTakesBackWhatItNoLongerSends) {
  good(client_->apply(kConfigMaps, named("m", {{"data", {{"a", "1"}, {"b", "1"}}}})));
  good(client_->patch(kConfigMaps, ns_, "m", {{"data", {{"c", "2"}}}}));
  const Json now = good(client_->apply(kConfigMaps, named("m", {{"data", {{"a", "3"}}}})));
  // The merge patch went under our own name, as an Update: c is still ours as such and stays.
  EXPECT_EQ(now.at("data"), (Json{{"a", "3"}, {"c", "2"}}));
  const Json again = good(client_->apply(kConfigMaps, named("m", {{"data", {{"a", "3"}}}})));
  EXPECT_EQ(again.at("metadata").at("resourceVersion"), now.at("metadata").at("resourceVersion"));
}

TEST_P(Conformance, AStatefulSetIsDefaultedAndItsQuantitiesWrittenTheShortWay) {
  const Json made = good(client_->apply(kStatefulSets, stateful_set()));
  const Json& spec = made.at("spec");
  EXPECT_EQ(made.at("metadata").at("generation"), 1);
  EXPECT_EQ(spec.at("revisionHistoryLimit"), 10);
  EXPECT_EQ(spec.at("persistentVolumeClaimRetentionPolicy"),
            (Json{{"whenDeleted", "Retain"}, {"whenScaled", "Retain"}}));
  const Json& pod = spec.at("template").at("spec");
  EXPECT_EQ(pod.at("restartPolicy"), "Always");
  EXPECT_EQ(pod.at("dnsPolicy"), "ClusterFirst");
  EXPECT_EQ(pod.at("terminationGracePeriodSeconds"), 30);
  EXPECT_EQ(pod.at("schedulerName"), "default-scheduler");
  EXPECT_EQ(pod.at("securityContext"), Json::object());
  const Json& container = pod.at("containers")[0];
  EXPECT_EQ(container.at("imagePullPolicy"), "IfNotPresent");
  EXPECT_EQ(container.at("terminationMessagePath"), "/dev/termination-log");
  EXPECT_EQ(container.at("ports")[0].at("protocol"), "TCP");
  EXPECT_EQ(container.at("resources"),
            Json::parse(R"({"requests":{"cpu":"250m","memory":"1Gi"},"limits":{"memory":"2Gi"}})"));
  EXPECT_EQ(spec.at("volumeClaimTemplates")[0].at("spec").at("resources").at("requests").at("storage"),
            "10Gi");
  EXPECT_EQ(spec.at("volumeClaimTemplates")[0].at("spec").at("volumeMode"), "Filesystem");
  const Json again = good(client_->apply(kStatefulSets, stateful_set()));
  EXPECT_EQ(again.at("metadata").at("resourceVersion"), made.at("metadata").at("resourceVersion"))
      << "the long way again is no change";
}

TEST_P(Conformance, ListsInAStatefulSetMergeByKey) {
  good(client_->apply(kStatefulSets, stateful_set()));
  Json less = stateful_set();
  less["spec"]["template"]["spec"]["containers"][0]["env"] = Json::array({{{"name", "B"}, {"value", "3"}}});
  const Json now = good(client_->apply(kStatefulSets, less));
  EXPECT_EQ(now.at("spec").at("template").at("spec").at("containers")[0].at("env"),
            Json::parse(R"([{"name":"B","value":"3"}])"));
  EXPECT_EQ(now.at("metadata").at("generation"), 2);
}

TEST_P(Conformance, WhatIsImmutableIsInvalid) {
  good(client_->apply(kStatefulSets, stateful_set()));
  Json moved = stateful_set();
  moved["spec"]["serviceName"] = "other";
  const ApiResult<Json> refused = client_->apply(kStatefulSets, moved);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_THAT(refused.error().message, HasSubstr("updates to statefulset spec"));
}

TEST_P(Conformance, ScaleAndStatusAreApart) {
  good(client_->apply(kStatefulSets, stateful_set()));
  const Json scale =
      good(client_->patch(kStatefulSets, ns_, "s", {{"spec", {{"replicas", 0}}}}, Subresource::scale));
  EXPECT_EQ(scale.at("kind"), "Scale");
  good(client_->patch(kStatefulSets, ns_, "s", {{"status", {{"replicas", 3}}}, {"spec", {{"replicas", 9}}}},
                      Subresource::status));
  const Json now = good(client_->get(kStatefulSets, ns_, "s"));
  EXPECT_EQ(now.at("spec").at("replicas"), 0);
  EXPECT_EQ(now.at("status").at("replicas"), 3);
  EXPECT_EQ(now.at("metadata").at("generation"), 2);
}

TEST_P(Conformance, ACustomResourceIsAdmittedByItsSchema) {
  const Json made = good(client_->create(kClusters, ns_, named("demo", {{"spec", {{"replica", 7}}}})));
  EXPECT_EQ(made.at("spec").at("replicas"), 3);
  EXPECT_FALSE(made.at("spec").contains("replica"));
  EXPECT_EQ(made.at("kind"), "FerroCacheCluster");
  const ApiResult<Json> wrong = client_->create(
      kClusters, ns_, named("wrong", {{"spec", {{"replicas", 2}, {"replication", {{"factor", 3}}}}}}));
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().kind, ErrorKind::invalid);
  EXPECT_THAT(wrong.error().message, HasSubstr("spec.replication.factor must not be above"));
  EXPECT_EQ(client_->patch(kClusters, ns_, "demo", {{"spec", {{"storage", {{"size", "1Gi"}}}}}}).error().kind,
            ErrorKind::invalid);

  // Status by apply: no generation, and again no change.
  const Json status = named("demo", {{"status", {{"phase", "Ready"}, {"replicas", 3}}}});
  const Json told = good(client_->apply(kClusters, status, Subresource::status));
  EXPECT_EQ(told.at("metadata").at("generation"), 1);
  EXPECT_EQ(told.at("status").at("phase"), "Ready");
  const Json again = good(client_->apply(kClusters, status, Subresource::status));
  EXPECT_EQ(again.at("metadata").at("resourceVersion"), told.at("metadata").at("resourceVersion"));
  const Json scaled =
      good(client_->patch(kClusters, ns_, "demo", {{"spec", {{"replicas", 5}}}}, Subresource::scale));
  EXPECT_EQ(scaled.at("spec").at("replicas"), 5);
  EXPECT_EQ(scaled.at("status").at("replicas"), 3);
}

TEST_P(Conformance, PreconditionsAndConflicts) {
  const Json made = good(client_->create(kConfigMaps, ns_, named("m")));
  EXPECT_EQ(client_->create(kConfigMaps, ns_, named("m")).error().kind, ErrorKind::already_exists);
  good(client_->patch(kConfigMaps, ns_, "m", {{"data", {{"a", "b"}}}}));
  EXPECT_EQ(client_->replace(kConfigMaps, made).error().kind, ErrorKind::conflict);
  EXPECT_EQ(client_
                ->remove(kConfigMaps, ns_, "m",
                         {.uid = "00000000-0000-0000-0000-000000000000", .resource_version = {}})
                .error()
                .kind,
            ErrorKind::conflict);
  EXPECT_EQ(client_
                ->remove(kConfigMaps, ns_, "m",
                         {.uid = {}, .resource_version = made.at("metadata").at("resourceVersion")})
                .error()
                .kind,
            ErrorKind::conflict);
  good(
      client_->remove(kConfigMaps, ns_, "m", {.uid = made.at("metadata").at("uid"), .resource_version = {}}));
  EXPECT_EQ(client_->get(kConfigMaps, ns_, "m").error().kind, ErrorKind::not_found);
}

TEST_P(Conformance, ATerminatingNamespaceTakesNothingNew) {
  good(client_->create(kConfigMaps, ns_,
                       named("held", {{"metadata", {{"finalizers", {"example.com/held"}}}}})));
  good(client_->remove(kNamespaces, "", ns_));
  const ApiResult<Json> refused = client_->apply(kConfigMaps, named("late"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::forbidden);
  EXPECT_TRUE(refused.error().terminating);
  good(client_->patch(kConfigMaps, ns_, "held", {{"metadata", {{"finalizers", nullptr}}}}));
}

TEST_P(Conformance, SecretsAreCheckedWithoutBeingQuoted) {
  const ApiResult<Json> refused =
      client_->create(kSecrets, ns_, named("s", {{"data", {{"token", "hunter2 hunter2"}}}}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_EQ(refused.error().message.find("hunter2"), std::string::npos);
  const Json made = good(client_->create(kSecrets, ns_, named("s", {{"stringData", {{"token", "foo"}}}})));
  EXPECT_EQ(made.at("data").at("token"), "Zm9v");
}

TEST_P(Conformance, ALeaseIsTakenRenewedAndGivenUp) {
  oper::runtime::LeaderElection first(*client_, clock_, {.ns = ns_, .name = "op", .identity = "first"});
  oper::runtime::LeaderElection second(*client_, clock_, {.ns = ns_, .name = "op", .identity = "second"});
  first.step();
  second.step();
  first.step();
  EXPECT_TRUE(first.still_leader());
  EXPECT_FALSE(second.still_leader());
  EXPECT_EQ(second.holder(), "first");
  first.release();
  second.step();
  EXPECT_TRUE(second.still_leader());
}

TEST_P(Conformance, EventsAreAcceptedAndCounted) {
  const Json about = good(client_->create(kConfigMaps, ns_, named("m")));
  for (int life = 0; life < 2; ++life) {
    oper::runtime::EventRecorder recorder(*client_, clock_, {.instance = "pod-1"});
    ASSERT_TRUE(
        recorder.record(oper::runtime::regarding(about),
                        {.warning = true, .reason = "Tested", .action = "Test", .note = "a sentence"}));
    while (recorder.step() >= 0) {
    }
    EXPECT_EQ(recorder.sent(), 1U);
    EXPECT_EQ(recorder.dropped(), 0U);
  }
  const ApiResult<ObjectList> events = client_->list(kEvents, {.ns = ns_});
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events.value().items.size(), 1U);
  EXPECT_EQ(events.value().items[0].at("series").at("count"), 2);
}

TEST_P(Conformance, AReflectorFollows) {
  oper::runtime::Store store;
  oper::runtime::Reflector reflector(*client_, clock_, kConfigMaps, store, {},
                                     {.list = {.ns = ns_, .label_selector = "app=x"}});
  good(client_->create(kConfigMaps, ns_, named("a", {{"metadata", {{"labels", {{"app", "x"}}}}}})));
  reflector.step();
  EXPECT_EQ(store.size(), 1U);
  EXPECT_TRUE(store.synced());
  good(client_->create(kConfigMaps, ns_, named("b", {{"metadata", {{"labels", {{"app", "x"}}}}}})));
  good(client_->remove(kConfigMaps, ns_, "a"));
  reflector.step();
  ASSERT_EQ(store.size(), 1U);
  EXPECT_NE(store.get(ns_, "b"), nullptr);
  EXPECT_FALSE(store.get(ns_, "b")->at("metadata").contains("managedFields"));
  EXPECT_EQ(reflector.figures().lists, 1U);
}

TEST_P(Conformance, DiscoveryTellsWhatIsServed) {
  EXPECT_TRUE(client_->serves(kClusters).value());
  EXPECT_TRUE(client_->serves(kEvents).value());
  EXPECT_FALSE(client_->serves(kServiceMonitors).value());
}

INSTANTIATE_TEST_SUITE_P(Servers, Conformance, testing::ValuesIn(servers()),
                         [](const auto& chosen) { return chosen.param; });

}  // namespace
}  // namespace ferro::fakes::kube
