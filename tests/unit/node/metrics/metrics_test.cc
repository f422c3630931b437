// A whole scrape over a stand-in engine; docs/metrics.md against it.
#include "node/metrics/metrics.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

namespace ferro::node::metrics {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// Answers what metrics ask; everything else is out of place here.
class FakeStore final : public store::Store {
 public:
  std::vector<store::BaseTotals> bases;
  store::NamespaceCounters forgotten_counters;

  std::vector<store::BaseTotals> base_totals(int64_t, store::NamespaceCounters& forgotten) const override {
    forgotten = forgotten_counters;
    return bases;
  }
  Status admit(const model::PutOp&, int64_t) const override { return unexpected(); }
  store::ApplyResult apply(const model::Operation&, int64_t, store::Origin) override { return {}; }
  std::vector<store::EntryRef> victims_for(const model::PutOp&, int64_t, store::Origin,
                                           model::SlotSet) override {
    return {};
  }
  Status admit_copy(const model::PutOp&) const override { return unexpected(); }
  bool is_news(const model::Operation&) const override { return false; }
  void end_batch() override {}
  void start_counting() override {}
  size_t reap_expired(int64_t, size_t) override { return 0; }
  std::optional<Maintenance> begin_maintenance() override { return std::nullopt; }
  bool give_memory_back() override { return false; }
  size_t dimension_of(const model::NamespaceKey&, int64_t, model::SlotSet) const override { return 0; }
  Result<store::QueryResult> query(const store::QueryRequest&, bool) override { return unexpected(); }
  void count_query(const model::NamespaceKey&, const store::Hit*) override { ADD_FAILURE(); }
  void touch(const model::NamespaceKey&, const std::vector<store::AccessCount>&, int64_t) const override {
    ADD_FAILURE();
  }
  std::vector<store::EntryView> find(std::string_view, int64_t, bool,
                                     const model::Territory*) const override {
    return {};
  }
  std::vector<store::EntryRef> within_radius(const model::NamespaceKey&, std::span<const float>, float,
                                             int64_t, model::SlotSet) const override {
    return {};
  }
  std::vector<store::EntryRef> select(const store::Selector&, int64_t) const override { return {}; }
  size_t live_entries(int64_t) const override { return 0; }
  uint64_t memory_bytes() const override { return 0; }
  size_t namespace_count() const override { return 0; }
  uint64_t index_rebuilds() const override { return 0; }
  std::vector<store::NamespaceStats> namespaces(int64_t, std::string_view, std::string_view, size_t,
                                                const model::Territory*) const override {
    ADD_FAILURE() << "a scrape must not walk the namespaces";
    return {};
  }
  std::optional<store::NamespaceStats> namespace_stats(const model::NamespaceKey&, int64_t) const override {
    return std::nullopt;
  }
  std::vector<std::pair<std::string, std::vector<store::TopEntry>>> top_entries(
      int64_t, size_t, size_t, const model::Territory*) const override {
    ADD_FAILURE() << "a scrape must not walk the entries";
    return {};
  }
  uint64_t area_digest(const store::Area&) const override { return 0; }
  uint64_t area_entries(const store::Area&) const override { return 0; }
  std::vector<store::LargeNamespace> larger_than(uint16_t, uint64_t, uint64_t) const override { return {}; }
  std::vector<store::NamespaceSummary> namespaces_in(const store::Area&, size_t) const override { return {}; }
  store::NamespaceVersions versions(const model::NamespaceKey&, uint32_t, uint32_t,
                                    model::SlotSet) const override {
    return {};
  }
  std::vector<std::string> encoded(const model::NamespaceKey&,
                                   const std::vector<std::string>&) const override {
    return {};
  }
  size_t collect_tombstones(int64_t, size_t) override { return 0; }
  void restore_collected(int64_t) override {}
  store::TombstoneFigures tombstones() const override { return {}; }
  Status dump(const SnapshotSink&, int64_t) const override { return unexpected(); }
  Status load_graph(const model::NamespaceKey&, Bytes) override { return unexpected(); }

