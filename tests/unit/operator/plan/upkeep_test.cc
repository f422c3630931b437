// Snapshots, autoscaling, status; and that every rule is documented.
#include <fstream>
#include <regex>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/plan/limits.h"
#include "operator/plan/rules.h"
#include "tests/unit/operator/plan/worlds.h"

namespace ferro::oper::plan {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Compaction, IsDueForTheseReasonsOneMemberAtATime) {
  struct Case {
    const char* what;
    void (*change)(World&);
    const char* member;
  };
  const Case cases[] = {
      {"its log is larger than its snapshot",
       [](World& w) {
         report_of(w, 1).wal_bytes = 201 << 20;
         report_of(w, 1).snapshot_bytes = 200 << 20;
         report_of(w, 2).wal_bytes = 900 << 20;
       },
       "demo-1"},
      {"many dead",
       [](World& w) {
         report_of(w, 2).entries = 100'000;
         report_of(w, 2).dead_entries = 30'001;
       },
       "demo-2"},
      {"its schedule",
       [](World& w) {
         w.cluster.spec.snapshots.schedule = "* * * * *";
         for (int64_t ordinal = 0; ordinal < 3; ++ordinal) report_of(w, ordinal).snapshot_unix = kNow - 121;
       },
       "demo-0"},
      {"one that failed comes last",
       [](World& w) {
         for (int64_t ordinal = 0; ordinal < 2; ++ordinal) report_of(w, ordinal).wal_bytes = 900 << 20;
         report_of(w, 0).snapshot_failed = true;
       },
       "demo-1"},
  };
  for (const Case& one : cases) {
    World world = healthy();
    one.change(world);
    const Plan plan = make_plan(world, kNow);
    ASSERT_THAT(names(plan), ElementsAre("Compact")) << one.what;
    EXPECT_EQ(find<Compact>(plan)->member, one.member) << one.what;
  }
}

TEST(Compaction, SmallLogsAndNewClustersHaveNothingToCompact) {
  World world = healthy();
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal) {
    report_of(world, ordinal).snapshot_bytes = 0;
    report_of(world, ordinal).snapshot_unix = 0;
    report_of(world, ordinal).wal_bytes = 60 << 20;
    report_of(world, ordinal).entries = 10;
    report_of(world, ordinal).dead_entries = 10;
  }
  world.cluster.created_unix = kNow - 60;
  for (ClaimView& claim : world.claims) claim.created_unix = kNow - 60;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
}

TEST(Compaction, AskedForIsRecordedBeforeItIsDone) {
  World world = healthy();
  world.cluster.spec.snapshots.compact_generation = 1;
  Plan plan = make_plan(world, kNow);
  EXPECT_THAT(names(plan), IsEmpty()) << "a status that cannot be written must not ask again and again";
  EXPECT_EQ(plan.status.compact_generation, 1);
  EXPECT_EQ(plan.status.compactions_pending.size(), 3U);
  for (int64_t ordinal = 0; ordinal < 3; ++ordinal) {
    write_status(world, plan);
    plan = make_plan(world, kNow);
    ASSERT_THAT(names(plan), ElementsAre("Compact"));
    EXPECT_EQ(find<Compact>(plan)->member, "demo-" + std::to_string(ordinal));
    ++report_of(world, ordinal).snapshot_number;
    plan = make_plan(world, kNow);
  }
  write_status(world, plan);
  EXPECT_TRUE(plan.status.compactions_pending.empty());
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
}

TEST(Compaction, WaitsForWhatIsUnderWayButNotForAMemberThatIsAway) {
  World world = healthy();
  report_of(world, 1).wal_bytes = 900 << 20;
  report_of(world, 0).ring_changing = true;
  EXPECT_THAT(blockers(make_plan(world, kNow)), Contains("Compact/RingChanging/demo-0"));
  report_of(world, 0).ring_changing = false;
  lose_pod(world, 0);
  EXPECT_THAT(names(make_plan(world, kNow)), ElementsAre("Compact"));
  world.desired_template_hash = world.statefulset->template_hash = "t2";
  pod_of(world, 0).terminating = true;
  EXPECT_THAT(blockers(make_plan(world, kNow)), Contains("Compact/OtherActionFirst"));
}

// One that takes longer than the operator's request for it went on beside the next.
TEST(Compaction, WaitsForTheSnapshotOfAnother) {
  World world = healthy();
  report_of(world, 1).wal_bytes = 900 << 20;
  report_of(world, 2).snapshot_running = true;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  EXPECT_THAT(blockers(make_plan(world, kNow)), Contains("Compact/SnapshotRunning/demo-2"));
  silence(world, 2);
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  EXPECT_THAT(blockers(make_plan(world, kNow)), Contains("Compact/MemberUnreachable/demo-2"));
}

