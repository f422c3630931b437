#include "tests/fakes/kube_api/controllers.h"

#include <gmock/gmock.h>

namespace ferro::fakes::kube {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class ControllersTest : public testing::Test {
 protected:
  ControllersTest() : controllers_(server_, {}, hooks()) { server_.make_namespace("ns"); }

  PodHooks hooks() {
    return {.started =
                [this](const Json& pod) {
                  heard_.push_back("start " + text_at(pod, {"metadata", "name"}));
                },
            .stopped =
                [this](const Json& pod) {
                  heard_.push_back("stop " + text_at(pod, {"metadata", "name"}));
                },
            .killed =
                [this](const Json& pod) {
                  heard_.push_back("kill " + text_at(pod, {"metadata", "name"}));
                },
            .is_ready = {}};
  }
  void make_set(int replicas, const std::string& image = "i:1") {
    const Json labels = {{"app", "x"}};
    server_.create("t", "statefulsets",
                   {{"metadata", {{"name", "s"}, {"namespace", "ns"}}},
                    {"spec",
                     {{"replicas", replicas},
                      {"serviceName", "s-nodes"},
                      {"podManagementPolicy", "Parallel"},
                      {"updateStrategy", {{"type", "OnDelete"}}},
                      {"selector", {{"matchLabels", labels}}},
                      {"template",
                       {{"metadata", {{"labels", labels}}},
                        {"spec", {{"containers", {{{"name", "c"}, {"image", image}}}}}}}},
                      {"volumeClaimTemplates",
                       {{{"metadata", {{"name", "data"}}},
                         {"spec",
                          {{"accessModes", {"ReadWriteOnce"}},
                           {"resources", {{"requests", {{"storage", "1Gi"}}}}}}}}}}}}});
  }
  std::vector<std::string> ready() {
    std::vector<std::string> out;
    for (const Json& pod : server_.list("pods", "ns")) {
      for (const Json& condition : pod.value("status", Json::object()).value("conditions", Json::array())) {
        if (text_at(condition, {"type"}) == "Ready" && text_at(condition, {"status"}) == "True") {
          out.push_back(text_at(pod, {"metadata", "name"}));
        }
      }
    }
    return out;
  }
  Json set() { return *server_.get("statefulsets", "ns", "s"); }

