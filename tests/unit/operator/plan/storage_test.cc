// Volumes: whose they are, lost ones, growing ones, those that a former cluster left behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/operator/plan/worlds.h"

namespace ferro::oper::plan {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Storage, GrowsClaimsThenTheTemplate) {
  World world = healthy();
  world.cluster.spec.storage.size = "20Gi";
  world.cluster.spec.storage.size_bytes = int64_t{20} << 30;
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("GrowClaim", "GrowClaim", "GrowClaim"));
  for (ClaimView& claim : world.claims) claim.requested_bytes = int64_t{20} << 30;
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("RecreateStatefulSet"));
  world.pods.pop_back();
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty()) << "nobody would make the missing pod again";
}

// Cause: `kubectl delete sts` took the volumes along.
TEST(Storage, ClaimsGoWithTheResourceAndNotWithTheStatefulSetAlone) {
  World world = healthy();
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  world.claims[1].owned = false;
  Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), ElementsAre("OwnClaim"));
  EXPECT_EQ(find<OwnClaim>(plan)->claim, "data-demo-1");
  EXPECT_TRUE(find<OwnClaim>(plan)->owned);
  world.claims[1].terminating = true;
  EXPECT_EQ(find<OwnClaim>(make_plan(world, kNow)), nullptr) << "it goes already";
}

TEST(Storage, ClaimsThatAreToBeRetainedGoWithNobody) {
  World world = healthy();
  world.cluster.spec.storage.delete_policy = api::DeletePolicy::retain;
  Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), ElementsAre("OwnClaim", "OwnClaim", "OwnClaim"));
  EXPECT_FALSE(find<OwnClaim>(plan)->owned);
  for (ClaimView& claim : world.claims) claim.owned = false;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  // The StatefulSet's controller looks after claims of pods alone: nobody else frees those of a cluster that
  // sleeps. While it would make the StatefulSet an owner again there is no point in it.
  world.claims[2].owned_by_set = true;
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("OwnClaim"));
  world.statefulset->owns_claims = true;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
}

TEST(Storage, WhatAFormerClusterLeftBehindIsTakenOverWithTheMember) {
  World world = healthy();
  world.claims[0].created_unix = world.cluster.created_unix - 1;
  world.claims[0].owned = false;
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("OwnClaim")) << "a member runs on it";
  // It sleeps: the members that ran are remembered.
  world.cluster.spec.hibernated = true;
  world.statefulset->replicas = 0;
  world.pods.clear();
  EXPECT_NE(find<OwnClaim>(make_plan(world, kNow)), nullptr);
  world.claims[0].ordinal = 4;
  world.claims[0].name = "data-demo-4";
  EXPECT_EQ(find<OwnClaim>(make_plan(world, kNow)), nullptr) << "nobody ran on it";
}

TEST(Storage, SaysWhyItCannotGrow) {
  World world = healthy();
  world.cluster.spec.storage.size_bytes = int64_t{20} << 30;
  for (ClaimView& claim : world.claims) claim.expandable = false;
  Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), IsEmpty());
  EXPECT_THAT(blockers(plan), Contains("GrowStorage/StorageClassNotExpandable/data-demo-0"));
  EXPECT_EQ(condition(plan, "StorageReady").status, "False");
  world = healthy();
  world.cluster.spec.storage.size_bytes = int64_t{5} << 30;
  EXPECT_THAT(blockers(make_plan(world, kNow)), Contains("GrowStorage/StorageCannotShrink/data-demo-0"));
  world = healthy();
  world.claims[1].resize_error = "no space in the pool";
  EXPECT_THAT(blockers(make_plan(world, kNow)), Contains("GrowStorage/ResizeFailed/data-demo-1"));
  world = healthy();
  world.cluster.spec.storage.size_bytes = int64_t{20} << 30;
  world.claims[0].phase = "Pending";
  EXPECT_THAT(blockers(make_plan(world, kNow)), Contains("GrowStorage/ClaimNotGrown/data-demo-0"));
}

TEST(Storage, RestartsAPodOnlyIfItsFileSystemDoesNotGrowByItself) {
  World world = healthy();
  world.claims[1].resize_pending = true;
  world.claims[1].resize_pending_unix = kNow - 60;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  const Plan plan = make_plan(world, kNow + 60);
  ASSERT_THAT(names(plan), ElementsAre("DeletePod"));
  EXPECT_EQ(find<DeletePod>(plan)->reason, "ResizeFileSystem");
}

TEST(Storage, ALostVolumeIsGivenUpWhenTheOthersHaveEverything) {
  World world = healthy();
  world.claims[1].phase = "Lost";
  break_pod(world, 1, "CreateContainerError");
  for (const int64_t ordinal : {0, 2}) report_of(world, ordinal).partitions_under_replicated = 1;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  EXPECT_THAT(blockers(make_plan(world, kNow)), Contains("ReplaceVolume/PartitionsUnderReplicated/demo-0"));
  for (const int64_t ordinal : {0, 2}) report_of(world, ordinal).partitions_under_replicated = 0;
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("DeleteClaim"));
  world.claims[1].terminating = true;
  const Plan plan = make_plan(world, kNow);
  ASSERT_THAT(names(plan), ElementsAre("DeletePod"));
  EXPECT_EQ(find<DeletePod>(plan)->reason, "LostVolume");
}