World scaled_by_load() {
  World world = healthy(4);
  api::AutoscalingSpec spec;
  spec.min_replicas = 2;
  spec.max_replicas = 5;
  spec.target_memory_percent = 70;
  spec.stabilization_s = 300;
  world.cluster.spec.autoscaling = spec;
  return world;
}

TEST(Autoscaling, MovesOneStepWhenTheFiguresLast) {
  World world = scaled_by_load();
  world.autoscale.above_since_unix = kNow - 299;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  Plan plan = make_plan(world, kNow + 1);
  ASSERT_THAT(names(plan), ElementsAre("SetReplicas"));
  EXPECT_EQ(find<SetReplicas>(plan)->replicas, 5);
  world.autoscale = {};
  world.autoscale.below_since_unix = kNow - 300;
  plan = make_plan(world, kNow);
  ASSERT_THAT(names(plan), ElementsAre("SetReplicas"));
  EXPECT_EQ(find<SetReplicas>(plan)->replicas, 3);
  world.autoscale.last_scale_unix = kNow - 100;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty()) << "the last step counts as well";
}

TEST(Autoscaling, KeepsItsBoundsAndItsCopies) {
  World world = scaled_by_load();
  world.autoscale.above_since_unix = world.autoscale.below_since_unix = kNow - 1000;
  world.cluster.spec.autoscaling->max_replicas = 4;
  EXPECT_THAT(blockers(make_plan(world, kNow)), Contains("Autoscale/AutoscalerAtLimit"));
  world.autoscale.above_since_unix = 0;
  world.cluster.spec.autoscaling->min_replicas = 1;
  world.cluster.spec.replication_factor = 4;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty()) << "never below the copies";
  world.cluster.spec.autoscaling->min_replicas = 5;
  world.cluster.spec.autoscaling->max_replicas = 9;
  ASSERT_NE(find<SetReplicas>(make_plan(world, kNow)), nullptr);
  EXPECT_EQ(find<SetReplicas>(make_plan(world, kNow))->replicas, 5);
}

TEST(Autoscaling, WaitsUntilTheLastStepHasWorked) {
  World world = scaled_by_load();
  world.autoscale.above_since_unix = kNow - 1000;
  report_of(world, 3).ring_changing = true;
  EXPECT_THAT(names(make_plan(world, kNow)), IsEmpty());
  EXPECT_THAT(blockers(make_plan(world, kNow)), Contains("Autoscale/RingChanging/demo-3"));
}

// Regression: a new cluster whose nodes refuse their settings was said to be under way for two minutes.
TEST(Status, ANewClusterThatCannotStartIsToldAsDegraded) {
  World world = healthy();
  for (PodView& pod : world.pods) {
    break_pod(world, pod.ordinal, "ContainerCreating");
    pod.created_unix = kNow - 10;
  }
  world.cluster.status["conditions"] =
      nlohmann::json::array({{{"type", "Progressing"}, {"status", "True"}, {"reason", "Creating"}}});
  Plan plan = make_plan(world, kNow);
  EXPECT_EQ(plan.status.phase, "Provisioning");
  EXPECT_EQ(condition(plan, "Degraded").status, "False");
  for (PodView& pod : world.pods) {
    pod.waiting_reason = "CrashLoopBackOff";
    pod.restarts = 1;
  }
  plan = make_plan(world, kNow);
  EXPECT_EQ(plan.status.phase, "Degraded");
  EXPECT_EQ(condition(plan, "Degraded").reason, "MemberNotReady");
  EXPECT_THAT(condition(plan, "Degraded").message, testing::HasSubstr("kubectl logs --previous"));
  for (PodView& pod : world.pods) pod.waiting_reason.clear();
  EXPECT_EQ(make_plan(world, kNow).status.phase, "Degraded") << "between two crashes as well";
}

// A quota or a PriorityClass that does not exist keeps the StatefulSet's controller from making a pod. That
// was taken for a pod on its way in for ever: Provisioning, and not a word why.
TEST(Status, APodThatIsNeverMadeIsToldAsDegraded) {
  World world = healthy();
  write_status(world, make_plan(world, kNow));
  world.pods.pop_back();
  world.cluster.spec.update_max_unavailable = 1;
  world.cluster.status["conditions"] = {
      {{"type", "Progressing"}, {"status", "True"}, {"reason", "Creating"}, {"observedGeneration", 1}}};
  Plan plan = make_plan(world, kNow);
  EXPECT_EQ(blockers(plan), std::vector<std::string>{"StartPod/MemberMissing/demo-2"});
  EXPECT_EQ(plan.status.phase, "Provisioning");
  EXPECT_EQ(condition(plan, "Degraded").status, "False") << "it may come any moment";
  for (int64_t now = kNow; now <= kNow + 2 * kStartingS; now += 5) {
    plan = make_plan(world, now);
    api::carry_transitions(world.cluster.status, now, plan.status);
    world.cluster.status = api::to_json(plan.status);
  }
  EXPECT_EQ(condition(plan, "Degraded").status, "True");
  EXPECT_EQ(condition(plan, "Degraded").reason, "MemberMissing");
  EXPECT_EQ(condition(plan, "Progressing").status, "False");
  EXPECT_EQ(plan.status.phase, "Degraded");
  world.pods = healthy().pods;
  EXPECT_EQ(condition(make_plan(world, kNow + 3 * kStartingS), "Degraded").status, "False");
}