  ManualClock clock_;
  ApiServer server_{clock_};
  std::vector<std::string> heard_;
  Controllers controllers_;
};

TEST_F(ControllersTest, PodsClaimsAndStatusComeUpAndThenNothingChanges) {
  make_set(3);
  ASSERT_TRUE(controllers_.settle());
  EXPECT_THAT(ready(), ElementsAre("s-0", "s-1", "s-2"));
  EXPECT_EQ(set().at("status").at("readyReplicas"), 3);
  EXPECT_EQ(set().at("status").at("updatedReplicas"), 3);
  EXPECT_EQ(server_.get("persistentvolumeclaims", "ns", "data-s-2")->at("status").at("phase"), "Bound");
  std::set<std::string> nodes, addresses;
  for (const Json& pod : server_.list("pods", "ns")) {
    nodes.insert(text_at(pod, {"spec", "nodeName"}));
    addresses.insert(text_at(pod, {"status", "podIP"}));
  }
  EXPECT_EQ(nodes.size(), 3U);
  EXPECT_EQ(addresses.size(), 3U);
  const uint64_t version = server_.version();
  EXPECT_FALSE(controllers_.step());
  EXPECT_EQ(server_.version(), version);
}

TEST_F(ControllersTest, OnDeleteReplacesNothingByItselfAndADeletedPodComesBackNew) {
  make_set(2);
  controllers_.settle();
  server_.edit("t", "statefulsets", "ns", "s",
               [](Json& o) { o["spec"]["template"]["spec"]["containers"][0]["image"] = "i:2"; });
  ASSERT_TRUE(controllers_.settle());
  EXPECT_EQ(set().at("status").at("updatedReplicas"), 0);
  heard_.clear();
  server_.remove("pods", "ns", "s-1");
  ASSERT_TRUE(controllers_.settle());
  EXPECT_THAT(heard_, ElementsAre("stop s-1", "start s-1"));
  EXPECT_EQ(server_.get("pods", "ns", "s-1")->at("spec").at("containers")[0].at("image"), "i:2");
  EXPECT_EQ(set().at("status").at("updatedReplicas"), 1);
}

TEST_F(ControllersTest, WhoOwnsClaimsFollowsTheRetentionPolicy) {
  make_set(1);
  controllers_.settle();
  const auto owners = [this] {
    const Json claim = *server_.get("persistentvolumeclaims", "ns", "data-s-0");
    return claim.at("metadata").value("ownerReferences", Json::array());
  };
  const auto when_deleted = [this](const char* policy) {
    server_.edit("t", "statefulsets", "ns", "s", [policy](Json& o) {
      o["spec"]["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] = policy;
    });
    ASSERT_TRUE(controllers_.settle());
  };
  EXPECT_THAT(owners(), IsEmpty());
  when_deleted("Delete");
  ASSERT_EQ(owners().size(), 1U);
  EXPECT_EQ(owners()[0]["uid"], set()["metadata"]["uid"]);
  EXPECT_EQ(owners()[0]["controller"], true);
  const Json other = {{"apiVersion", "v1"},
                      {"kind", "Namespace"},
                      {"name", "ns"},
                      {"uid", server_.get("namespaces", "", "ns")->at("metadata").at("uid")}};
  server_.edit("t", "persistentvolumeclaims", "ns", "data-s-0",
               [&other](Json& o) { o["metadata"]["ownerReferences"].push_back(other); });
  when_deleted("Retain");
  EXPECT_EQ(owners(), Json::array({other})) << "those of others stay";
}

TEST_F(ControllersTest, ScalingDownRemovesTheHighestAndKeepsItsClaim) {
  make_set(3);
  controllers_.settle();
  server_.edit("t", "statefulsets", "ns", "s", [](Json& o) { o["spec"]["replicas"] = 1; });
  ASSERT_TRUE(controllers_.settle());
  EXPECT_THAT(ready(), ElementsAre("s-0"));
  EXPECT_EQ(server_.list("persistentvolumeclaims", "ns").size(), 3U);
}

TEST_F(ControllersTest, ABadImageWaitsWithItsReason) {
  controllers_.break_image("bad:1");
  make_set(1, "bad:1");
  ASSERT_TRUE(controllers_.settle());
  EXPECT_THAT(ready(), IsEmpty());
  const Json pod = *server_.get("pods", "ns", "s-0");
  EXPECT_EQ(text_at(pod.at("status").at("containerStatuses")[0], {"state", "waiting", "reason"}),
            "ImagePullBackOff");
  controllers_.repair_image("bad:1");
  ASSERT_TRUE(controllers_.settle());
  EXPECT_THAT(ready(), ElementsAre("s-0"));
}

TEST_F(ControllersTest, ALostNodesPodsStayUnreadyAndDoNotFinishTerminating) {
  make_set(3);
  controllers_.settle();
  const std::string node = text_at(*server_.get("pods", "ns", "s-1"), {"spec", "nodeName"});
  heard_.clear();
  controllers_.lose_node(node);
  ASSERT_TRUE(controllers_.settle());
  EXPECT_THAT(heard_, ElementsAre("kill s-1"));
  EXPECT_THAT(ready(), ElementsAre("s-0", "s-2"));
  server_.remove("pods", "ns", "s-1");
  ASSERT_TRUE(controllers_.settle());
  EXPECT_TRUE(server_.get("pods", "ns", "s-1").has_value());
  controllers_.heal_node(node);
  ASSERT_TRUE(controllers_.settle());
  EXPECT_THAT(ready(), ElementsAre("s-0", "s-1", "s-2"));
}

TEST_F(ControllersTest, AnOrphanedPodIsAdoptedByANewSet) {
  make_set(2);
  controllers_.settle();
  const std::string uid = text_at(*server_.get("pods", "ns", "s-0"), {"metadata", "uid"});
  server_.remove("statefulsets", "ns", "s", "Orphan");
  ASSERT_TRUE(controllers_.settle());
  make_set(2);
  ASSERT_TRUE(controllers_.settle());
  EXPECT_EQ(text_at(*server_.get("pods", "ns", "s-0"), {"metadata", "uid"}), uid);
  EXPECT_EQ(set().at("status").at("readyReplicas"), 2);
}

TEST_F(ControllersTest, DeletingTheSetTakesItsPodsAlong) {
  make_set(2);
  controllers_.settle();
  server_.remove("statefulsets", "ns", "s");
  ASSERT_TRUE(controllers_.settle());
  EXPECT_THAT(server_.list("pods", "ns"), IsEmpty());
}

TEST_F(ControllersTest, AClaimInUseWaitsForItsPodAndComesBackEmpty) {
  make_set(1);
  controllers_.settle();
  const std::string volume =
      text_at(*server_.get("persistentvolumeclaims", "ns", "data-s-0"), {"spec", "volumeName"});
  server_.remove("persistentvolumeclaims", "ns", "data-s-0");
  ASSERT_TRUE(controllers_.settle());
  EXPECT_TRUE(server_.get("persistentvolumeclaims", "ns", "data-s-0").has_value());
  server_.remove("pods", "ns", "s-0");
  ASSERT_TRUE(controllers_.settle());
  EXPECT_THAT(ready(), ElementsAre("s-0"));
  EXPECT_NE(text_at(*server_.get("persistentvolumeclaims", "ns", "data-s-0"), {"spec", "volumeName"}),
            volume);
}

TEST_F(ControllersTest, AVolumeGrowsWhereItsClassAllowsIt) {
  make_set(1);
  controllers_.settle();
  const auto grow = [&] {
    return server_.act("t", "PATCH", "/api/v1/namespaces/ns/persistentvolumeclaims/data-s-0",
                       {{"spec", {{"resources", {{"requests", {{"storage", "2Gi"}}}}}}}},
                       "application/merge-patch+json");
  };
  server_.edit("t", "storageclasses", "", "standard", [](Json& o) { o["allowVolumeExpansion"] = false; });
  EXPECT_EQ(grow().status, 403);
  server_.edit("t", "storageclasses", "", "standard", [](Json& o) { o["allowVolumeExpansion"] = true; });
  EXPECT_EQ(grow().status, 200);
  ASSERT_TRUE(controllers_.settle());
  EXPECT_EQ(
      text_at(*server_.get("persistentvolumeclaims", "ns", "data-s-0"), {"status", "capacity", "storage"}),
      "2Gi");
}

TEST_F(ControllersTest, EndpointsFollowReadiness) {
  server_.create("t", "services",
                 {{"metadata", {{"name", "svc"}, {"namespace", "ns"}}},
                  {"spec", {{"selector", {{"app", "x"}}}, {"ports", {{{"port", 80}}}}}}});
  make_set(2);
  ASSERT_TRUE(controllers_.settle());
  const auto targets = [&] {
    std::vector<std::string> out;
    const Json slice = *server_.get("endpointslices", "ns", "svc");
    for (const Json& endpoint : slice.at("endpoints")) {
      out.push_back(text_at(endpoint, {"targetRef", "name"}));
    }
    return out;
  };
  EXPECT_THAT(targets(), UnorderedElementsAre("s-0", "s-1"));
  controllers_.hold_unready("s-0");
  ASSERT_TRUE(controllers_.settle());
  EXPECT_THAT(targets(), ElementsAre("s-1"));
}

TEST_F(ControllersTest, ACrashedContainerStartsAgainWithItsVolume) {
  make_set(1);
  controllers_.settle();
  heard_.clear();
  controllers_.crash("ns", "s-0");
  EXPECT_THAT(ready(), IsEmpty());
  ASSERT_TRUE(controllers_.settle());
  EXPECT_THAT(heard_, ElementsAre("kill s-0", "start s-0"));
  EXPECT_THAT(ready(), ElementsAre("s-0"));
  EXPECT_EQ(server_.get("pods", "ns", "s-0")->at("status").at("containerStatuses")[0].at("restartCount"), 1);
}

}  // namespace
}  // namespace ferro::fakes::kube
