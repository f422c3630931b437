// The plan as a whole: rest, creation, who may act at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/plan/worlds.h"

namespace ferro::oper::plan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Plan, AHealthyClusterCostsNothing) {
  for (const int64_t members : {1, 2, 3, 5, 30}) {
    World world = healthy(members);
    const Plan plan = make_plan(world, kNow);
    EXPECT_THAT(names(plan), IsEmpty()) << members;
    EXPECT_THAT(blockers(plan), IsEmpty()) << members;
    EXPECT_EQ(plan.status.phase, "Ready");
    EXPECT_EQ(plan.next_look_ms, 30'000);
    EXPECT_EQ(condition(plan, "Available").status, "True");
    EXPECT_EQ(condition(plan, "Progressing").status, "False");
    EXPECT_EQ(condition(plan, "Degraded").status, "False");
    EXPECT_EQ(condition(plan, "ScaleSafe").status, "True");
  }
}

TEST(Plan, StatusOfRestDoesNotMoveWithTime) {
  World world = healthy();
  const auto before = api::to_json(make_plan(world, kNow).status);
  for (PodView& pod : world.pods) pod.report->token_last_used_unix[1] = kNow + 3000;
  EXPECT_EQ(api::to_json(make_plan(world, kNow + 3000).status), before);
}

// A rotation with an overlap of seconds used to wait a whole minute for clients that had long changed.
TEST(Plan, AnOldTokenCountsAsUnusedAfterItsOverlapWithinBounds) {
  const auto drops = [](int64_t overlap_s, int64_t last_used_ago_s) {
    World world = healthy();
    world.cluster.spec.auth.overlap_s = overlap_s;
    world.tokens.current_generation = world.tokens.newest_generation = 2;
    world.tokens.previous_generation = 1;
    world.tokens.switched_unix = kNow - 550;
    for (PodView& pod : world.pods) {
      pod.report->token_generation = 2;
      pod.report->token_last_used_unix[1] = kNow - last_used_ago_s;
    }
    return find<DropOldToken>(make_plan(world, kNow)) != nullptr;
  };
  EXPECT_FALSE(drops(5, 14));
  EXPECT_TRUE(drops(5, 15));
  EXPECT_FALSE(drops(30, 29));
  EXPECT_TRUE(drops(30, 30));
  EXPECT_FALSE(drops(300, 59));
  EXPECT_TRUE(drops(300, 60));
}

TEST(Plan, CreationMakesWhatPodsStartWithFirst) {
  World world = fresh();
  Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), ElementsAre("CreateAuthority", "MintToken"));
  EXPECT_THAT(blockers(plan), ElementsAre("Create/CredentialsMissing"));
  EXPECT_EQ(plan.status.phase, "Pending");

  world.pki.current = Authority{1, "ca-1", kNow, kNow + 365 * kDay};
  world.pki.published = {"ca-1"};
  world.tokens.exists = true;
  world.tokens.current_generation = world.tokens.newest_generation = 1;
  plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), ElementsAre("IssueLeaves"));
  EXPECT_THAT(find<IssueLeaves>(plan)->ordinals, ElementsAre(0, 1, 2));

  for (int64_t ordinal = 0; ordinal < 3; ++ordinal)
    world.pki.leaves[ordinal] = {"leaf", "ca-1", kNow, kNow + 30 * kDay, true};
  plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), ElementsAre("ApplyObjects"));
  EXPECT_EQ(find<ApplyObjects>(plan)->statefulset_replicas, 3);
}

TEST(Plan, WhatGoesIsLeftAlone) {
  for (int which = 0; which < 4; ++which) {
    World world = fresh();
    if (which == 0) world.cluster.deleting = true;
    if (which == 1) world.namespace_terminating = true;
    if (which == 2) world.invalid = "spec.replicas must be a number";
    if (which == 3) world.cluster.spec.paused = true;
    const Plan plan = make_plan(world, kNow);
    EXPECT_THAT(names(plan), IsEmpty()) << which;
    EXPECT_EQ(plan.status.phase, which == 2 ? "Failed" : which == 3 ? "Paused" : "Pending") << which;
  }
}

TEST(Plan, ADifferingObjectIsWrittenAndNothingElse) {
  World world = healthy();
  world.missing = {"Service/demo"};
  const Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), ElementsAre("ApplyObjects"));
  EXPECT_EQ(find<ApplyObjects>(plan)->statefulset_replicas, 3);
}

}  // namespace
}  // namespace ferro::oper::plan
