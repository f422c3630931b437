// The client's conventions, against the fake API server.
#include "operator/k8s/rest_client.h"

#include <gmock/gmock.h>

#include "operator/k8s/json_text.h"
#include "operator/k8s/resources.h"
#include "tests/fakes/kube_api/in_process_transport.h"
#include "tests/fakes/kube_api/manual_waiter.h"

namespace ferro::oper::k8s {
namespace {

using fakes::kube::ApiServer;
using fakes::kube::Fault;
using fakes::kube::InProcessTransport;
using fakes::kube::ManualWaiter;
using fakes::kube::RequestFacts;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Observer final : public RequestObserver {
 public:
  void on_request(const oper::k8s::RequestFacts& facts) override {
    seen.push_back(std::string(facts.verb) + " " + std::string(facts.resource) + " " +
                   std::to_string(facts.code));
  }
  void on_garbage(std::string_view) override { ++garbage; }
  std::vector<std::string> seen;
  int garbage = 0;
};

class RestClientTest : public testing::Test {
 protected:
  RestClientTest() { server_.make_namespace("ns"); }

  Json config_map(const std::string& name, const Json& data = {{"a", "1"}}) {
    return {{"metadata", {{"name", name}, {"namespace", "ns"}, {"labels", {{"app", name.substr(0, 1)}}}}},
            {"data", data}};
  }
  std::vector<std::string> watch(const std::string& from, ListOptions options = {}) {
    std::vector<std::string> events;
    end_ = client_.watch(kConfigMaps, options, from, [&](WatchEvent&& event) {
      static constexpr const char* kWords[] = {"added", "modified", "deleted", "bookmark", "unreadable"};
      const std::string word = kWords[static_cast<size_t>(event.type)];
      events.push_back(word + " " + string_at(event.object, {"metadata", "name"}));
    });
    return events;
  }