 private:
  static Status unexpected() { return Status::internal("not part of a scrape"); }
};

class FakeEngine final : public engine::Engine {
 public:
  FakeStore store_;
  engine::Counters counters_;
  engine::EngineFigures figures_;
  engine::EngineOptions options_;
  Status readiness_;

  const store::Store& store() const override { return store_; }
  void count_lookup(const model::NamespaceKey&, const store::Hit*) override {}
  engine::Counters counters() const override { return counters_; }
  engine::EngineFigures figures() const override { return figures_; }
  const engine::EngineOptions& options() const override { return options_; }
  Status readiness() const override { return readiness_; }
  int64_t now_ms() const override { return 1'700'000'000'000; }
  void stop() override {}
  Result<engine::LookupResult> lookup(const engine::LookupRequest&) override {
    return Status::internal("no");
  }
  std::vector<store::EntryView> find(std::string_view, bool) override { return {}; }
  void insert(engine::InsertRequest, engine::Done<std::string>) override {}
  void insert_batch(std::vector<engine::InsertRequest>,
                    std::function<void(std::vector<Result<std::string>>)>) override {}
  void remove(engine::RemoveRequest, engine::Done<uint64_t>) override {}
  void drop_namespace(engine::DropRequest, engine::Done<uint64_t>) override {}
  void invalidate(engine::InvalidateRequest, engine::Done<std::vector<std::string>>) override {}
  void compact(engine::Done<engine::CompactResult>) override {}
  void set_decision_sink(engine::DecisionSink*) override {}
  void apply_replicated(std::vector<model::Operation>, engine::Done<uint64_t>) override {}
  void purge(std::vector<store::EntryRef>, engine::Done<uint64_t>) override {}
  void pump() override {}
};

// One line of the exposition: name, labels as text, value.
struct Sample {
  std::string name, labels;
  double value = 0;
};

struct Scrape {
  std::string text;
  std::vector<Sample> samples;
  std::map<std::string, std::string> types, helps;

  double value(const std::string& name, const std::string& labels = "") const {
    for (const Sample& sample : samples) {
      if (sample.name == name && sample.labels == labels) return sample.value;
    }
    ADD_FAILURE() << "no sample " << name << "{" << labels << "}";
    return -1;
  }
  size_t count(const std::string& name) const {
    return static_cast<size_t>(std::count_if(samples.begin(), samples.end(),
                                             [&](const Sample& sample) { return sample.name == name; }));
  }
};

// A strict reader of the text format 0.0.4, as far as the node uses it.
Scrape parse(const std::string& text) {
  Scrape scrape;
  scrape.text = text;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const auto words = [&](const std::string& prefix, std::map<std::string, std::string>& into) {
      const size_t blank = line.find(' ', prefix.size());
      const std::string name = line.substr(prefix.size(), blank - prefix.size());
      EXPECT_TRUE(into.emplace(name, line.substr(blank + 1)).second) << name << " is announced twice";
    };
    if (line.starts_with("# HELP ")) {
      words("# HELP ", scrape.helps);
    } else if (line.starts_with("# TYPE ")) {
      words("# TYPE ", scrape.types);
    } else {
      Sample sample;
      const size_t open = line.find('{'), close = line.rfind('}');
      const size_t name_end = open != std::string::npos ? open : line.find(' ');
      sample.name = line.substr(0, name_end);
      if (open != std::string::npos) sample.labels = line.substr(open + 1, close - open - 1);
      const std::string value = line.substr((open != std::string::npos ? close + 1 : name_end) + 1);
      size_t used = 0;
      sample.value = std::stod(value, &used);
      EXPECT_EQ(used, value.size()) << line;
      scrape.samples.push_back(sample);
    }
  }
  return scrape;
}

