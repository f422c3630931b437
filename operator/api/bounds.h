// The numbers of the schema (crds/ferrocacheclusters.yaml) that the parser repeats, so that an object that
// came past admission becomes a condition. schema_test.cc holds every one against the CRD.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ferro::oper::api::bounds {

inline constexpr int64_t kReplicasMax = 100;
inline constexpr int64_t kReplicationFactorMax = 5;
inline constexpr int64_t kStorageBytesMin = int64_t{256}
                                            << 20;  // log segments, a spare one and two snapshots
inline constexpr int64_t kGenerationMax = 1'000'000'000;

inline constexpr int64_t kMinute = 60;
inline constexpr int64_t kHour = 3600;
inline constexpr int64_t kTenYears = 87'600 * kHour;
inline constexpr int64_t kCaValidityMin = 10 * kMinute;
inline constexpr int64_t kCertValidityMin = 5 * kMinute;
inline constexpr int64_t kRenewBeforeMin = kMinute;
inline constexpr int64_t kRotationIntervalMin = kMinute;
inline constexpr int64_t kOverlapMax = 720 * kHour;

inline constexpr int64_t kRetentionMax = 100;
inline constexpr double kWalRatioMin = 0.1;
inline constexpr double kDeadRatioMin = 0.01;
inline constexpr double kRatioMax = 1000;

inline constexpr int64_t kMemoryPercentMin = 10;
inline constexpr int64_t kMemoryPercentMax = 95;
inline constexpr int64_t kP99MillisecondsMax = 60'000;
inline constexpr int64_t kStabilizationMin = 10;
inline constexpr int64_t kStabilizationMax = 3600;

inline constexpr int64_t kGracePeriodMax = 3600;

inline constexpr size_t kImageBytesMax = 512;
inline constexpr size_t kNameBytesMax = 253;
inline constexpr size_t kQuantityBytesMax = 32;
inline constexpr size_t kScheduleBytesMax = 100;
inline constexpr size_t kConfigEntriesMax = 64;
inline constexpr size_t kConfigValueBytesMax = 4096;
inline constexpr size_t kPullSecretsMax = 8;
inline constexpr size_t kTolerationsMax = 32;
inline constexpr size_t kLabelsMax = 32;
inline constexpr size_t kAnnotationsMax = 64;
inline constexpr size_t kPeersMax = 32;

// Names of Pods ("NAME-99"), Services ("NAME-nodes") and label values are at most 63 characters, and a
// StatefulSet's revision label adds 11 to its name; certificates want a little less.
inline constexpr size_t kClusterNameBytesMax = 40;

// Node settings that the operator makes out of other fields, or that identify a node: refused in spec.config.
inline constexpr std::array<std::string_view, 15> kOwnedKeys{
    "port",
    "node_id",
    "wal_path",
    "auth_token",
    "auth_token_file",
    "http.bind",
    "http.shutdown_timeout_seconds",
    "snapshot.retention",
    "cluster.enabled",
    "cluster.id",
    "cluster.seed_nodes",
    "cluster.gossip_addr",
    "cluster.api_addr",
    "cluster.replication_factor",
    "cluster.write_consistency",
};
inline constexpr std::array<std::string_view, 2> kOwnedPrefixes{"http.tls.", "cluster.tls."};

}  // namespace ferro::oper::api::bounds
