#include "operator/runtime/reflector.h"

#include <gmock/gmock.h>

#include "operator/k8s/resources.h"
#include "operator/k8s/rest_client.h"
#include "tests/fakes/kube_api/in_process_transport.h"
#include "tests/fakes/kube_api/manual_waiter.h"

namespace ferro::oper::runtime {
namespace {

using fakes::kube::Fault;
using fakes::kube::RequestFacts;
using testing::ElementsAre;
using testing::IsEmpty;

class ReflectorTest : public testing::Test {
 protected:
  Json config_map(const std::string& name) {
    return {{"metadata", {{"name", name}, {"namespace", "default"}}}, {"data", {{"a", "1"}}}};
  }
  void make(const std::string& name) { server_.create("t", "configmaps", config_map(name)); }
  void change(const std::string& name) {
    server_.edit("t", "configmaps", "default", name,
                 [](Json& object) { object["data"]["a"] = object["data"]["a"].get<std::string>() + "1"; });
  }
  void remove(const std::string& name) { server_.remove("configmaps", "default", name); }
  int64_t step() {
    changes_.clear();
    return reflector_.step();
  }
  void fault(Fault fault, const std::string& verb) {
    server_.set_faults(
        [fault, verb](const RequestFacts& facts) { return facts.verb == verb ? fault : Fault{}; });
  }