class MetricsTest : public testing::Test {
 protected:
  std::unique_ptr<Metrics> made(size_t max_namespaces = 100, Sources sources = {}) {
    return Metrics::create({max_namespaces, "1.2.3"}, engine_, clock_, std::move(sources));
  }
  static Sources all_sources() {
    Sources sources;
    sources.http_connections = [] { return 1; };
    sources.http_requests_total = [] { return 2; };
    sources.http_requests_in_flight = [] { return 3; };
    sources.http_requests_shed = [] { return 4; };
    sources.http_connections_total = [] { return 5; };
    sources.http_connections_refused = [] { return 6; };
    sources.http_requests_refused = [] { return 7; };
    sources.certificate_not_after_unix = [] { return 1'800'000'000; };
    sources.token_reload_failed = [] { return true; };
    sources.certificate_reload_failed = [] { return false; };
    sources.tokens = [] { return 8; };
    sources.token_generation = [] { return 9; };
    sources.token_reloads = [] { return 10; };
    sources.token_uses = [] { return std::vector<TokenUse>{{8, 0}, {9, 1'700'000'000}}; };
    sources.node_certificate_not_after_unix = [] { return 1'900'000'000; };
    sources.node_certificate_reload_failed = [] { return true; };
    return sources;
  }

  FakeEngine engine_;
  ManualClock clock_;
};

// http-api.md, "Metrics": the names that dashboards in the field use, with their types.
TEST_F(MetricsTest, NamesOfTheContract) {
  engine_.store_.bases.push_back({{"m::4", "", ""}, 1, 2, {}});
  const Scrape scrape = parse(made()->scrape());
  for (const char* name :
       {"queries", "queries_hit", "queries_miss", "inserts", "replication_forwards", "replication_failures",
        "replication_retries", "compactions", "ring_changes", "read_repairs", "read_repair_failures",
        "evictions", "index_rebuilds", "expirations", "deletions", "invalidations", "exact_match_hits"}) {
    const std::string full = std::string("ferrocache_") + name + "_total";
    EXPECT_EQ(scrape.types.at(full), "counter") << full;
    EXPECT_EQ(scrape.count(full), 1U) << full;
  }
  for (const char* name :
       {"hit_rate", "index_entries", "cluster_nodes", "ring_members", "peers_suspected", "peers_dead"}) {
    const std::string full = std::string("ferrocache_") + name;
    EXPECT_EQ(scrape.types.at(full), "gauge") << full;
    EXPECT_EQ(scrape.count(full), 1U) << full;
  }
  EXPECT_EQ(scrape.types.at("ferrocache_peer_phi"), "gauge");
  EXPECT_EQ(scrape.types.at("ferrocache_namespace_entries"), "gauge");
  EXPECT_EQ(scrape.value("ferrocache_namespace_entries", "namespace=\"m::4\""), 2);
  for (const char* name : {"queries_hit", "queries_miss", "inserts", "evictions", "expirations", "deletions",
                           "invalidations", "exact_match_hits"}) {
    const std::string full = std::string("ferrocache_namespace_") + name;
    EXPECT_EQ(scrape.types.at(full), "counter") << full;
    EXPECT_EQ(scrape.value(full, "namespace=\"m::4\""), 0);
  }
  for (const char* name : {"ferrocache_query_duration_seconds", "ferrocache_insert_duration_seconds"}) {
    EXPECT_EQ(scrape.types.at(name), "histogram");
    EXPECT_EQ(scrape.value(std::string(name) + "_bucket", "le=\"0.0001\""), 0);
    EXPECT_EQ(scrape.value(std::string(name) + "_bucket", "le=\"10\""), 0);
    EXPECT_EQ(scrape.value(std::string(name) + "_bucket", "le=\"+Inf\""), 0);
  }
}

TEST_F(MetricsTest, ShowsWhatTheEngineCounts) {
  engine_.counters_ = {10, 4, 6, 7, 1, 2, 3, 5, 8, 9, 11};
  engine_.figures_.live_entries = 123;
  engine_.figures_.memory_bytes = 9'007'199'254'740'991;  // 2^53 - 1: every digit arrives
  engine_.figures_.memory_max_bytes = 1000;
  engine_.figures_.wal_syncs = 3;
  engine_.figures_.wal_sync_ns_total = 1'500'000'000;
  engine_.figures_.write_queue = 17;
  engine_.options_.write_queue_max = 8192;
  const auto metrics = made();
  const Scrape scrape = parse(metrics->scrape());
  EXPECT_EQ(scrape.value("ferrocache_queries_total"), 10);
  EXPECT_EQ(scrape.value("ferrocache_queries_hit_total"), 4);
  EXPECT_EQ(scrape.value("ferrocache_queries_miss_total"), 6);
  EXPECT_EQ(scrape.value("ferrocache_inserts_total"), 7);
  EXPECT_EQ(scrape.value("ferrocache_compactions_total"), 1);
  EXPECT_EQ(scrape.value("ferrocache_evictions_total"), 2);
  EXPECT_EQ(scrape.value("ferrocache_index_rebuilds_total"), 3);
  EXPECT_EQ(scrape.value("ferrocache_expirations_total"), 5);
  EXPECT_EQ(scrape.value("ferrocache_deletions_total"), 8);
  EXPECT_EQ(scrape.value("ferrocache_invalidations_total"), 9);
  EXPECT_EQ(scrape.value("ferrocache_exact_match_hits_total"), 11);
  EXPECT_EQ(scrape.value("ferrocache_hit_rate"), 0.4);
  EXPECT_EQ(scrape.value("ferrocache_index_entries"), 123);
  EXPECT_EQ(scrape.value("ferrocache_memory_bytes"), 9'007'199'254'740'991);
  EXPECT_EQ(scrape.value("ferrocache_wal_sync_seconds_count"), 3);
  EXPECT_EQ(scrape.value("ferrocache_wal_sync_seconds_sum"), 1.5);
  EXPECT_EQ(scrape.value("ferrocache_write_queue"), 17);
  EXPECT_EQ(scrape.value("ferrocache_write_queue_max"), 8192);
  EXPECT_EQ(scrape.value("ferrocache_build_info", "version=\"1.2.3\""), 1);
  EXPECT_EQ(scrape.value("process_start_time_seconds"), 1'700'000'000);
  EXPECT_GT(scrape.value("process_resident_memory_bytes"), 1e6);
  EXPECT_GE(scrape.value("process_cpu_seconds_total"), 0);
}

TEST_F(MetricsTest, ASingleNodeIsAClusterOfOne) {
  const Scrape scrape = parse(made()->scrape());
  EXPECT_EQ(scrape.value("ferrocache_cluster_nodes"), 1);
  EXPECT_EQ(scrape.value("ferrocache_ring_members"), 1);
  EXPECT_EQ(scrape.value("ferrocache_peers_suspected"), 0);
  EXPECT_EQ(scrape.value("ferrocache_peers_dead"), 0);
  EXPECT_EQ(scrape.count("ferrocache_peer_phi"), 0U);
  EXPECT_EQ(scrape.value("ferrocache_hit_rate"), 0);  // no query yet: not NaN
}

// Cause: a node that had left was counted among the dead until it was forgotten, an hour later: after every
// scale-down the dashboards showed nodes missing.
TEST_F(MetricsTest, WhoSaidGoodbyeIsNotDead) {
  cluster::ClusterStatus status;
  status.nodes = {"a", "b"};
  status.peers.resize(4);
  status.peers[0].node = "b";
  status.peers[0].health = "alive";
  status.peers[1].node = "c";
  status.peers[1].health = "dead";
  status.peers[1].state = "left";
  status.peers[2].node = "d";
  status.peers[2].health = "dead";
  status.peers[2].state = "leaving";  // died on its way out
  status.peers[3].node = "e";
  status.peers[3].health = "dead";
  status.peers[3].state = "forgotten";
  Sources sources;
  sources.cluster = [&] { return status; };
  const auto metrics = made(100, sources);
  EXPECT_EQ(parse(metrics->scrape()).value("ferrocache_peers_dead"), 2);
}

TEST_F(MetricsTest, ShowsWhatTheClusterSays) {
  cluster::ClusterStatus status;
  status.state = "joining";
  status.nodes = {"a", "b", "c"};
  status.peers.resize(3);
  status.peers[0].node = "b";
  status.peers[0].health = "alive";
  status.peers[0].latency_ms = 2.5;
  status.peers[0].waiting_bytes = 77;
  status.peers[1].node = "c";
  status.peers[1].health = "suspected";
  status.peers[1].phi = 9.25;
  status.peers[2].node = "d";
  status.peers[2].health = "dead";
  status.peers[2].reachable = false;
  status.ring_members = 2;
  status.ring_changes = 4;
  status.forwards = 5;
  status.replication_failures = 6;
  status.replication_retries = 7;
  status.read_repairs = 8;
  status.read_repair_failures = 9;
  status.replication_lag_ms = 1500;
  status.clock_ahead_ms = -2500;
  status.hint_bytes = 10;
  status.hints_dropped = 11;
  status.partitions_under_replicated = 12;
  status.partitions_out_of_step = 13;
  status.partitions_uncompared = 14;
  status.splits = {{1, 2, {}}, {2, 4, {}}};
  status.splits_wanted = 3;
  status.catch_up = {true, 3, 90, 1000, 2000};
  status.gossip_bytes_sent = 14;
  Sources sources;
  sources.cluster = [&] { return status; };
  const auto metrics = made(100, sources);
  const Scrape scrape = parse(metrics->scrape());
  EXPECT_EQ(scrape.value("ferrocache_ready"), 0) << "it is joining";
  EXPECT_EQ(scrape.value("ferrocache_cluster_nodes"), 3);
  EXPECT_EQ(scrape.value("ferrocache_ring_members"), 2);
  EXPECT_EQ(scrape.value("ferrocache_ring_changes_total"), 4);
  EXPECT_EQ(scrape.value("ferrocache_peers_suspected"), 1);
  EXPECT_EQ(scrape.value("ferrocache_peers_dead"), 1);
  EXPECT_EQ(scrape.value("ferrocache_peer_phi", "peer=\"c\""), 9.25);
  EXPECT_EQ(scrape.value("ferrocache_peer_reachable", "peer=\"d\""), 0);
  EXPECT_EQ(scrape.value("ferrocache_peer_latency_seconds", "peer=\"b\""), 0.0025);
  EXPECT_EQ(scrape.value("ferrocache_peer_waiting_bytes", "peer=\"b\""), 77);
  EXPECT_EQ(scrape.value("ferrocache_replication_forwards_total"), 5);
  EXPECT_EQ(scrape.value("ferrocache_replication_failures_total"), 6);
  EXPECT_EQ(scrape.value("ferrocache_replication_retries_total"), 7);
  EXPECT_EQ(scrape.value("ferrocache_read_repairs_total"), 8);
  EXPECT_EQ(scrape.value("ferrocache_read_repair_failures_total"), 9);
  EXPECT_EQ(scrape.value("ferrocache_replication_lag_seconds"), 1.5);
  EXPECT_EQ(scrape.value("ferrocache_clock_ahead_seconds"), -2.5);
  EXPECT_EQ(scrape.value("ferrocache_hint_bytes"), 10);
  EXPECT_EQ(scrape.value("ferrocache_hints_dropped_total"), 11);
  EXPECT_EQ(scrape.value("ferrocache_partitions_under_replicated"), 12);
  EXPECT_EQ(scrape.value("ferrocache_partitions_out_of_step"), 13);
  EXPECT_EQ(scrape.value("ferrocache_partitions_uncompared"), 14);
  EXPECT_EQ(scrape.value("ferrocache_split_namespaces"), 2);
  EXPECT_EQ(scrape.value("ferrocache_split_partitions_max"), 16);
  EXPECT_EQ(scrape.value("ferrocache_splits_wanted"), 3);
  EXPECT_EQ(scrape.value("ferrocache_transfer_running", "kind=\"catch_up\""), 1);
  EXPECT_EQ(scrape.value("ferrocache_transfer_running", "kind=\"drain\""), 0);
  EXPECT_EQ(scrape.value("ferrocache_transfer_partitions", "kind=\"catch_up\""), 90);
  EXPECT_EQ(scrape.value("ferrocache_transfer_entries", "kind=\"catch_up\""), 1000);
  EXPECT_EQ(scrape.value("ferrocache_gossip_sent_bytes_total"), 14);
  status.peers.pop_back();
  EXPECT_EQ(parse(metrics->scrape()).count("ferrocache_peer_phi"), 2U) << "the forgotten one is gone";
}

TEST_F(MetricsTest, SnapshotsAndReadiness) {
  const auto metrics = made();
  Scrape scrape = parse(metrics->scrape());
  EXPECT_EQ(scrape.count("ferrocache_snapshot_age_seconds"), 0U);
  EXPECT_EQ(scrape.value("ferrocache_snapshot_number"), 0);
  EXPECT_EQ(scrape.value("ferrocache_ready"), 1);
  engine_.figures_.snapshot_number = 4;
  engine_.figures_.snapshot_created_at_ms = clock_.wall_ms();
  engine_.figures_.snapshot_failed = true;
  engine_.readiness_ = Status::unavailable("the disk is full");
  clock_.advance_ms(90'500);
  scrape = parse(metrics->scrape());
  EXPECT_EQ(scrape.value("ferrocache_snapshot_age_seconds"), 90.5);
  EXPECT_EQ(scrape.value("ferrocache_snapshot_number"), 4);
  EXPECT_EQ(scrape.value("ferrocache_snapshot_failed"), 1);
  EXPECT_EQ(scrape.value("ferrocache_ready"), 0);
}

TEST_F(MetricsTest, AsksTheSourcesThatThereAre) {
  const Scrape without = parse(made()->scrape());
  EXPECT_EQ(without.count("ferrocache_http_connections"), 0U);
  EXPECT_EQ(without.count("ferrocache_certificate_expiry_timestamp_seconds"), 0U);
  const Scrape with = parse(made(100, all_sources())->scrape());
  EXPECT_EQ(with.value("ferrocache_http_connections"), 1);
  EXPECT_EQ(with.value("ferrocache_http_requests_total"), 2);
  EXPECT_EQ(with.value("ferrocache_http_requests_in_flight"), 3);
  EXPECT_EQ(with.value("ferrocache_http_requests_shed_total"), 4);
  EXPECT_EQ(with.value("ferrocache_http_connections_total"), 5);
  EXPECT_EQ(with.value("ferrocache_http_connections_refused_total"), 6);
  EXPECT_EQ(with.value("ferrocache_http_requests_refused_total"), 7);
  EXPECT_EQ(with.value("ferrocache_certificate_expiry_timestamp_seconds"), 1'800'000'000);
  EXPECT_EQ(with.value("ferrocache_token_reload_failed"), 1);
  EXPECT_EQ(with.value("ferrocache_certificate_reload_failed"), 0);
  EXPECT_EQ(with.value("ferrocache_tokens"), 8);
  EXPECT_EQ(with.value("ferrocache_token_generation"), 9);
  EXPECT_EQ(with.value("ferrocache_token_reloads_total"), 10);
  EXPECT_EQ(with.value("ferrocache_token_last_used_timestamp_seconds", "generation=\"8\""), 0);
  EXPECT_EQ(with.value("ferrocache_token_last_used_timestamp_seconds", "generation=\"9\""), 1'700'000'000);
  EXPECT_EQ(with.value("ferrocache_old_token_last_used_timestamp_seconds"), 0);
  EXPECT_EQ(with.value("ferrocache_node_certificate_expiry_timestamp_seconds"), 1'900'000'000);
  EXPECT_EQ(with.value("ferrocache_node_certificate_reload_failed"), 1);
  Sources plain = all_sources();
  plain.certificate_not_after_unix = [] { return 0; };
  EXPECT_EQ(parse(made(100, plain)->scrape()).count("ferrocache_certificate_expiry_timestamp_seconds"), 0U);
}

TEST_F(MetricsTest, DurationsGoToTheirHistogram) {
  const auto metrics = made();
  metrics->observe_query_ns(200'000);
  metrics->observe_query_ns(3'000'000'000);
  metrics->observe_insert_ns(60'000'000'000);
  const Scrape scrape = parse(metrics->scrape());
  EXPECT_EQ(scrape.value("ferrocache_query_duration_seconds_bucket", "le=\"0.0001\""), 0);
  EXPECT_EQ(scrape.value("ferrocache_query_duration_seconds_bucket", "le=\"0.00025\""), 1);
  EXPECT_EQ(scrape.value("ferrocache_query_duration_seconds_bucket", "le=\"5\""), 2);
  EXPECT_EQ(scrape.value("ferrocache_query_duration_seconds_count"), 2);
  EXPECT_EQ(scrape.value("ferrocache_query_duration_seconds_sum"), 3.0002);
  EXPECT_EQ(scrape.value("ferrocache_insert_duration_seconds_bucket", "le=\"10\""), 0);
  EXPECT_EQ(scrape.value("ferrocache_insert_duration_seconds_bucket", "le=\"+Inf\""), 1);
}

TEST_F(MetricsTest, BoundsOfBucketsAreWrittenAsPeopleSayThem) {
  const auto metrics = made();
  engine_.store_.bases.push_back({{"odd le=\"0.050000000000000003\"", "", ""}, 1, 1, {}});
  const std::string text = metrics->scrape();
  EXPECT_NE(text.find("ferrocache_query_duration_seconds_bucket{le=\"0.05\"}"), std::string::npos);
  EXPECT_NE(text.find("ferrocache_query_duration_seconds_bucket{le=\"+Inf\"}"), std::string::npos);
  EXPECT_EQ(text.find("{le=\"0.050000000000000003\"}"), std::string::npos);
  EXPECT_NE(text.find("namespace=\"odd le=\\\"0.050000000000000003\\\"\""), std::string::npos);
}

TEST_F(MetricsTest, HitsTellHowLikeTheyWereAndWhatTheySaved) {
  const auto metrics = made();
  store::Hit hit;
  hit.response = "12345678";
  hit.similarity = 0.93F;
  metrics->observe_hit(hit);
  hit.similarity = 1.0F;
  metrics->observe_hit(hit);
  hit.exact_match = true;  // in no bucket
  metrics->observe_hit(hit);
  engine_.counters_.cost_saved_nano = 2'500'000'000;
  store::BaseTotals totals{{"m", "", ""}, 1, 1, {}};
  totals.counters.cost_saved_nano = 1'000'000;
  engine_.store_.bases.push_back(totals);
  const Scrape scrape = parse(metrics->scrape());
  EXPECT_EQ(scrape.value("ferrocache_hit_similarity_bucket", "le=\"0.92\""), 0);
  EXPECT_EQ(scrape.value("ferrocache_hit_similarity_bucket", "le=\"0.94\""), 1);
  EXPECT_EQ(scrape.value("ferrocache_hit_similarity_bucket", "le=\"1\""), 2);
  EXPECT_EQ(scrape.value("ferrocache_hit_similarity_count"), 2);
  EXPECT_NEAR(scrape.value("ferrocache_hit_similarity_sum"), 1.93, 1e-5);
  EXPECT_EQ(scrape.value("ferrocache_hit_response_bytes_total"), 24);
  EXPECT_EQ(scrape.value("ferrocache_cost_saved_total"), 2.5);
  EXPECT_EQ(scrape.value("ferrocache_namespace_cost_saved", "namespace=\"m\""), 0.001);
}

TEST_F(MetricsTest, NamespacesBeyondTheBoundAreOther) {
  for (uint64_t i = 1; i <= 5; ++i) {
    store::BaseTotals totals{{"m" + std::to_string(i), "", ""}, i, i, {}};
    totals.counters.queries_hit = i;
    engine_.store_.bases.push_back(totals);
  }
  const Scrape scrape = parse(made(2)->scrape());
  EXPECT_EQ(scrape.count("ferrocache_namespace_entries"), 3U);
  EXPECT_EQ(scrape.value("ferrocache_namespace_queries_hit", "namespace=\"m5\""), 5);
  EXPECT_EQ(scrape.value("ferrocache_namespace_queries_hit", "namespace=\"m4\""), 4);
  EXPECT_EQ(scrape.value("ferrocache_namespace_queries_hit", "namespace=\"_other\""), 6);
  EXPECT_EQ(scrape.value("ferrocache_namespace_entries", "namespace=\"_other\""), 6);
}

TEST_F(MetricsTest, OddNamespaceNamesStayOneLabel) {
  engine_.store_.bases.push_back({{"a\"b\\c\nd", "", ""}, 1, 2, {}});
  const std::string text = made()->scrape();
  EXPECT_THAT(text, HasSubstr(R"(ferrocache_namespace_entries{namespace="a\"b\\c\nd"} 2)"
                              "\n"));
  parse(text);
}

TEST_F(MetricsTest, ManyScrapeAtOnce) {
  const auto metrics = made(1, all_sources());
  for (uint64_t i = 1; i <= 50; ++i)
    engine_.store_.bases.push_back({{"m" + std::to_string(i), "", ""}, i, 1, {}});
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        metrics->observe_query_ns(1000);
        EXPECT_THAT(metrics->scrape(), HasSubstr("namespace=\"_other\"} 49"));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(parse(metrics->scrape()).value("ferrocache_query_duration_seconds_count"), 80);
}

TEST_F(MetricsTest, EveryNameIsWellFormedAndExplained) {
  const Scrape scrape = parse(made(100, all_sources())->scrape());
  for (const auto& [name, type] : scrape.types) {
    EXPECT_TRUE(name.starts_with("ferrocache_") || name.starts_with("process_")) << name;
    EXPECT_GT(scrape.helps.at(name).size(), 8U) << name;
    const bool is_per_namespace =
        name.starts_with("ferrocache_namespace_");  // fixed by the contract without _total
    if (is_per_namespace) continue;
    EXPECT_EQ(name.ends_with("_total"), type == "counter") << name;
  }
}

// Rows `| name | type | labels | what |`.
TEST_F(MetricsTest, ThePageHoldsEveryMetric) {
  const Scrape scrape = parse(made(100, all_sources())->scrape());
  std::ifstream in("docs/metrics.md");
  ASSERT_TRUE(in) << "tests run in the top folder";
  std::map<std::string, std::string> rows;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("| `")) continue;
    const size_t end = line.find('`', 3);
    const size_t type = line.find("| ", end) + 2;
    EXPECT_TRUE(rows.emplace(line.substr(3, end - 3), line.substr(type, line.find(' ', type) - type)).second)
        << line;
  }
  for (const auto& [name, type] : scrape.types) {
    ASSERT_TRUE(rows.contains(name)) << "not on the page: " << name;
    EXPECT_EQ(rows.at(name), type) << name;
  }
  for (const auto& [name, type] : rows)
    EXPECT_TRUE(scrape.types.contains(name)) << "not in a scrape: " << name;
}

}  // namespace
}  // namespace ferro::node::metrics
