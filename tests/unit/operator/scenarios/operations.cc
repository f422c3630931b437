#include "tests/unit/operator/scenarios/operations.h"

#include "operator/pki/certificate.h"
#include "operator/pki/secret_json.h"

namespace ferro::oper::scenarios {
namespace {

std::string secret(const Stage& stage, const std::string& name, const std::string& key) {
  return secret_value(stage.server, Stage::kNamespace, name, key);
}
int64_t number(const Stage& stage, const std::string& secret_name, const char* annotation) {
  const auto object = stage.server.get("secrets", Stage::kNamespace, secret_name);
  return object ? pki::annotation_number(*object, std::string("cache.ferrocache.io/") + annotation) : -1;
}
std::string image(const Stage& stage, const std::string& pod) {
  const auto object = stage.server.get("pods", Stage::kNamespace, pod);
  return object ? (*object)["spec"]["containers"][0].value("image", "") : std::string();
}
size_t claims(const Stage& stage) {
  return stage.server.list("persistentvolumeclaims", Stage::kNamespace).size();
}
std::function<void(Stage&)> set(const Json& spec) {
  return [spec](Stage& stage) { stage.patch(kCluster, {{"spec", spec}}); };
}

std::vector<Operation> make() {
  std::vector<Operation> all;
  all.push_back(
      {"create", {}, {}, [](const Stage& stage) { return stage.pods() == 3 && claims(stage) == 3; }});
  all.push_back({"create without TLS", {{"tls", {{"enabled", false}}}}, {}, [](const Stage& stage) {
                   return secret(stage, "demo-ca", "tls.crt").empty();
                 }});
  all.push_back({"scale up", {}, set({{"replicas", 5}}), [](const Stage& stage) {
                   return stage.pods() == 5 && !secret(stage, "demo-tls", "demo-4.crt").empty();
                 }});
  all.push_back({"scale down", {{"replicas", 5}}, set({{"replicas", 3}}), [](const Stage& stage) {
                   return stage.pods() == 3 && claims(stage) == 3;
                 }});
  all.push_back({"roll", {}, set({{"image", "ferrocached:2"}}), [](const Stage& stage) {
                   for (const char* pod : {"demo-0", "demo-1", "demo-2"}) {
                     if (image(stage, pod) != "ferrocached:2") return false;
                   }
                   return true;
                 }});
  all.push_back(
      {"change of a setting", {}, set({{"config", {{"hnsw.ef_search", "64"}}}}), [](const Stage& stage) {
         const auto map = stage.server.get("configmaps", Stage::kNamespace, "demo-config");
         return map && map->dump().find("hnsw.ef_search") != std::string::npos;
       }});
  all.push_back({"renewal of leaves", {}, set({{"tls", {{"rotateGeneration", 1}}}}), [](const Stage& stage) {
                   return number(stage, "demo-tls", "requested") == 1;
                 }});
  all.push_back({"replacement of the authority",
                 {},
                 set({{"tls", {{"replaceCAGeneration", 1}}}}),
                 [](const Stage& stage) {
                   if (number(stage, "demo-ca", "generation") != 2) return false;
                   if (!secret(stage, "demo-ca", "previous.crt").empty()) return false;
                   const auto anchors = pki::inspect_all(secret(stage, "demo-trust", "ca.crt"));
                   return anchors.ok() && anchors->size() == 1 &&
                          pki::is_signed_by(secret(stage, "demo-tls", "demo-2.crt"),
                                            secret(stage, "demo-ca", "tls.crt"));
                 }});
  all.push_back({"rotation of the token",
                 {{"auth", {{"overlap", "1m"}}}},
                 set({{"auth", {{"rotateGeneration", 1}}}}),
                 [](const Stage& stage) {
                   return number(stage, "demo-token", "generation") == 2 &&
                          secret(stage, "demo-token", "tokens").find("generation=1") == std::string::npos;
                 }});
  all.push_back({"compaction", {}, set({{"snapshots", {{"compactGeneration", 1}}}}), [](const Stage& stage) {
                   Stage& looking = const_cast<Stage&>(stage);
                   Nodes::Cluster* const cluster = looking.nodes.find(Stage::kNamespace, kCluster);
                   if (cluster == nullptr || cluster->nodes.size() != 3) return false;
                   for (const auto& [member, node] : cluster->nodes) {
                     if (node.snapshot_number == 0) return false;
                   }
                   return true;
                 }});
  all.push_back({"growth of volumes", {}, set({{"storage", {{"size", "20Gi"}}}}), [](const Stage& stage) {
                   for (const Json& claim : stage.server.list("persistentvolumeclaims", Stage::kNamespace)) {
                     if (claim["status"]["capacity"].value("storage", "") != "20Gi") return false;
                   }
                   return true;
                 }});
  all.push_back({"a pod that is deleted",
                 {},
                 [](Stage& stage) { stage.server.remove("pods", Stage::kNamespace, "demo-1"); },
                 [](const Stage& stage) { return stage.pods() == 3; }});
  all.push_back({"an object that is deleted",
                 {},
                 [](Stage& stage) { stage.server.remove("services", Stage::kNamespace, "demo"); },
                 [](const Stage& stage) {
                   return stage.server.get("services", Stage::kNamespace, "demo").has_value();
                 }});
  return all;
}

}  // namespace

const std::vector<Operation>& operations() {
  static const std::vector<Operation> kAll = make();
  return kAll;
}

bool finishes(Stage& stage, const Operation& operation, int at_most) {
  // What waits for time alone, such as the end of an overlap, leaves the cluster settled meanwhile.
  return stage.until([&] { return operation.done(stage); }, at_most) && stage.settles(kCluster, at_most) &&
         operation.done(stage);
}

}  // namespace ferro::oper::scenarios
