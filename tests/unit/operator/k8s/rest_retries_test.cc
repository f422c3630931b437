// What is asked again, when, and what is not; answers that are none.
#include <gmock/gmock.h>

#include <deque>

#include "operator/k8s/resources.h"
#include "operator/k8s/rest_client.h"
#include "tests/fakes/kube_api/manual_waiter.h"
#include "tests/fakes/kube_api/message.h"

namespace ferro::oper::k8s {
namespace {

using fakes::kube::ManualWaiter;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Script final : public Transport {
 public:
  Result<HttpResponse> call(const HttpRequest& request) override {
    requests.push_back(request);
    if (answers.empty()) return HttpResponse{200, "{}", -1};
    Result<HttpResponse> answer = std::move(answers.front());
    answers.pop_front();
    return answer;
  }
  Result<HttpResponse> stream(const HttpRequest& request,
                              const std::function<bool(std::string_view line)>&) override {
    requests.push_back(request);
    return HttpResponse{200, "", -1};
  }
  void interrupt_streams() override {}
  void fail(int status, int64_t retry_after_ms = -1) {
    answers.push_back(
        HttpResponse{status, fakes::kube::failure(status, "X", "no").body.dump(), retry_after_ms});
  }
  std::deque<Result<HttpResponse>> answers;
  std::vector<HttpRequest> requests;
};

class RestRetries : public testing::Test {
 protected:
  ManualClock clock_;
  ManualWaiter waiter_{clock_};
  Script script_;
  RestClient client_{script_, clock_, waiter_};
  const Json object_ = {{"metadata", {{"name", "a"}, {"namespace", "ns"}}}};
};

TEST_F(RestRetries, TooManyRequestsIsRepeatedWhateverItWasAfterTheTimeAsked) {
  script_.fail(429, 2000);
  script_.fail(429);
  EXPECT_TRUE(client_.create(kPods, "ns", object_).ok());
  EXPECT_THAT(waiter_.waits, ElementsAre(2000, 1000));
  ASSERT_EQ(script_.requests.size(), 3U);
  EXPECT_LE(script_.requests[2].timeout_ms, 27'000) << "retries live within the time-out of the call";
}

TEST_F(RestRetries, AServersTroubleIsRepeatedOnlyWhereTwiceIsHarmless) {
  script_.fail(503, 1000);
  EXPECT_TRUE(client_.get(kPods, "ns", "a").ok());
  script_.fail(500, 1000);
  EXPECT_TRUE(client_.apply(kPods, object_).ok());
  script_.fail(500, 1000);
  EXPECT_EQ(client_.create(kPods, "ns", object_).error().kind, ErrorKind::server);
  script_.fail(500, 1000);
  EXPECT_EQ(client_.remove(kPods, "ns", "a").error().kind, ErrorKind::server);
  script_.fail(500);
  EXPECT_EQ(client_.get(kPods, "ns", "a").error().kind, ErrorKind::server) << "nobody asked for a repetition";
  script_.answers.push_back(Status::unreachable("broken"));
  EXPECT_EQ(client_.get(kPods, "ns", "a").error().kind, ErrorKind::unreachable);
  EXPECT_TRUE(script_.answers.empty());
}

TEST_F(RestRetries, NeitherEndlesslyNorBeyondTheTimeOut) {
  for (int i = 0; i < 20; ++i) script_.fail(429, 1);
  EXPECT_EQ(client_.get(kPods, "ns", "a").error().kind, ErrorKind::too_many);
  EXPECT_EQ(script_.requests.size(), 5U);
  script_.answers.clear();
  script_.fail(429, 40'000);
  const ApiResult<Json> later = client_.get(kPods, "ns", "a");
  EXPECT_EQ(later.error().kind, ErrorKind::too_many);
  EXPECT_EQ(later.error().retry_after_ms, 40'000);
}

TEST_F(RestRetries, AStopEndsTheWaiting) {
  script_.fail(429, 1000);
  waiter_.stopped = true;
  EXPECT_EQ(client_.get(kPods, "ns", "a").error().kind, ErrorKind::not_leader);
  EXPECT_EQ(script_.requests.size(), 1U);
}

TEST_F(RestRetries, TheRateOfRequestsIsBounded) {
  RestClient slow(script_, clock_, waiter_, nullptr, {.queries_per_second = 10, .burst = 2});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(slow.get(kPods, "ns", "a").ok());
  EXPECT_THAT(waiter_.waits, ElementsAre(100, 100, 100));
}

TEST_F(RestRetries, AnswersThatAreNone) {
  for (const char* body : {"", "null", "[]", "{", "\xff", "<html>"}) {
    script_.answers.push_back(HttpResponse{200, body, -1});
    EXPECT_EQ(client_.get(kPods, "ns", "a").error().kind, ErrorKind::malformed) << body;
  }
  for (const char* body : {"{}", R"({"items":[]})", R"({"items":{},"metadata":{"resourceVersion":"1"}})",
                           R"({"metadata":7,"items":[]})"}) {
    script_.answers.push_back(HttpResponse{200, body, -1});
    EXPECT_EQ(client_.list(kPods, {}).error().kind, ErrorKind::malformed) << body;
  }
  script_.answers.push_back(HttpResponse{200, R"({"items":null,"metadata":{"resourceVersion":"1"}})", -1});
  EXPECT_TRUE(client_.list(kPods, {}).value().items.empty());
  script_.answers.push_back(
      HttpResponse{200,
                   R"({"items":[7,{},{"metadata":{"name":"a","namespace":"n","resourceVersion":"3"}}],)"
                   R"("metadata":{"resourceVersion":"5"}})",
                   -1});
  EXPECT_EQ(client_.list(kPods, {}).value().items.size(), 1U) << "one bad object is not the end of a list";
  script_.answers.push_back(HttpResponse{200, R"({"resources":7})", -1});
  EXPECT_EQ(client_.serves(kPods).error().kind, ErrorKind::malformed);
}

TEST_F(RestRetries, AListWhosePagesNeverEndIsGivenUp) {
  RestClient bounded(script_, clock_, waiter_, nullptr, {.pages_max = 3});
  for (int i = 0; i < 5; ++i) {
    script_.answers.push_back(
        HttpResponse{200, R"({"items":[],"metadata":{"resourceVersion":"1","continue":"again"}})", -1});
  }
  EXPECT_EQ(bounded.list(kPods, {}).error().kind, ErrorKind::malformed);
  EXPECT_EQ(script_.requests.size(), 3U);
}

TEST_F(RestRetries, WhatGoesOverTheWire) {
  ASSERT_TRUE(client_.apply(kStatefulSets, object_, Subresource::none).ok());
  const HttpRequest& apply = script_.requests.back();
  EXPECT_EQ(apply.method, "PATCH");
  EXPECT_EQ(apply.target,
            "/apis/apps/v1/namespaces/ns/statefulsets/a?fieldManager=ferrocache-operator&force=true");
  EXPECT_EQ(apply.content_type, "application/apply-patch+yaml");
  EXPECT_EQ(Json::parse(apply.body).at("kind"), "StatefulSet");
  EXPECT_EQ(Json::parse(apply.body).at("apiVersion"), "apps/v1");

  ASSERT_TRUE(
      client_.remove(kPods, "ns", "a", {.uid = "u", .resource_version = "7"}, Propagation::orphan).ok());
  const Json options = Json::parse(script_.requests.back().body);
  EXPECT_EQ(options.at("propagationPolicy"), "Orphan");
  EXPECT_EQ(options.at("preconditions"), (Json{{"uid", "u"}, {"resourceVersion", "7"}}));

  ASSERT_TRUE(client_.watch(kPods, {.ns = "ns", .label_selector = "a=b"}, "17", [](WatchEvent&&) {}).ok());
  const HttpRequest& watch = script_.requests.back();
  EXPECT_EQ(
      watch.target,
      "/api/v1/namespaces/ns/pods?watch=1&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion=17"
      "&labelSelector=a%3Db");
  EXPECT_EQ(watch.timeout_ms, 100'000);
}

}  // namespace
}  // namespace ferro::oper::k8s