TEST(Status, AvailableFollowsTheCopies) {
  World world = healthy();
  lose_pod(world, 1);
  Plan plan = make_plan(world, kNow);
  EXPECT_EQ(condition(plan, "Available").status, "True");
  EXPECT_EQ(condition(plan, "Degraded").reason, "MemberNotReady");
  EXPECT_EQ(plan.status.phase, "Degraded");
  EXPECT_EQ(plan.status.ready_replicas, 2);
  lose_pod(world, 2);
  plan = make_plan(world, kNow);
  EXPECT_EQ(condition(plan, "Available").status, "False");
  EXPECT_EQ(condition(plan, "Available").reason, "TooManyMembersAway");
}

TEST(Status, MembersTellTheirState) {
  World world = healthy(5);
  silence(world, 0);
  break_pod(world, 1, "ContainerCreating");
  pod_of(world, 2).terminating = true;
  lose_pod(world, 3);
  pod_of(world, 3).scheduled = false;
  const Plan plan = make_plan(world, kNow);
  ASSERT_EQ(plan.status.members.size(), 5U);
  const char* states[] = {"unreachable", "starting", "terminating", "pending", "ready"};
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(plan.status.members[i].state, states[i]);
  EXPECT_EQ(plan.status.members[4].entries, 1200) << "two digits";
  EXPECT_EQ(plan.status.selector, "app.kubernetes.io/name=ferrocache,app.kubernetes.io/instance=demo");
  EXPECT_EQ(plan.status.endpoint, "http://demo.shop.svc:3000");
}

TEST(Status, HasTheContractsConditionsInItsOrder) {
  const Plan plan = make_plan(healthy(), kNow);
  std::vector<std::string> types;
  for (const api::Condition& one : plan.status.conditions) {
    types.push_back(one.type);
    EXPECT_FALSE(one.reason.empty()) << one.type;
    EXPECT_EQ(one.observed_generation, 1) << one.type;
  }
  EXPECT_THAT(types, ElementsAre("Available", "Progressing", "Degraded", "CertificatesReady", "TokensReady",
                                 "StorageReady", "SnapshotsHealthy", "ScaleSafe", "Paused"));
}

TEST(Status, ANodesDeathOfItsHostIsSaidInWordsThatHelp) {
  World world = healthy();
  world.cluster.spec.replicas = 2;
  pod_of(world, 1).terminating = true;
  pod_of(world, 1).deletion_unix = kNow - 100;
  const Plan plan = make_plan(world, kNow);
  ASSERT_THAT(blockers(plan), Contains("ScaleDown/PodTerminating/demo-1"));
  EXPECT_THAT(condition(plan, "ScaleSafe").message, testing::HasSubstr("out-of-service"));
}

TEST(Status, TheFailedSnapshotIsNamed) {
  World world = healthy();
  report_of(world, 2).snapshot_failed = true;
  const Plan plan = make_plan(world, kNow);
  EXPECT_EQ(condition(plan, "SnapshotsHealthy").status, "False");
  EXPECT_THAT(condition(plan, "SnapshotsHealthy").message, testing::HasSubstr("demo-2"));
}

std::string text_of(const char* path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path << ": run from the root of the source";
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Rules, AreAllDocumented) {
  const std::string page = text_of("docs/operator/blocked.md");
  for (const RuleEntry& rule : all_rules())
    EXPECT_NE(page.find("| `" + std::string(rule.name) + "` |"), std::string::npos) << rule.name;
}

TEST(Operations, AreAllDocumented) {
  const std::string page = text_of("docs/operator/blocked.md");
  const std::string table =
      page.substr(page.find("## What waits"), page.find("## Before") - page.find("## What"));
  const std::string header = text_of("operator/plan/operations.h");
  const std::regex named("string_view k\\w+ = \"(\\w+)\";");
  int count = 0;
  for (std::sregex_iterator one(header.begin(), header.end(), named), end; one != end; ++one, ++count)
    EXPECT_NE(table.find("`" + one->str(1) + "`"), std::string::npos) << one->str(1);
  EXPECT_GE(count, 17);
}

}  // namespace
}  // namespace ferro::oper::plan