  ManualClock clock_;
  ManualWaiter waiter_{clock_};
  ApiServer server_{clock_};
  InProcessTransport transport_{server_, {.pass_time = [this](int64_t ms) { clock_.advance_ms(ms); }}};
  Observer observer_;
  RestClient client_{transport_, clock_, waiter_, &observer_};
  ApiResult<WatchEnd> end_{WatchEnd::idle};
};

TEST_F(RestClientTest, CreateGetPatchReplaceRemove) {
  const ApiResult<Json> made = client_.create(kConfigMaps, "ns", config_map("a"));
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(client_.create(kConfigMaps, "ns", config_map("a")).error().kind, ErrorKind::already_exists);

  ApiResult<Json> patched = client_.patch(kConfigMaps, "ns", "a", {{"data", {{"a", nullptr}, {"b", "2"}}}});
  ASSERT_TRUE(patched.ok());
  EXPECT_EQ(patched.value().at("data"), (Json{{"b", "2"}}));

  Json stale = made.value();
  EXPECT_EQ(client_.replace(kConfigMaps, stale).error().kind, ErrorKind::conflict);
  Json fresh = patched.value();
  fresh["data"]["c"] = "3";
  ASSERT_TRUE(client_.replace(kConfigMaps, fresh).ok());
  EXPECT_EQ(client_.get(kConfigMaps, "ns", "a").value().at("data"), (Json{{"b", "2"}, {"c", "3"}}));

  EXPECT_EQ(client_.remove(kConfigMaps, "ns", "a", {.uid = "other", .resource_version = {}}).error().kind,
            ErrorKind::conflict);
  const std::string uid = made.value().at("metadata").at("uid");
  ASSERT_TRUE(client_.remove(kConfigMaps, "ns", "a", {.uid = uid, .resource_version = {}}).ok());
  EXPECT_EQ(client_.get(kConfigMaps, "ns", "a").error().kind, ErrorKind::not_found);
  EXPECT_EQ(client_.remove(kConfigMaps, "ns", "a").error().kind, ErrorKind::not_found);
  EXPECT_THAT(observer_.seen, testing::Contains("create configmaps 201"));
  EXPECT_THAT(observer_.seen, testing::Contains("delete configmaps 409"));
}

TEST_F(RestClientTest, ApplyMakesTakesOverAndTakesBack) {
  ASSERT_TRUE(client_.apply(kConfigMaps, config_map("a", {{"x", "1"}, {"y", "1"}})).ok());
  server_.act("kubectl", "PATCH", "/api/v1/namespaces/ns/configmaps/a",
              {{"data", {{"x", "theirs"}, {"z", "theirs"}}}}, "application/merge-patch+json");
  ASSERT_TRUE(client_.apply(kConfigMaps, config_map("a", {{"x", "2"}})).ok());
  EXPECT_EQ(server_.get("configmaps", "ns", "a")->at("data"), (Json{{"x", "2"}, {"z", "theirs"}}));
  const uint64_t version = server_.version();
  ASSERT_TRUE(client_.apply(kConfigMaps, config_map("a", {{"x", "2"}})).ok());
  EXPECT_EQ(server_.version(), version) << "the same again changes nothing";
}

TEST_F(RestClientTest, APagedListIsWholeAndCarriesKinds) {
  for (int i = 0; i < 7; ++i) server_.create("t", "configmaps", config_map("a" + std::to_string(i)));
  server_.create("t", "configmaps", config_map("b"));
  const ApiResult<ObjectList> listed =
      client_.list(kConfigMaps, {.ns = "ns", .label_selector = "app=a", .page_size = 3});
  ASSERT_TRUE(listed.ok()) << listed.error().message;
  ASSERT_EQ(listed.value().items.size(), 7U);
  EXPECT_EQ(listed.value().items[0].at("kind"), "ConfigMap");
  EXPECT_EQ(listed.value().items[0].at("apiVersion"), "v1");
  EXPECT_EQ(listed.value().resource_version, std::to_string(server_.version()));
  EXPECT_EQ(observer_.seen.size(), 3U);
}

TEST_F(RestClientTest, GoneInTheMiddleOfThePagesStartsOverInOnePiece) {
  for (int i = 0; i < 5; ++i) server_.create("t", "configmaps", config_map("a" + std::to_string(i)));
  int lists = 0;
  server_.set_faults([&](const RequestFacts& facts) -> Fault {
    if (facts.verb == "list" && ++lists == 2) return {.kind = Fault::Kind::answer, .status = 410};
    return {};
  });
  const ApiResult<ObjectList> listed =
      client_.list(kConfigMaps, {.ns = "ns", .label_selector = {}, .page_size = 2});
  ASSERT_TRUE(listed.ok()) << listed.error().message;
  EXPECT_EQ(listed.value().items.size(), 5U);
  EXPECT_EQ(lists, 3);
}

TEST_F(RestClientTest, AWatchTellsWhatHappenedSince) {
  const std::string from = client_.list(kConfigMaps, {}).value().resource_version;
  server_.create("t", "configmaps", config_map("a"));
  server_.edit("t", "configmaps", "ns", "a", [](Json& object) { object["data"]["a"] = "2"; });
  server_.create("t", "configmaps", config_map("b"));
  server_.remove("configmaps", "ns", "a");
  EXPECT_THAT(watch(from), ElementsAre("added a", "modified a", "added b", "deleted a", "bookmark "));
  EXPECT_EQ(end_.value(), WatchEnd::server_closed);
  EXPECT_THAT(watch(from, {.ns = "ns", .label_selector = "app=b"}), ElementsAre("added b", "bookmark "));
  EXPECT_THAT(watch(from, {.ns = "default", .label_selector = {}}), ElementsAre("bookmark "));
}

TEST_F(RestClientTest, AnObjectThatLeavesTheSelectionIsDeletedForTheWatch) {
  server_.create("t", "configmaps", config_map("a"));
  const std::string from = std::to_string(server_.version());
  server_.edit("t", "configmaps", "ns", "a", [](Json& object) { object["metadata"]["labels"]["app"] = "x"; });
  server_.edit("t", "configmaps", "ns", "a", [](Json& object) { object["metadata"]["labels"]["app"] = "a"; });
  EXPECT_THAT(watch(from, {.ns = {}, .label_selector = "app=a"}),
              ElementsAre("deleted a", "added a", "bookmark "));
}

TEST_F(RestClientTest, TheEndsOfAWatch) {
  const std::string from = std::to_string(server_.version());
  server_.create("t", "configmaps", config_map("a"));
  Fault fault;
  server_.set_faults([&](const RequestFacts&) { return fault; });

  fault.kind = Fault::Kind::gone;
  watch(from);
  EXPECT_EQ(end_.error().kind, ErrorKind::gone);
  fault.kind = Fault::Kind::error;
  fault.after_events = 1;
  EXPECT_THAT(watch(from), ElementsAre("added a"));
  EXPECT_EQ(end_.error().kind, ErrorKind::server);
  fault.kind = Fault::Kind::cut;
  watch(from);
  EXPECT_EQ(end_.error().kind, ErrorKind::unreachable);
  fault.kind = Fault::Kind::silence;
  EXPECT_THAT(watch(from), ElementsAre("added a"));
  EXPECT_EQ(end_.value(), WatchEnd::idle);
  fault = {.kind = Fault::Kind::answer, .status = 410};
  EXPECT_THAT(watch(from), IsEmpty());
  EXPECT_EQ(end_.error().kind, ErrorKind::gone);
  fault = {};
  server_.compact();
  EXPECT_THAT(watch(from), IsEmpty());
  EXPECT_EQ(end_.error().kind, ErrorKind::gone);
  watch("999999999");
  EXPECT_EQ(end_.error().kind, ErrorKind::server) << "a version from the future";
  transport_.interrupt_streams();
  watch(from);
  EXPECT_EQ(end_.value(), WatchEnd::interrupted);
}

TEST_F(RestClientTest, GarbageInAWatchIsCountedToldAndSkipped) {
  const std::string from = std::to_string(server_.version());
  server_.create("t", "configmaps", config_map("a"));
  server_.set_faults([](const RequestFacts&) { return Fault{.kind = Fault::Kind::garbage}; });
  EXPECT_THAT(watch(from), ElementsAre("unreadable ", "unreadable ", "unreadable ", "added a", "bookmark "));
  EXPECT_EQ(observer_.garbage, 3);
}

TEST_F(RestClientTest, StatusAndScaleAreApart) {
  const Json labels = {{"app", "x"}};
  server_.create(
      "t", "statefulsets",
      {{"metadata", {{"name", "s"}, {"namespace", "ns"}}},
       {"spec",
        {{"replicas", 1},
         {"selector", {{"matchLabels", labels}}},
         {"template", {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", Json::array()}}}}}}}});
  ASSERT_TRUE(client_
                  .patch(kStatefulSets, "ns", "s",
                         {{"status", {{"replicas", 7}}}, {"spec", {{"replicas", 9}}}}, Subresource::status)
                  .ok());
  Json now = *server_.get("statefulsets", "ns", "s");
  EXPECT_EQ(now.at("spec").at("replicas"), 1);
  EXPECT_EQ(now.at("status").at("replicas"), 7);
  EXPECT_EQ(now.at("metadata").at("generation"), 1);
  ASSERT_TRUE(client_.patch(kStatefulSets, "ns", "s", {{"status", {{"replicas", 8}}}}).ok());
  EXPECT_EQ(server_.get("statefulsets", "ns", "s")->at("status").at("replicas"), 7);
  const ApiResult<Json> scaled =
      client_.patch(kStatefulSets, "ns", "s", {{"spec", {{"replicas", 4}}}}, Subresource::scale);
  ASSERT_TRUE(scaled.ok()) << scaled.error().message;
  EXPECT_EQ(scaled.value().at("kind"), "Scale");
  now = *server_.get("statefulsets", "ns", "s");
  EXPECT_EQ(now.at("spec").at("replicas"), 4);
  EXPECT_EQ(now.at("metadata").at("generation"), 2);
}

TEST_F(RestClientTest, ANamespaceThatIsGoingIsToldAsSuch) {
  server_.create("t", "configmaps", config_map("a"));
  server_.remove("namespaces", "", "ns");
  const ApiResult<Json> refused = client_.apply(kConfigMaps, config_map("b"));
  EXPECT_EQ(refused.error().kind, ErrorKind::forbidden);
  EXPECT_TRUE(refused.error().terminating);
  server_.collect_garbage();
  EXPECT_TRUE(client_.apply(kConfigMaps, config_map("b")).error().terminating) << "and when it is gone";
}

TEST_F(RestClientTest, DiscoveryTellsAnAbsentKindFromAnError) {
  EXPECT_TRUE(client_.serves(kLeases).value());
  EXPECT_FALSE(client_.serves(kServiceMonitors).value());
  Resource other = kPods;
  other.plural = "unknown";
  EXPECT_FALSE(client_.serves(other).value());
  transport_.cut_off(true);
  EXPECT_EQ(client_.serves(kLeases).error().kind, ErrorKind::unreachable);
}

}  // namespace
}  // namespace ferro::oper::k8s
