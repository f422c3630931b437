// Keys of changed objects, what is worth a pass, words for actions, series of clusters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operator/controllers/caches.h"
#include "operator/controllers/cluster_figures.h"
#include "operator/controllers/describe.h"
#include "operator/controllers/relevance.h"

namespace ferro::oper::controllers {
namespace {

using k8s::Json;

runtime::Object object(Json json) {
  return std::make_shared<const Json>(std::move(json));
}

TEST(Caches, AChangedObjectLeadsToItsCluster) {
  const runtime::Object pod =
      object({{"metadata", {{"namespace", "shop"}, {"labels", {{"app.kubernetes.io/instance", "demo"}}}}}});
  EXPECT_EQ(cluster_key_of(k8s::kPods, {"shop/demo-0", nullptr, pod}), "shop/demo");
  EXPECT_EQ(cluster_key_of(k8s::kPods, {"shop/demo-0", pod, nullptr}), "shop/demo");
  EXPECT_EQ(cluster_key_of(k8s::kPods, {"shop/x", nullptr, object({{"metadata", Json::object()}})}), "");
  EXPECT_EQ(cluster_key_of(k8s::kClusters, {"shop/demo", nullptr, nullptr}), "shop/demo");
}

TEST(Relevance, OurOwnStatusIsNoReasonForAPass) {
  const Json cluster = {{"metadata", {{"uid", "1"}, {"resourceVersion", "5"}}}, {"spec", {{"replicas", 3}}}};
  Json other = cluster;
  other["status"] = {{"phase", "Ready"}};
  other["metadata"]["resourceVersion"] = "6";
  EXPECT_FALSE(is_relevant(k8s::kClusters, {"k", object(cluster), object(other)}));
  EXPECT_TRUE(is_relevant(k8s::kPods, {"k", object(cluster), object(other)}));
  EXPECT_TRUE(is_relevant(k8s::kClusters, {"k", nullptr, object(other)}));
  EXPECT_TRUE(is_relevant(k8s::kClusters, {"k", object(other), nullptr}));
  for (const auto& [pointer, value] : std::vector<std::pair<const char*, Json>>{
           {"/spec/replicas", 4},
           {"/metadata/uid", "2"},
           {"/metadata/deletionTimestamp", "2026-01-01T00:00:00Z"},
           {"/metadata/annotations", {{"cache.ferrocache.io/follow-release", "true"}}}}) {
    Json changed = cluster;
    changed[Json::json_pointer(pointer)] = value;
    EXPECT_TRUE(is_relevant(k8s::kClusters, {"k", object(cluster), object(changed)})) << pointer;
  }
}

TEST(Describe, EveryActionHasWords) {
  EXPECT_EQ(describe(plan::DeletePod{"demo-2", "u", "RollTemplate"}), "DeletePod demo-2 (RollTemplate)");
  EXPECT_EQ(describe(plan::IssueLeaves{{0, 2}, 0, 3, "f"}), "IssueLeaves for 0 2");
  EXPECT_EQ(describe(plan::RecreateStatefulSet{"u"}), "RecreateStatefulSet");
}

double value_of(const ClusterFiguresBook& book, const std::string& family, const std::string& label) {
  for (const auto& each : book.Collect()) {
    if (each.name != family) continue;
    for (const auto& metric : each.metric) {
      for (const auto& one : metric.label) {
        if (one.value == label) return metric.gauge.value;
      }
    }
  }
  return -100;
}

TEST(ClusterFigures, SeriesGoWithTheirCluster) {
  ClusterFiguresBook book;
  ClusterFigures figures;
  figures.phase = "Ready";
  figures.conditions = {{"Available", "True"}, {"Degraded", "Unknown"}};
  figures.expiries = {{"ca", 1000}, {"operator", 0}};
  figures.blocked.push_back({"Roll", "NewPodNotReady", "demo-2", 77, "x"});
  book.set("shop/demo", figures);
  EXPECT_EQ(value_of(book, "ferrocache_operator_cluster_phase", "Ready"), 1);
  EXPECT_EQ(value_of(book, "ferrocache_operator_cluster_phase", "Failed"), 0);
  EXPECT_EQ(value_of(book, "ferrocache_operator_cluster_condition", "Available"), 1);
  EXPECT_EQ(value_of(book, "ferrocache_operator_cluster_condition", "Degraded"), -1);
  EXPECT_EQ(value_of(book, "ferrocache_operator_certificate_expiry_timestamp_seconds", "ca"), 1000);
  EXPECT_EQ(value_of(book, "ferrocache_operator_certificate_expiry_timestamp_seconds", "operator"), -100);
  EXPECT_EQ(value_of(book, "ferrocache_operator_cluster_blocked_since_timestamp_seconds", "NewPodNotReady"),
            77);
  book.forget("shop/demo");
  for (const auto& family : book.Collect()) EXPECT_TRUE(family.metric.empty()) << family.name;
}

}  // namespace
}  // namespace ferro::oper::controllers
