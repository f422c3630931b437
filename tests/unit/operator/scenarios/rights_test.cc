// The operator with one right taken away: it must say so and go on with the rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/scenarios/operations.h"

namespace ferro::oper::scenarios {
namespace {

using fakes::kube::Fault;
using fakes::kube::RequestFacts;

// Writes of this kind are answered 403 while `refused`, which outlives the hook.
fakes::kube::FaultHook refuse_writes(const char* plural, const bool& refused) {
  return [plural, &refused](const RequestFacts& facts) {
    Fault fault;
    if (refused && facts.plural == plural && facts.is_write) {
      fault.kind = Fault::Kind::answer;
      fault.status = 403;
    }
    return fault;
  };
}

TEST(Rights, ARefusedWriteIsToldInStatusAndRepaired) {
  Stage stage;
  bool refused = true;
  stage.server.set_faults(refuse_writes("services", refused));
  stage.create(kCluster);
  ASSERT_TRUE(stage.until([&] { return !stage.blockers(kCluster).empty(); }, 60)) << stage.story(kCluster);
  EXPECT_THAT(stage.blockers(kCluster), testing::Contains("Refused"));
  EXPECT_THAT(stage.status(kCluster).dump(), testing::HasSubstr("Service"));
  refused = false;
  EXPECT_TRUE(stage.settles(kCluster)) << stage.story(kCluster);
}

// Cause: what was refused of a cluster that ran stood in blockedBy alone, beside the phase Ready.
TEST(Rights, WhatIsRefusedOfARunningClusterIsDegraded) {
  Stage stage;
  stage.create(kCluster);
  ASSERT_TRUE(stage.settles(kCluster)) << stage.story(kCluster);
  bool refused = true;
  stage.server.set_faults(refuse_writes("services", refused));
  ASSERT_TRUE(stage.server.edit("somebody", "services", Stage::kNamespace, kCluster,
                                [](Json& service) { service["spec"]["ports"][0]["name"] = "other"; }));
  ASSERT_TRUE(stage.until([&] { return !stage.blockers(kCluster).empty(); }, 60)) << stage.story(kCluster);
  EXPECT_THAT(stage.blockers(kCluster), testing::ElementsAre("Refused"));
  EXPECT_EQ(stage.condition(kCluster, "Degraded"), "True/Refused");
  EXPECT_EQ(stage.phase(kCluster), "Degraded");
  EXPECT_EQ(stage.condition(kCluster, "Available"), "True/AllPartitionsServed");
  refused = false;
  EXPECT_TRUE(stage.settles(kCluster)) << stage.story(kCluster);
  EXPECT_EQ(stage.condition(kCluster, "Degraded"), "False/AsExpected");
}

TEST(Rights, WithoutTheRightToWriteStatusClustersComeUpAllTheSame) {
  Stage stage;
  stage.server.set_faults([](const RequestFacts& facts) {
    Fault fault;
    if (facts.plural == "ferrocacheclusters" && facts.subresource == "status") {
      fault.kind = Fault::Kind::answer;
      fault.status = 403;
    }
    return fault;
  });
  stage.create(kCluster);
  EXPECT_TRUE(stage.until(
      [&] {
        return stage.nodes.find(Stage::kNamespace, kCluster) != nullptr &&
               stage.nodes.find(Stage::kNamespace, kCluster)->ring.size() == 3;
      },
      300))
      << stage.story(kCluster);
}

// Everything that may go wrong between the operator and its API server, by chance.
TEST(Faults, AnUnreliableApiServerOnlyTakesLonger) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Stage stage;
    stage.let_watches_end_early();
    stage.server.set_faults(fakes::kube::seeded_faults(seed, 0.05));
    stage.create(kCluster, {{"replicas", 3}});
    EXPECT_TRUE(stage.until([&] { return stage.is_settled(kCluster); }, 1800)) << stage.story(kCluster);
    stage.patch(kCluster, {{"spec", {{"replicas", 4}, {"tls", {{"replaceCAGeneration", 1}}}}}});
    EXPECT_TRUE(stage.until([&] { return stage.is_settled(kCluster) && stage.pods() == 4; }, 3600))
        << stage.story(kCluster);
    stage.server.set_faults({});
    EXPECT_TRUE(stage.settles(kCluster)) << stage.story(kCluster);
    EXPECT_THAT(stage.nodes.faults(), testing::IsEmpty());
  }
}

}  // namespace
}  // namespace ferro::oper::scenarios
