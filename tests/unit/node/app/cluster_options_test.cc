// Every cluster.* setting reaches the cluster.
#include <gmock/gmock.h>

#include <fstream>
#include <string>

#include "node/app/cluster_options.h"
#include "node/app/engine_options.h"

namespace ferro::node::app {
namespace {

TEST(ClusterOptions, EverySettingHasItsPlace) {
  const auto loaded = config::load({"--cluster.enabled=true",
                                    "--cluster.id=prod",
                                    "--cluster.seed_nodes=a:1,[::1]:2",
                                    "--cluster.virtual_nodes=32",
                                    "--cluster.replication_factor=3",
                                    "--cluster.max_replication_retries=7",
                                    "--cluster.phi_threshold=9.5",
                                    "--cluster.read_repair_enabled=false",
                                    "--cluster.dead_node_removal_enabled=false",
                                    "--cluster.write_consistency=quorum",
                                    "--cluster.re_replicate_after_seconds=45",
                                    "--cluster.request_timeout_ms=250",
                                    "--cluster.hint_max_bytes=1024",
                                    "--cluster.hint_max_age_seconds=60",
                                    "--cluster.repair_interval_seconds=5",
                                    "--cluster.repair_bytes_per_second=1048576",
                                    "--cluster.tombstone_retention_seconds=7200",
                                    "--cluster.forget_after_seconds=600",
                                    "--cluster.gossip_interval_ms=100",
                                    "--cluster.protocol_version_max=2",
                                    "--cluster.split_entries=1000",
                                    "--cluster.split_bytes=4096",
                                    "--wal_path=w"},
                                   {});
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  const auto options = cluster_options(loaded->config, "n1", {"10.0.0.1", 5000}, {"10.0.0.1", 3000});
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->self, "n1");
  EXPECT_EQ(options->cluster_id, "prod");
  EXPECT_EQ(options->data_folder, "w");
  EXPECT_EQ(options->advertised, (cluster::Endpoint{"10.0.0.1", 5000}));
  EXPECT_EQ(options->api_address, "10.0.0.1:3000");
  EXPECT_THAT(options->seeds, testing::ElementsAre(cluster::Endpoint{"a", 1}, cluster::Endpoint{"::1", 2}));
  EXPECT_EQ(options->weight, 32U);
  EXPECT_EQ(options->replication_factor, 3U);
  EXPECT_EQ(options->max_replication_retries, 7U);
  EXPECT_EQ(options->phi_threshold, 9.5);
  EXPECT_FALSE(options->read_repair_enabled);
  EXPECT_FALSE(options->dead_node_removal_enabled);
  EXPECT_EQ(options->write_consistency, cluster::WriteConsistency::quorum);
  EXPECT_EQ(options->re_replicate_after_ms, 45'000);
  EXPECT_EQ(options->request_timeout_ms, 250);
  EXPECT_EQ(options->hint_max_bytes, 1024U);
  EXPECT_EQ(options->hint_max_age_ms, 60'000);
  EXPECT_EQ(options->repair_interval_ms, 5'000);
  EXPECT_EQ(options->repair_bytes_per_second, 1'048'576U);
  EXPECT_EQ(options->tombstone_retention_ms, 7'200'000);
  EXPECT_EQ(options->forget_after_ms, 600'000);
  EXPECT_EQ(options->gossip_interval_ms, 100);
  EXPECT_EQ(options->protocol_version, 2);
  EXPECT_EQ(options->split_entries, 1000U);
  EXPECT_EQ(options->split_bytes, 4096U);
}

// The defaults of the two stand in two places.
TEST(ClusterOptions, DefaultsAreThoseOfTheCluster) {
  const auto options = cluster_options({}, "n", {}, {});
  ASSERT_TRUE(options.ok());
  const cluster::ClusterOptions expected;
  EXPECT_EQ(options->cluster_id, expected.cluster_id);
  EXPECT_EQ(options->weight, expected.weight);
  EXPECT_EQ(options->replication_factor, expected.replication_factor);
  EXPECT_EQ(options->max_replication_retries, expected.max_replication_retries);
  EXPECT_EQ(options->phi_threshold, expected.phi_threshold);
  EXPECT_EQ(options->write_consistency, expected.write_consistency);
  EXPECT_EQ(options->re_replicate_after_ms, expected.re_replicate_after_ms);
  EXPECT_EQ(options->request_timeout_ms, expected.request_timeout_ms);
  EXPECT_EQ(options->hint_max_bytes, expected.hint_max_bytes);
  EXPECT_EQ(options->hint_max_age_ms, expected.hint_max_age_ms);
  EXPECT_EQ(options->repair_interval_ms, expected.repair_interval_ms);
  EXPECT_EQ(options->repair_bytes_per_second, expected.repair_bytes_per_second);
  EXPECT_EQ(options->tombstone_retention_ms, expected.tombstone_retention_ms);
  EXPECT_EQ(options->forget_after_ms, expected.forget_after_ms);
  EXPECT_EQ(options->gossip_interval_ms, expected.gossip_interval_ms);
  EXPECT_EQ(options->protocol_version, expected.protocol_version);
  EXPECT_EQ(options->split_entries, expected.split_entries);
  EXPECT_EQ(options->split_bytes, expected.split_bytes);
}

TEST(EngineOptions, TheBootIsThatOfTheMachine) {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  EXPECT_EQ(engine_options(config::Config(), false).boot_id, id);
}

TEST(EngineOptions, OnlyAClusterKeepsTombstones) {
  config::Config config;
  EXPECT_EQ(engine_options(config, false).tombstone_retention_ms, 0);
  config.cluster.enabled = true;
  EXPECT_EQ(engine_options(config, false).tombstone_retention_ms, 86'400'000);
}

}  // namespace
}  // namespace ferro::node::app
