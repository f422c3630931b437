// Names of what a cluster consists of (the Kubernetes contract) and of our labels and annotations.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ferro::oper::api {

inline constexpr std::string_view kFieldManager = "ferrocache-operator";
inline constexpr std::string_view kLabelName = "app.kubernetes.io/name";
inline constexpr std::string_view kLabelInstance = "app.kubernetes.io/instance";
inline constexpr std::string_view kLabelManagedBy = "app.kubernetes.io/managed-by";
inline constexpr std::string_view kNameValue = "ferrocache";
inline constexpr std::string_view kSelectorAll = "app.kubernetes.io/managed-by=ferrocache-operator";

// Annotations and labels of ours.
inline constexpr std::string_view kAnnotationPrefix = "cache.ferrocache.io/";
inline constexpr std::string_view kTemplateHash =
    "cache.ferrocache.io/template-hash";  // on pods and the StatefulSet
inline constexpr std::string_view kAppliedHash = "cache.ferrocache.io/applied-hash";  // on every object made
inline constexpr std::string_view kGeneration =
    "cache.ferrocache.io/generation";  // CA, leaf and token Secrets
inline constexpr std::string_view kRequestedGeneration =
    "cache.ferrocache.io/requested";  // the spec's *Generation acted on
// On NAME-token: when the newest token was made, when clients got it (Unix seconds).
inline constexpr std::string_view kMinted = "cache.ferrocache.io/minted";
inline constexpr std::string_view kSwitched = "cache.ferrocache.io/switched";

// On claims: cluster.id of the nodes that write to the volume. It outlives the resource with the claims that
// storage.deletePolicy Retain keeps.
inline constexpr std::string_view kVolumesId = "cache.ferrocache.io/cluster-id";

// On the FerroCacheCluster, "true": a cluster that names no image is rolled to the release of a new operator
// at once. Without it such a cluster keeps the image that it runs.
inline constexpr std::string_view kFollowRelease = "cache.ferrocache.io/follow-release";

inline constexpr int kHttpPort = 3000;
inline constexpr int kInternalPort = 4000;  // HTTP API under mutual TLS
inline constexpr int kPeerPort = 5000;

inline std::string nodes_service(std::string_view cluster) {
  return std::string(cluster) + "-nodes";
}
inline std::string config_map(std::string_view cluster) {
  return std::string(cluster) + "-config";
}
inline std::string dashboards_config_map(std::string_view cluster) {
  return std::string(cluster) + "-dashboards";
}
inline std::string token_secret(std::string_view cluster) {
  return std::string(cluster) + "-token";
}
inline std::string ca_secret(std::string_view cluster) {
  return std::string(cluster) + "-ca";
}
inline std::string trust_secret(std::string_view cluster) {
  return std::string(cluster) + "-trust";
}
inline std::string tls_secret(std::string_view cluster) {
  return std::string(cluster) + "-tls";
}
inline std::string member(std::string_view cluster, int64_t ordinal) {
  return std::string(cluster) + "-" + std::to_string(ordinal);
}
inline constexpr std::string_view kClaimPrefix = "data-";
inline std::string claim(std::string_view cluster, int64_t ordinal) {
  return std::string(kClaimPrefix) + member(cluster, ordinal);
}
// The DNS name that a member's certificate is made out to.
inline std::string member_host(std::string_view cluster, std::string_view ns, int64_t ordinal) {
  return member(cluster, ordinal) + "." + nodes_service(cluster) + "." + std::string(ns) + ".svc";
}
// "demo-2" of cluster "demo" is 2; nothing for a foreign name.
std::optional<int64_t> ordinal_of(std::string_view cluster, std::string_view pod);
// The same of a claim's name: "data-demo-2".
std::optional<int64_t> ordinal_of_claim(std::string_view cluster, std::string_view claim);

}  // namespace ferro::oper::api
