#include "node/metrics/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "common/io/small_file.h"
#include "node/metrics/cluster_metrics.h"
#include "node/metrics/duration_histogram.h"
#include "node/metrics/families.h"
#include "node/metrics/hit_figures.h"
#include "node/metrics/namespace_labels.h"

namespace ferro::node::metrics {

namespace {

using engine::Counters;
using engine::EngineFigures;
using prometheus::MetricType;

constexpr double kNano = 1e-9;

void add_engine_counters(const Counters& counters, Families& out) {
  out.counter("ferrocache_queries_total", "Queries answered.", counters.queries);
  out.counter("ferrocache_queries_hit_total", "Queries that found an entry.", counters.hits);
  out.counter("ferrocache_queries_miss_total", "Queries that found none.", counters.misses);
  out.counter("ferrocache_exact_match_hits_total", "Hits by equal text, without a vector search.",
              counters.exact_match_hits);
  out.counter("ferrocache_inserts_total", "Entries stored, replaced ones included.", counters.inserts);
  out.counter("ferrocache_deletions_total", "Entries deleted by id or with their namespace.",
              counters.deletions);
  out.counter("ferrocache_invalidations_total", "Entries deleted by invalidation.", counters.invalidations);
  out.counter("ferrocache_expirations_total", "Entries removed because their time was over.",
              counters.expirations);
  out.counter("ferrocache_evictions_total", "Entries removed to make room.", counters.evictions);
  out.counter("ferrocache_index_rebuilds_total", "Graphs rebuilt because too much of them was dead.",
              counters.index_rebuilds);
  out.counter("ferrocache_compactions_total", "Snapshots taken and logs dropped behind them.",
              counters.compactions);
  Families::add(out.family("ferrocache_cost_saved_total",
                           "What the answers of all hits had cost to make, in the unit of the inserts' cost.",
                           MetricType::Counter),
                static_cast<double>(counters.cost_saved_nano) * kNano);
  const double hit_rate = counters.queries == 0
                              ? 0.0
                              : static_cast<double>(counters.hits) / static_cast<double>(counters.queries);
  out.gauge("ferrocache_hit_rate", "Share of queries that hit, since start; 0 before the first.", hit_rate);
}

void add_storage(const EngineFigures& figures, Families& out) {
  const auto value = [](uint64_t figure) { return static_cast<double>(figure); };
  constexpr double kNanosecond = 1e-9;
  out.gauge("ferrocache_index_entries", "Live entries on this node.", value(figures.live_entries));
  out.gauge("ferrocache_namespaces", "Namespaces with entries, conversations included.",
            value(figures.namespaces));
  out.gauge("ferrocache_memory_bytes", "Memory accounted to entries and indexes.",
            value(figures.memory_bytes));
  out.gauge("ferrocache_memory_max_bytes", "Budget for it.", value(figures.memory_max_bytes));
  out.gauge("ferrocache_write_queue", "Operations that wait for the writer.", value(figures.write_queue));
  out.summary("ferrocache_wal_sync_seconds", "Time spent syncing the log to disk.", figures.wal_syncs,
              value(figures.wal_sync_ns_total) * kNanosecond);
  out.gauge("ferrocache_wal_last_sync_seconds", "Duration of the latest sync.",
            value(figures.wal_last_sync_ns) * kNanosecond);
  out.gauge("ferrocache_wal_bytes", "Bytes of records in the log.", value(figures.wal_bytes));
  out.gauge("ferrocache_wal_segments", "Segment files of the log.", value(figures.wal_segments));
  out.gauge("ferrocache_wal_sequence", "Number of the latest record.", value(figures.wal_sequence));
}

void add_snapshots(const EngineFigures& figures, int64_t now_ms, Families& out) {
  const auto value = [](uint64_t figure) { return static_cast<double>(figure); };
  out.gauge("ferrocache_snapshot_number", "Number of the latest snapshot; 0 = none yet.",
            value(figures.snapshot_number));
  auto& age = out.family("ferrocache_snapshot_age_seconds",
                         "Age of the latest snapshot; no value before the first.", MetricType::Gauge);
  if (figures.snapshot_created_at_ms > 0) {
    Families::add(
        age, static_cast<double>(std::max<int64_t>(0, now_ms - figures.snapshot_created_at_ms)) / 1000.0);
  }
  out.gauge("ferrocache_snapshot_bytes", "Size of the latest snapshot.", value(figures.snapshot_bytes));
  out.gauge("ferrocache_snapshot_wal_sequence", "Latest log record that it holds.",
            value(figures.snapshot_wal_sequence));
  out.gauge("ferrocache_snapshots_kept", "Snapshots on disk.", value(figures.snapshots_kept));
  out.gauge("ferrocache_snapshot_failed", "1 if the latest attempt to take one failed.",
            figures.snapshot_failed ? 1 : 0);
}

template <typename Source>
void add_from(const Source& source, const char* name, const char* help, MetricType type, Families& out) {
  auto& family = out.family(name, help, type);
  if (source) Families::add(family, static_cast<double>(source()));
}

void add_disk(const Sources& sources, Families& out) {
  auto& available = out.family("ferrocache_disk_available_bytes",
                               "Free bytes of the data folder's file system.", MetricType::Gauge);
  auto& total = out.family("ferrocache_disk_bytes", "Its size.", MetricType::Gauge);
  if (!sources.disk) return;
  const Result<io::DiskSpace> space = sources.disk();
  if (!space.ok()) return;
  Families::add(available, static_cast<double>(space->available_bytes));
  Families::add(total, static_cast<double>(space->total_bytes));
}

void add_sources(const Sources& sources, Families& out) {
  constexpr MetricType kCounter = MetricType::Counter, kGauge = MetricType::Gauge;
  add_from(sources.http_connections, "ferrocache_http_connections", "Open client connections.", kGauge, out);
  add_from(sources.http_connections_total, "ferrocache_http_connections_total",
           "Client connections accepted.", kCounter, out);
  add_from(sources.http_connections_refused, "ferrocache_http_connections_refused_total",
           "Client connections closed because there were too many.", kCounter, out);
  add_from(sources.http_requests_total, "ferrocache_http_requests_total", "HTTP requests read.", kCounter,
           out);
  add_from(sources.http_requests_in_flight, "ferrocache_http_requests_in_flight",
           "HTTP requests being worked on.", kGauge, out);
  add_from(sources.http_requests_shed, "ferrocache_http_requests_shed_total",
           "HTTP requests answered 503 because there were too many.", kCounter, out);
  add_from(sources.http_requests_refused, "ferrocache_http_requests_refused_total",
           "HTTP requests refused for their form.", kCounter, out);
  auto& expiry = out.family("ferrocache_certificate_expiry_timestamp_seconds",
                            "When the server certificate ends (Unix time); no value without TLS.", kGauge);
  if (sources.certificate_not_after_unix) {
    const int64_t not_after = sources.certificate_not_after_unix();
    if (not_after != 0) Families::add(expiry, static_cast<double>(not_after));
  }
  auto& node_expiry = out.family(
      "ferrocache_node_certificate_expiry_timestamp_seconds",
      "When the certificate shown to other nodes ends (Unix time); no value without cluster.tls.", kGauge);
  if (sources.node_certificate_not_after_unix) {
    const int64_t not_after = sources.node_certificate_not_after_unix();
    if (not_after != 0) Families::add(node_expiry, static_cast<double>(not_after));
  }
  add_from(sources.node_certificate_reload_failed, "ferrocache_node_certificate_reload_failed",
           "1 while changed certificates or authorities of nodes cannot be used and the former ones stay.",
           kGauge, out);
  add_from(sources.certificate_reload_failed, "ferrocache_certificate_reload_failed",
           "1 while changed certificate files cannot be used and the former ones stay.", kGauge, out);
  add_from(sources.tokens, "ferrocache_tokens",
           "Tokens in force; 0 without authentication or if nobody is let in.", kGauge, out);
  add_from(sources.token_generation, "ferrocache_token_generation",
           "Highest generation among the tokens in force.", kGauge, out);
  auto& last_used = out.family(
      "ferrocache_token_last_used_timestamp_seconds",
      "When a token of the generation was last used (Unix time); 0 = not since the start.", kGauge);
  auto& old_used = out.family("ferrocache_old_token_last_used_timestamp_seconds",
                              "When a token below the highest generation was last used (Unix time); 0 = "
                              "not since the start; no value while there is none.",
                              kGauge);
  if (sources.token_uses) {
    const std::vector<TokenUse> uses = sources.token_uses();
    uint64_t newest = 0;
    for (const TokenUse& use : uses) newest = std::max(newest, use.generation);
    std::optional<int64_t> latest_old;
    for (const TokenUse& use : uses) {
      if (use.generation < newest) latest_old = std::max(latest_old.value_or(0), use.last_used_unix);
    }
    if (latest_old) Families::add(old_used, static_cast<double>(*latest_old));
    for (const TokenUse& use : uses) {
      Families::add(last_used, static_cast<double>(use.last_used_unix),
                    {{"generation", std::to_string(use.generation)}});
    }
  }
  add_from(sources.token_reloads, "ferrocache_token_reloads_total",
           "Changed token files that came into force.", kCounter, out);
  add_from(sources.token_reload_failed, "ferrocache_token_reload_failed",
           "1 while the token file is missing or wrong and the former tokens stay.", kGauge, out);
}

// Resident pages: the second number of /proc/self/statm. 0 if it cannot be read.
double resident_bytes() {
  constexpr size_t kFileBytesMax = 4096;
  const auto content = io::read_small_file("/proc/self/statm", kFileBytesMax);
  if (!content.ok()) return 0;
  const size_t blank = content->find(' ');
  uint64_t pages = 0;
  if (blank == std::string::npos) return 0;
  std::from_chars(content->data() + blank + 1, content->data() + content->size(), pages);
  return static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void add_namespaces(const std::vector<NamespaceLabels::Series>& series, Families& out) {
  struct PerNamespace {
    const char* name;
    const char* help;
    uint64_t store::NamespaceCounters::*counter;
  };
  using store::NamespaceCounters;
  static constexpr PerNamespace kCounters[] = {
      {"ferrocache_namespace_queries_hit", "Hits by namespace.", &NamespaceCounters::queries_hit},
      {"ferrocache_namespace_queries_miss", "Misses by namespace.", &NamespaceCounters::queries_miss},
      {"ferrocache_namespace_inserts", "Entries stored by namespace.", &NamespaceCounters::inserts},
      {"ferrocache_namespace_evictions", "Evictions by namespace.", &NamespaceCounters::evictions},
      {"ferrocache_namespace_expirations", "Expirations by namespace.", &NamespaceCounters::expirations},
      {"ferrocache_namespace_deletions", "Deletions by namespace.", &NamespaceCounters::deletions},
      {"ferrocache_namespace_invalidations", "Invalidated entries by namespace.",
       &NamespaceCounters::invalidations},
      {"ferrocache_namespace_exact_match_hits", "Hits by equal text by namespace.",
       &NamespaceCounters::exact_match_hits}};
  auto& entries = out.family("ferrocache_namespace_entries", "Live entries by namespace.", MetricType::Gauge);
  for (const auto& one : series) {
    Families::add(entries, static_cast<double>(one.entries), {{"namespace", one.label}});
  }
  for (const PerNamespace& each : kCounters) {
    auto& family = out.family(each.name, each.help, MetricType::Counter);
    for (const auto& one : series) {
      Families::add(family, static_cast<double>(one.counters.*each.counter), {{"namespace", one.label}});
    }
  }
  auto& saved = out.family("ferrocache_namespace_cost_saved", "What hits have saved by namespace.",
                           MetricType::Counter);
  for (const auto& one : series) {
    Families::add(saved, static_cast<double>(one.counters.cost_saved_nano) * kNano,
                  {{"namespace", one.label}});
  }
}

class NodeMetrics final : public Metrics {
 public:
  NodeMetrics(MetricsOptions options, const engine::Engine& engine, const Clock& clock, Sources sources)
      : options_(std::move(options)),
        engine_(engine),
        clock_(clock),
        sources_(std::move(sources)),
        started_at_ms_(clock.wall_ms()),
        labels_(options_.max_namespaces) {}

  void observe_query_ns(uint64_t elapsed_ns) override { queries_.observe_ns(elapsed_ns); }
  void observe_insert_ns(uint64_t elapsed_ns) override { inserts_.observe_ns(elapsed_ns); }
  void observe_hit(const store::Hit& hit) override { hits_.observe(hit); }

  std::string scrape() const override {
    Families out;
    add_engine_counters(engine_.counters(), out);
    const EngineFigures figures = engine_.figures();
    add_storage(figures, out);
    add_snapshots(figures, clock_.wall_ms(), out);
    out.gauge("ferrocache_write_queue_max", "Operations that may wait; more are answered 503.",
              static_cast<double>(engine_.options().write_queue_max));
    // The figures of a node alone are true, and dashboards need no second form.
    const cluster::ClusterStatus cluster = sources_.cluster ? sources_.cluster() : cluster_of_one();
    out.gauge("ferrocache_ready", "1 if the node answers as well as any other.",
              engine_.readiness().ok() && cluster.state == "ready" ? 1 : 0);
    add_cluster(cluster, out);
    out.histogram("ferrocache_query_duration_seconds", "Server-side time of a query.", queries_);
    out.histogram("ferrocache_insert_duration_seconds", "Server-side time of an insert until it is durable.",
                  inserts_);
    hits_.add_to(out);
    add_namespaces(namespace_series(), out);
    add_disk(sources_, out);
    add_sources(sources_, out);
    out.gauge("ferrocache_build_info", "Always 1; the version is in the label.", 1,
              {{"version", options_.version}});
    out.gauge("process_start_time_seconds", "When the node started (Unix time).",
              static_cast<double>(started_at_ms_) / 1000.0);
    out.gauge("process_resident_memory_bytes", "Memory of the process.", resident_bytes());
    Families::add(
        out.family("process_cpu_seconds_total", "Processor time of the process.", MetricType::Counter),
        cpu_seconds());
    return out.text();
  }

 private:
  std::vector<NamespaceLabels::Series> namespace_series() const {
    // Held while the totals are read, so that they reach the labels in the order in which they were taken.
    const std::lock_guard lock(labels_mutex_);
    store::NamespaceCounters forgotten;
    const auto bases = engine_.store().base_totals(engine_.now_ms(), forgotten);
    return labels_.update(bases, forgotten);
  }

  const MetricsOptions options_;
  const engine::Engine& engine_;
  const Clock& clock_;
  const Sources sources_;
  const int64_t started_at_ms_;
  DurationHistogram queries_, inserts_;
  HitFigures hits_;
  mutable std::mutex labels_mutex_;
  mutable NamespaceLabels labels_;
};

}  // namespace

std::unique_ptr<Metrics> Metrics::create(MetricsOptions options, const engine::Engine& engine,
                                         const Clock& clock, Sources sources) {
  return std::make_unique<NodeMetrics>(std::move(options), engine, clock, std::move(sources));
}

}  // namespace ferro::node::metrics