  ManualClock clock_;
  fakes::kube::ManualWaiter waiter_{clock_};
  fakes::kube::ApiServer server_{clock_};
  fakes::kube::InProcessTransport transport_{server_,
                                             {.pass_time = [this](int64_t ms) { clock_.advance_ms(ms); }}};
  k8s::RestClient client_{transport_, clock_, waiter_, nullptr, {.queries_per_second = 0}};
  Store store_;
  std::vector<std::string> changes_;
  Reflector reflector_{client_,
                       clock_,
                       k8s::kConfigMaps,
                       store_,
                       [this](const Change& change) {
                         changes_.push_back((change.before == nullptr  ? "+"
                                             : change.after == nullptr ? "-"
                                                                       : "~") +
                                            split_key(change.key).second);
                       },
                       {.list = {}, .backoff = {.jitter = 0}}};
};

TEST_F(ReflectorTest, ListsOnceThenFollows) {
  make("a");
  EXPECT_FALSE(store_.synced());
  step();
  EXPECT_TRUE(store_.synced());
  EXPECT_THAT(changes_, ElementsAre("+a"));
  make("b");
  change("a");
  remove("b");
  step();
  EXPECT_THAT(changes_, ElementsAre("+b", "~a", "-b"));
  EXPECT_EQ(reflector_.figures().lists, 1U);
  EXPECT_EQ(store_.size(), 1U);
}

TEST_F(ReflectorTest, AnEndedWatchGoesOnWhereItWas) {
  step();
  make("a");
  fault({.kind = Fault::Kind::end_early, .after_events = 1}, "watch");
  make("b");
  step();
  EXPECT_THAT(changes_, ElementsAre("+a"));
  step();
  EXPECT_THAT(changes_, ElementsAre("+b"));
  EXPECT_EQ(reflector_.figures().lists, 1U);
}

TEST_F(ReflectorTest, GoneListsAnewAndTellsWhatVanishedMeanwhile) {
  make("a");
  make("b");
  step();
  remove("a");
  change("b");
  make("c");
  server_.compact();
  EXPECT_EQ(step(), 0) << "the list may come at once";
  EXPECT_THAT(changes_, IsEmpty());
  step();
  EXPECT_THAT(changes_, ElementsAre("-a", "~b", "+c"));
  EXPECT_EQ(reflector_.figures().gone, 1U);
  EXPECT_EQ(reflector_.figures().lists, 2U);
}

TEST_F(ReflectorTest, GoneAgainAndAgainWaits) {
  step();
  fault({.kind = Fault::Kind::gone}, "watch");
  EXPECT_EQ(step(), 0);
  EXPECT_EQ(step(), 800);
  EXPECT_EQ(step(), 1600);
}

TEST_F(ReflectorTest, ABookmarkMovesTheVersionSoThatAQuietKindIsNotGone) {
  fakes::kube::ApiServer forgetful(clock_, {.history_max = 5});
  fakes::kube::InProcessTransport transport(forgetful);
  k8s::RestClient client(transport, clock_, waiter_, nullptr, {.queries_per_second = 0});
  Reflector quiet(client, clock_, k8s::kConfigMaps, store_, {});
  quiet.step();
  // Nothing happens to this kind while others use up what the server remembers, several times over.
  for (int i = 0; i < 30; ++i) {
    forgetful.create("t", "secrets",
                     {{"metadata", {{"name", "s" + std::to_string(i)}, {"namespace", "default"}}}});
    if (i % 3 == 0) quiet.step();
  }
  EXPECT_EQ(quiet.figures().gone, 0U);
  EXPECT_EQ(quiet.figures().lists, 1U);
}

TEST_F(ReflectorTest, OtherErrorsKeepTheVersionAndBackOff) {
  step();
  make("a");
  fault({.kind = Fault::Kind::answer, .status = 500}, "watch");
  EXPECT_EQ(step(), 800);
  EXPECT_EQ(step(), 1600);
  EXPECT_EQ(step(), 3200);
  server_.set_faults({});
  step();
  EXPECT_THAT(changes_, ElementsAre("+a"));
  EXPECT_EQ(reflector_.figures().lists, 1U);
  EXPECT_EQ(reflector_.figures().failures, 3U);
}

TEST_F(ReflectorTest, FailuresAreForgottenAfterALongGoodWatch) {
  step();
  fault({.kind = Fault::Kind::answer, .status = 500}, "watch");
  for (int i = 0; i < 10; ++i) step();
  EXPECT_EQ(step(), 30'000);
  fault({.kind = Fault::Kind::silence}, "watch");  // 100 s, which is not long enough
  EXPECT_EQ(step(), 0);
  fault({.kind = Fault::Kind::answer, .status = 500}, "watch");
  EXPECT_EQ(step(), 30'000);
  server_.set_faults([this](const RequestFacts&) {
    clock_.advance_ms(130'000);
    return Fault{};
  });
  EXPECT_EQ(step(), 0);
  fault({.kind = Fault::Kind::answer, .status = 500}, "watch");
  EXPECT_EQ(step(), 800);
}

TEST_F(ReflectorTest, AVersionThatTheServerNeverReachesEndsInAList) {
  step();
  make("a");
  fault({.kind = Fault::Kind::answer, .status = 504}, "watch");
  for (int i = 0; i < 5; ++i) {
    step();
    EXPECT_EQ(reflector_.figures().lists, 1U);
  }
  step();
  EXPECT_EQ(reflector_.figures().lists, 2U);
  EXPECT_THAT(changes_, ElementsAre("+a"));
}

TEST_F(ReflectorTest, AFailedListIsTriedAgainLater) {
  fault({.kind = Fault::Kind::answer, .status = 403}, "list");
  EXPECT_EQ(step(), 800);
  EXPECT_EQ(step(), 1600);
  EXPECT_FALSE(store_.synced());
  server_.set_faults({});
  make("a");
  step();
  EXPECT_TRUE(store_.synced());
}

TEST_F(ReflectorTest, WhatCannotBeReadEndsNoWatchAndIsListedOnceAfterIt) {
  step();
  make("a");
  fault({.kind = Fault::Kind::garbage}, "watch");
  step();
  EXPECT_THAT(changes_, ElementsAre("+a")) << "the good event behind the garbage";
  server_.set_faults({});
  step();
  EXPECT_EQ(reflector_.figures().lists, 2U);
  step();
  step();
  EXPECT_EQ(reflector_.figures().lists, 2U);
}

TEST_F(ReflectorTest, AServerThatEndsEveryWatchAtOnceIsNotAskedInALoop) {
  EXPECT_EQ(step(), 0) << "a bookmark came";
  fault({.kind = Fault::Kind::end_early}, "watch");
  EXPECT_EQ(step(), 800);
  EXPECT_EQ(step(), 1600);
}

TEST_F(ReflectorTest, AnInterruptEndsItForGood) {
  step();
  transport_.interrupt_streams();
  EXPECT_LT(step(), 0);
}

TEST_F(ReflectorTest, OnlyOursAreListedAndWatched) {
  Store ours;
  Reflector selective(client_, clock_, k8s::kConfigMaps, ours, {},
                      {.list = {.ns = "default", .label_selector = "app=x"}});
  Json labelled = config_map("mine");
  labelled["metadata"]["labels"]["app"] = "x";
  make("theirs");
  server_.create("t", "configmaps", labelled);
  selective.step();
  make("theirs-too");
  selective.step();
  EXPECT_EQ(ours.size(), 1U);
  server_.edit("t", "configmaps", "default", "mine", [](Json& o) { o["metadata"]["labels"]["app"] = "y"; });
  selective.step();
  EXPECT_EQ(ours.size(), 0U);
}

}  // namespace
}  // namespace ferro::oper::runtime