// Regression: volumes that a deleted cluster had left behind and that this one runs on stayed as small as
// they were.
TEST(Storage, ClaimsOfAFormerClusterThatMembersRunOnGrow) {
  World world = healthy();
  for (ClaimView& claim : world.claims) claim.created_unix = world.cluster.created_unix - kDay;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  world.cluster.spec.storage.size_bytes = int64_t{20} << 30;
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("GrowClaim", "GrowClaim", "GrowClaim"));
}

// Each waited for the other to be well, for ever.
TEST(Storage, TwoLostVolumesDoNotWaitForEachOther) {
  World world = healthy(4);
  for (const int64_t ordinal : {1, 3}) {
    world.claims[static_cast<size_t>(ordinal)].phase = "Lost";
    break_pod(world, ordinal, "ContainerCreating");
  }
  set_ring(world, 2);
  for (const int64_t ordinal : {0, 2}) report_of(world, ordinal).partitions_under_replicated = 1;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  for (const int64_t ordinal : {0, 2}) report_of(world, ordinal).partitions_under_replicated = 0;
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("DeleteClaim"));
  EXPECT_EQ(find<DeleteClaim>(make_plan(world, kNow))->claim, "data-demo-1");
  // Somebody has the other's claim deleted: it holds nothing back that does not run.
  world.claims[3].terminating = true;
  report_of(world, 0).partitions_under_replicated = 1;
  const Plan plan = make_plan(world, kNow);
  ASSERT_THAT(names(plan), ElementsAre("DeletePod"));
  EXPECT_EQ(find<DeletePod>(plan)->pod, "demo-3");
  EXPECT_THAT(blockers(plan), Contains("ReplaceVolume/PartitionsUnderReplicated/demo-0"));
}

// Cause: two of three were lost, and the third waited for copies that nobody else could hold
// (FERRO_PLAN_STORY=34306 of an earlier planner).
TEST(Storage, WhereEveryMemberOwnsEverythingOneThatServesIsEnough) {
  World world = healthy();
  for (const int64_t ordinal : {0, 1}) {
    world.claims[static_cast<size_t>(ordinal)].phase = "Lost";
    break_pod(world, ordinal, "ContainerCreating");
  }
  NodeReport& survivor = report_of(world, 2);
  survivor.partitions_under_replicated = 12;
  survivor.replication_factor = 2;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  survivor.replication_factor = 3;
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("DeleteClaim"));
}

TEST(Storage, VolumesThatAreAllLostAreLeftToPeople) {
  World world = healthy(2);
  for (const int64_t ordinal : {0, 1}) {
    world.claims[static_cast<size_t>(ordinal)].phase = "Lost";
    break_pod(world, ordinal, "ContainerCreating");
  }
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  EXPECT_THAT(blockers(make_plan(world, kNow)), Contains("ReplaceVolume/MemberUnreachable"));
}

TEST(Storage, ClaimsOfAFormerClusterOfThisNameAreNotTouched) {
  World world = healthy();
  ClaimView old = world.claims[0];
  old.ordinal = 4;
  old.name = "data-demo-4";
  old.created_unix = world.cluster.created_unix - 1;
  old.requested_bytes = 1;
  world.claims.push_back(old);
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
}

// A cluster made again on four volumes, of which two would be used.
TEST(Storage, RetainedVolumesThatNobodyWouldRunOnAreNotLeftOut) {
  World world = fresh(2);
  const World donor = healthy(4);
  world.cluster.volumes_id = "uid-of-the-former";
  world.pki = donor.pki;
  world.tokens = donor.tokens;
  for (ClaimView claim : donor.claims) {
    claim.created_unix = world.cluster.created_unix - kDay;
    claim.volumes_id = world.cluster.volumes_id;
    world.claims.push_back(claim);
  }
  const Plan held = make_plan(world, kNow);
  EXPECT_EQ(find<ApplyObjects>(held), nullptr);
  EXPECT_THAT(blockers(held), ElementsAre("Create/RetainedVolumesLeftOut"));
  EXPECT_EQ(condition(held, "Progressing").reason, "RetainedVolumesLeftOut");
  EXPECT_THAT(held.status.blocked_by[0].message, testing::HasSubstr("delete pvc data-demo-2 data-demo-3"));
  struct Case {
    const char* what;
    void (*decide)(World&);
  };
  const Case cases[] = {
      {"taken up", [](World& w) { w.cluster.spec.replicas = 4; }},
      {"given up", [](World& w) { w.claims[2].terminating = w.claims[3].terminating = true; }},
      {"another cluster's", [](World& w) { w.claims[2].volumes_id = w.claims[3].volumes_id = "other"; }},
  };
  for (const Case& one : cases) {
    World decided = world;
    one.decide(decided);
    const Plan plan = make_plan(decided, kNow);
    EXPECT_NE(find<ApplyObjects>(plan), nullptr) << one.what;
    EXPECT_THAT(blockers(plan), IsEmpty()) << one.what;
  }
}

}  // namespace
}  // namespace ferro::oper::plan
