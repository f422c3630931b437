#include "operator/controllers/views.h"

#include <gtest/gtest.h>

namespace ferro::oper::controllers {
namespace {

Json running_pod() {
  return Json::parse(R"({"metadata":{"name":"demo-1","namespace":"shop","uid":"u1",
      "creationTimestamp":"2026-01-01T00:00:00Z",
      "annotations":{"cache.ferrocache.io/template-hash":"abc"}},
    "spec":{"nodeName":"node-3","containers":[{"name":"ferrocached","image":"x"}],
      "volumes":[{"name":"tls","secret":{"secretName":"demo-tls"}}]},
    "status":{"phase":"Running","podIP":"10.0.0.7",
      "conditions":[{"type":"PodScheduled","status":"True"},{"type":"Ready","status":"True"}],
      "containerStatuses":[{"name":"ferrocached","restartCount":2,"state":{"running":{}}}]}})");
}

TEST(Views, ARunningPod) {
  const plan::PodView pod = view_pod(running_pod(), "demo", 1);
  EXPECT_EQ(pod.name, "demo-1");
  EXPECT_EQ(pod.ordinal, 1);
  EXPECT_EQ(pod.uid, "u1");
  EXPECT_EQ(pod.created_unix, 1'767'225'600);
  EXPECT_TRUE(pod.scheduled);
  EXPECT_TRUE(pod.ready);
  EXPECT_FALSE(pod.terminating);
  EXPECT_FALSE(pod.failed);
  EXPECT_TRUE(pod.tls);
  EXPECT_EQ(pod.restarts, 2);
  EXPECT_EQ(pod.template_hash, "abc");
  EXPECT_EQ(pod.node_name, "node-3");
  EXPECT_EQ(pod.ip, "10.0.0.7");
  EXPECT_EQ(pod.waiting_reason, "");
  EXPECT_FALSE(pod.never_ran);
}

// A volume is empty if nothing has ever run on it: a crash counts as having run.
TEST(Views, APodThatNeverRan) {
  Json pod = running_pod();
  Json& container = pod["status"]["containerStatuses"][0];
  container = Json::parse(
      R"({"name":"ferrocached","restartCount":0,"state":{"waiting":{"reason":"ContainerCreating"}}})");
  EXPECT_TRUE(view_pod(pod, "demo", 1).never_ran);
  container["lastState"] = Json::parse(R"({"terminated":{"exitCode":1}})");
  EXPECT_FALSE(view_pod(pod, "demo", 1).never_ran);
  container.erase("lastState");
  container["restartCount"] = 1;
  EXPECT_FALSE(view_pod(pod, "demo", 1).never_ran);
  container = Json::parse(R"({"name":"ferrocached","restartCount":0})");
  EXPECT_FALSE(view_pod(pod, "demo", 1).never_ran);
  pod["status"].erase("containerStatuses");
  EXPECT_FALSE(view_pod(pod, "demo", 1).never_ran);
  pod["spec"].erase("nodeName");
  EXPECT_TRUE(view_pod(pod, "demo", 1).never_ran) << "it has no place yet";
}

TEST(Views, APodThatIsNotReadyTellsSinceWhen) {
  Json pod = running_pod();
  EXPECT_EQ(view_pod(pod, "demo", 1).not_ready_since_unix, 0);
  pod["status"]["conditions"] =
      Json::parse(R"([{"type":"Ready","status":"False","lastTransitionTime":"2026-01-01T00:01:00Z"}])");
  EXPECT_FALSE(view_pod(pod, "demo", 1).ready);
  EXPECT_EQ(view_pod(pod, "demo", 1).not_ready_since_unix, 1'767'225'660);
}

TEST(Views, APodOnItsWayOut) {
  Json pod = running_pod();
  pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:01:00Z";
  EXPECT_TRUE(view_pod(pod, "demo", 1).terminating);
  EXPECT_EQ(view_pod(pod, "demo", 1).deletion_unix, 1'767'225'660);
}

TEST(Views, APodThatCannotStartSaysWhy) {
  Json pod = running_pod();
  pod["status"]["containerStatuses"] = Json::parse(
      R"([{"name":"ferrocached","restartCount":4,
           "state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 40s"}},
           "lastState":{"terminated":{"exitCode":2,"message":"hnsw.ef_search must be a number"}}}])");
  EXPECT_EQ(view_pod(pod, "demo", 1).waiting_reason, "CrashLoopBackOff");
  EXPECT_EQ(view_pod(pod, "demo", 1).waiting_message, "hnsw.ef_search must be a number");
}

