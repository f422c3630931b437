#include "operator/runtime/event_recorder.h"

#include <gmock/gmock.h>

#include "operator/k8s/rest_client.h"
#include "tests/fakes/kube_api/in_process_transport.h"
#include "tests/fakes/kube_api/manual_waiter.h"

namespace ferro::oper::runtime {
namespace {

using fakes::kube::Fault;
using fakes::kube::RequestFacts;
using k8s::Json;
using testing::EndsWith;

class EventRecorderTest : public testing::Test {
 protected:
  Regarding about(const std::string& uid = "u1") {
    return {.api_version = "cache.ferrocache.io/v1alpha1",
            .kind = "FerroCacheCluster",
            .ns = "default",
            .name = "demo",
            .uid = uid,
            .resource_version = "7"};
  }
  void drain() {
    while (recorder_.step() >= 0) {
    }
  }
  std::vector<Json> events() { return server_.list("events", "default"); }

  ManualClock clock_;
  fakes::kube::ManualWaiter waiter_{clock_};
  fakes::kube::ApiServer server_{clock_};
  fakes::kube::InProcessTransport transport_{server_};
  k8s::RestClient client_{transport_, clock_, waiter_, nullptr, {.queries_per_second = 0}};
  EventRecorder recorder_{client_, clock_, {.instance = "pod-1"}};
};

TEST_F(EventRecorderTest, WhatPeopleSee) {
  EXPECT_TRUE(
      recorder_.record(about(), {.warning = true, .reason = "RollBlocked", .action = "Roll", .note = "why"}));
  EXPECT_EQ(recorder_.step(), -1);
  ASSERT_EQ(events().size(), 1U);
  const Json event = events()[0];
  EXPECT_EQ(event.at("reason"), "RollBlocked");
  EXPECT_EQ(event.at("action"), "Roll");
  EXPECT_EQ(event.at("type"), "Warning");
  EXPECT_EQ(event.at("note"), "why");
  EXPECT_EQ(event.at("reportingInstance"), "pod-1");
  EXPECT_EQ(event.at("regarding").at("uid"), "u1");
  EXPECT_EQ(event.at("eventTime"), "2023-11-14T22:13:20.000000Z");
}

TEST_F(EventRecorderTest, WhatIsSaidOnEveryPassIsToldOnceForAsLongAsItIsSaid) {
  for (int i = 0; i < 1'000; ++i) {
    recorder_.record(about(), {.reason = "Waiting", .note = "for demo-1"});
    clock_.advance_ms(30'000);
  }
  drain();
  EXPECT_EQ(recorder_.sent(), 1U);
  clock_.advance_ms(300'000);
  EXPECT_TRUE(recorder_.record(about(), {.reason = "Waiting", .note = "for demo-1"}))
      << "after a silence it is news";
  drain();
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(events()[0].at("series").at("count"), 2);
}

TEST_F(EventRecorderTest, AnotherReasonNoteTypeOrObjectIsAnotherEvent) {
  recorder_.record(about(), {.reason = "A", .note = "x"});
  recorder_.record(about(), {.reason = "A", .note = "y"});
  recorder_.record(about(), {.reason = "B", .note = "x"});
  recorder_.record(about(), {.warning = true, .reason = "A", .note = "x"});
  recorder_.record(about("u2"), {.reason = "A", .note = "x"});
  drain();
  EXPECT_EQ(events().size(), 5U);
}

TEST_F(EventRecorderTest, ANewLifeOfTheOperatorCountsOnInsteadOfTellingTwice) {
  recorder_.record(about(), {.reason = "A", .note = "x"});
  drain();
  EventRecorder next(client_, clock_, {.instance = "pod-2"});
  for (int i = 0; i < 3; ++i) next.record(about(), {.reason = "A", .note = "x"});
  EXPECT_EQ(next.step(), -1);
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(events()[0].at("series").at("count"), 2);
}

TEST_F(EventRecorderTest, AForgottenObjectMayBeToldAbout) {
  recorder_.record(about(), {.reason = "A", .note = "x"});
  recorder_.forget("u1");
  EXPECT_TRUE(recorder_.record(about(), {.reason = "A", .note = "x"}));
}

TEST_F(EventRecorderTest, LongTextsAreCutWhereTheServerWouldRefuseThem) {
  std::string note;
  while (note.size() < 3'000) note += "ä";
  Regarding long_name = about();
  long_name.name = std::string(253, 'n');
  recorder_.record(long_name, {.reason = std::string(500, 'R'), .note = note});
  drain();
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(events()[0].at("note").get<std::string>().size(), 1024U);
  EXPECT_EQ(events()[0].at("reason").get<std::string>().size(), 128U);
  EXPECT_EQ(events()[0].at("metadata").at("name").get<std::string>().size(), 253U);
  recorder_.record(about(), {.reason = "Odd",
                             .note = "b\xff"
                                     "d"});
  drain();
  EXPECT_EQ(events().size(), 2U) << "bytes that are no text are replaced, not refused";
}

TEST_F(EventRecorderTest, AStormOfOneObjectIsBoundedAndDoesNotSilenceAnother) {
  for (int i = 0; i < 1'000; ++i) recorder_.record(about(), {.reason = "Flap", .note = std::to_string(i)});
  EXPECT_TRUE(recorder_.record(about("u2"), {.reason = "A", .note = "x"}));
  drain();
  EXPECT_EQ(recorder_.sent(), 26U);
  EXPECT_EQ(recorder_.dropped(), 975U);
  clock_.advance_ms(120'000);
  EXPECT_TRUE(recorder_.record(about(), {.reason = "Flap", .note = "later"}));
}

TEST_F(EventRecorderTest, MemoryIsBounded) {
  EventRecorder small(client_, clock_, {.instance = "i", .remembered_max = 10, .queue_max = 5});
  for (int i = 0; i < 100; ++i) small.record(about("u" + std::to_string(i)), {.reason = "A", .note = "x"});
  EXPECT_LE(small.waiting(), 5U);
  EXPECT_GE(small.dropped(), 5U);
}

TEST_F(EventRecorderTest, TroubleOfTheServerIsTriedAgainAndARefusalIsNot) {
  Fault fault{.kind = Fault::Kind::answer, .status = 500};
  server_.set_faults([&](const RequestFacts&) { return fault; });
  recorder_.record(about(), {.reason = "A", .note = "x"});
  EXPECT_GT(recorder_.step(), 0);
  fault = {};
  EXPECT_EQ(recorder_.step(), -1);
  EXPECT_EQ(recorder_.sent(), 1U);
  fault = {.kind = Fault::Kind::answer, .status = 403};
  recorder_.record(about(), {.reason = "B", .note = "x"});
  EXPECT_EQ(recorder_.step(), -1);
  fault = {.kind = Fault::Kind::answer, .status = 500};
  recorder_.record(about(), {.reason = "C", .note = "x"});
  while (recorder_.step() > 0) {
  }
  EXPECT_EQ(recorder_.dropped(), 2U);
  EXPECT_EQ(recorder_.waiting(), 0U);
}

TEST_F(EventRecorderTest, AnObjectWithoutANamespaceIsToldAboutInDefault) {
  Regarding node = about();
  node.ns = {};
  recorder_.record(node, {.reason = "A", .note = "x"});
  drain();
  EXPECT_EQ(events().size(), 1U);
}

}  // namespace
}  // namespace ferro::oper::runtime