TEST(Views, APodWithoutAPlaceSaysWhy) {
  Json pod = running_pod();
  pod["spec"].erase("nodeName");
  pod["status"]["conditions"] =
      Json::parse(R"([{"type":"PodScheduled","status":"False","message":"0/3 nodes are available"}])");
  const plan::PodView view = view_pod(pod, "demo", 1);
  EXPECT_FALSE(view.scheduled);
  EXPECT_FALSE(view.ready);
  EXPECT_EQ(view.unschedulable, "0/3 nodes are available");
}

TEST(Views, APodWithoutLeavesWasMadeWithoutTls) {
  Json pod = running_pod();
  pod["spec"]["volumes"] = Json::parse(R"([{"name":"x","secret":{"secretName":"other-tls"}},{"name":"y"}])");
  EXPECT_FALSE(view_pod(pod, "demo", 1).tls);
}

TEST(Views, OddPodsAreEmptyOnes) {
  for (const Json& pod :
       {Json(), Json::object(), Json{{"metadata", 3}, {"spec", "x"}, {"status", Json::array()}},
        Json{{"status", {{"containerStatuses", {1, "x", nullptr}}, {"conditions", {{{"type", 3}}}}}}}}) {
    const plan::PodView view = view_pod(pod, "demo", 0);
    EXPECT_FALSE(view.ready);
    EXPECT_EQ(view.ip, "");
  }
}

TEST(Views, AClaimThatGrows) {
  const Json claim =
      Json::parse(R"({"metadata":{"name":"data-demo-0","uid":"c","creationTimestamp":"2026-01-01T00:00:00Z"},
    "spec":{"resources":{"requests":{"storage":"20Gi"}},"storageClassName":"fast"},
    "status":{"phase":"Bound","capacity":{"storage":"10Gi"},"conditions":[
      {"type":"FileSystemResizePending","status":"True","lastTransitionTime":"2026-01-01T00:00:10Z"},
      {"type":"NodeResizeError","status":"True","message":"no room"}]}})");
  const plan::ClaimView view = view_claim(claim, 0);
  EXPECT_EQ(view.requested_bytes, int64_t{20} << 30);
  EXPECT_EQ(view.capacity_bytes, int64_t{10} << 30);
  EXPECT_EQ(view.phase, "Bound");
  EXPECT_TRUE(view.resize_pending);
  EXPECT_EQ(view.resize_pending_unix, 1'767'225'610);
  EXPECT_EQ(view.resize_error, "no room");
}

TEST(Views, AStatefulSet) {
  const Json set = Json::parse(R"({"metadata":{"name":"demo","uid":"s","generation":4,
      "annotations":{"cache.ferrocache.io/template-hash":"h"}},
    "spec":{"replicas":3,"template":{"spec":{"volumes":[{"secret":{"secretName":"demo-tls"}}]}},
      "volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{"resources":{"requests":{"storage":"10Gi"}}}}]},
    "status":{"observedGeneration":3}})");
  const plan::StatefulSetView view = view_statefulset(set, "demo");
  EXPECT_FALSE(view.owns_claims);
  EXPECT_EQ(view.replicas, 3);
  EXPECT_EQ(view.claim_bytes, int64_t{10} << 30);
  EXPECT_EQ(view.template_hash, "h");
  EXPECT_TRUE(view.tls);
  EXPECT_FALSE(view.observed);
}

const api::Cluster kDemo = [] {
  api::Cluster cluster;
  cluster.name = "demo";
  cluster.uid = "uid-1";
  return cluster;
}();

TEST(Views, AStatefulSetThatTakesItsClaimsAlong) {
  const auto deleted = [](const char* what) {
    return Json{{"spec", {{"persistentVolumeClaimRetentionPolicy", {{"whenDeleted", what}}}}}};
  };
  EXPECT_TRUE(view_statefulset(deleted("Delete"), "demo").owns_claims);
  EXPECT_FALSE(view_statefulset(deleted("Retain"), "demo").owns_claims);
}

Json claim_of(const char* name, const char* id) {
  return {{"metadata", {{"name", name}, {"annotations", {{"cache.ferrocache.io/cluster-id", id}}}}}};
}

// Regression: a cluster made again on the volumes that deletePolicy Retain had kept never started, because
// its nodes knew it by another id than the volumes did.
TEST(Views, RetainedVolumesAreTakenUpByTheirId) {
  const Json first = claim_of("data-demo-0", "former"), last = claim_of("data-demo-10", "other");
  EXPECT_EQ(volumes_id(nullptr, nullptr, {&last, &first}, kDemo), "former");
  EXPECT_EQ(volumes_id(nullptr, nullptr, {}, kDemo), "");
  const Json of_another = claim_of("data-demo2-0", "x"), without = {{"metadata", {{"name", "data-demo-0"}}}};
  EXPECT_EQ(volumes_id(nullptr, nullptr, {&of_another, &without}, kDemo), "");
  Json going = first;
  going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  Json owned = first;
  owned["metadata"]["ownerReferences"] = {{{"kind", "StatefulSet"}}};
  EXPECT_EQ(volumes_id(nullptr, nullptr, {&going, &owned}, kDemo), "") << "they go with their cluster";
  // StatefulSet and ConfigMap deleted at once: the volumes are still those of this very cluster.
  owned["metadata"]["ownerReferences"].push_back({{"kind", "FerroCacheCluster"}, {"uid", "uid-1"}});
  EXPECT_EQ(volumes_id(nullptr, nullptr, {&owned}, kDemo), "former");
}

TEST(Views, TheIdOfVolumesStaysWhatTheClusterWasMadeWith) {
  const Json claim = claim_of("data-demo-0", "former");
  const Json set = {{"spec", {{"volumeClaimTemplates", {claim_of("data", "made")}}}}};
  EXPECT_EQ(volumes_id(&set, nullptr, {&claim}, kDemo), "made");
  // While the StatefulSet is made anew with larger claims.
  const Json map = claim_of("demo-config", "made");
  EXPECT_EQ(volumes_id(nullptr, &map, {&claim}, kDemo), "made");
  // Made before claims carried an id: the resource's uid stays in force.
  const Json old_set = {{"spec", {{"volumeClaimTemplates", {{{"metadata", {{"name", "data"}}}}}}}}};
  const Json old_map = {{"metadata", {{"name", "demo-config"}}}};
  EXPECT_EQ(volumes_id(&old_set, nullptr, {&claim}, kDemo), "");
  EXPECT_EQ(volumes_id(nullptr, &old_map, {&claim}, kDemo), "");
}

Json pod_with(const std::string& image, bool ready, const char* waiting = nullptr) {
  Json pod = running_pod();
  pod["spec"]["containers"][0]["image"] = image;
  pod["status"]["conditions"][1]["status"] = ready ? "True" : "False";
  if (waiting != nullptr) {
    pod["status"]["containerStatuses"][0]["state"] = {{"waiting", {{"reason", waiting}}}};
  }
  return pod;
}
Json set_with(const std::string& image) {
  return {
      {"spec", {{"template", {{"spec", {{"containers", {{{"name", "ferrocached"}, {"image", image}}}}}}}}}}};
}

// Cause: spec.image was set to one that does not exist and taken back; the StatefulSet's image was kept,
// which was the one that does not exist.
TEST(Views, AnImageThatNobodyRunsIsNotKept) {
  const Json good = pod_with("good:1", true), bad = pod_with("bad:1", false, "ErrImagePull");
  EXPECT_EQ(running_image(set_with("bad:1"), {&good, &bad, &good}), "good:1");
  EXPECT_EQ(running_image(set_with("bad:1"), {&bad, &bad}), "");
}

TEST(Views, TheImageOfMostReadyPodsIsKept) {
  const Json one = pod_with("a:1", true), two = pod_with("a:2", true),
             down = pod_with("a:1", false, "CrashLoopBackOff");
  EXPECT_EQ(running_image(set_with("a:2"), {&one, &one, &two}), "a:1");
  EXPECT_EQ(running_image(set_with("a:2"), {&one, &two}), "a:2");
  EXPECT_EQ(running_image(set_with("a:1"), {&down, &down}), "a:1");
  EXPECT_EQ(running_image(set_with("a:1"), {}), "a:1");
}

}  // namespace
}  // namespace ferro::oper::controllers
