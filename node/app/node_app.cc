#include "node/app/node_app.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/io/disk_space.h"
#include "common/io/posix_file_system.h"
#include "common/obs/log.h"
#include "common/time/clock.h"
#include "node/api/api.h"
#include "node/app/addresses.h"
#include "node/app/cluster_runtime.h"
#include "node/app/engine_options.h"
#include "node/app/live_settings.h"
#include "node/app/security_files.h"
#include "node/app/signals.h"
#include "node/app/startup_service.h"
#include "node/app/version.h"
#include "node/cache/cache.h"
#include "node/engine/engine.h"
#include "node/http/server.h"
#include "node/metrics/metrics.h"

namespace ferro::node::app {

namespace {

// Mounted files are looked at this often; the contract allows five seconds from a change to its effect.
constexpr long kPollIntervalMs = 1000;
// How late the process notices that its cluster has let it go.
constexpr long kLeavePollMs = 20;
// What running requests get at least once the cluster has taken over.
constexpr uint64_t kRequestSecondsMin = 1;
// Of the time to stop in, what handing over leaves to running requests: one so manieth.
constexpr int64_t kRequestShare = 5;
// What the last writes get at least to reach the other owners: mostly a few milliseconds are enough.
constexpr int64_t kLastWritesMs = 500;
// Longer than a node takes to say goodbye once it has nothing to wait for.
constexpr int64_t kGoodbyeMsMax = 1000;

// Everything that run() owns, in order of construction; destroyed in reverse, after stop().
class NodeApp {
 public:
  NodeApp(config::Invocation invocation, const std::vector<std::string>& arguments)
      : config_(std::move(invocation.config)), salvage_(invocation.salvage), live_(config_, arguments) {}

  Status start() {
    FERRO_ASSIGN_OR_RETURN(const obs::Level level, obs::parse_level(config_.log.level));
    FERRO_RETURN_IF_ERROR(obs::init_logging(level, config_.log.format));
    block_signals();
    FERRO_ASSIGN_OR_RETURN(security_, SecurityFiles::open(config_));
    if (!security_->tokens().enabled()) {
      obs::warn(
          "authentication is off: anyone who reaches the port can read and write; set auth_token or "
          "auth_token_file");
    }
    FERRO_RETURN_IF_ERROR(open_ports());
    FERRO_RETURN_IF_ERROR(open_engine());
    FERRO_RETURN_IF_ERROR(join_cluster());
    attach_api();
    tell_port();
    obs::info("serving", {{"version", kVersion},
                          {"port", std::to_string(server_->port())},
                          {"node_id", engine_->options().node_id},
                          {"data_folder", config_.wal_path},
                          {"entries", std::to_string(engine_->figures().live_entries)},
                          {"tls", config_.http.tls.cert_path.empty() ? "off" : "on"},
                          {"tokens", security_->tokens().enabled() ? "on" : "off"},
                          {"cluster", cluster_ ? config_.cluster.id : "off"}});
    return {};
  }

  // Until SIGTERM or SIGINT.
  void serve() {
    for (;;) {
      const Signal signal = wait_for_signal(kPollIntervalMs);
      if (signal == Signal::stop) return;
      live_.poll(signal == Signal::reload);
      security_->poll(signal == Signal::reload);
      tell_credentials();
    }
  }

  // The cluster takes over first, while requests go on; then requests end, then what they wrote is with the
  // others, too. Safe after a start that failed half-way.
  void stop() {
    if (api_) api_->begin_drain();
    const int64_t end_ms = steady_ms() + static_cast<int64_t>(config_.http.shutdown_timeout_seconds) * 1000;
    const bool clustered = cluster_ && cluster_->started();
    if (clustered) hand_off(end_ms);
    const int64_t left_ms = hurried_ ? 0 : end_ms - steady_ms();
    const uint64_t patience_seconds =
        std::max<uint64_t>(kRequestSecondsMin, static_cast<uint64_t>(std::max<int64_t>(0, left_ms)) / 1000);
    if (server_) {
      obs::info("stopping",
                {{"requests_in_flight", std::to_string(server_->figures().requests_in_flight.load())}});
      server_->stop_within(patience_seconds);
    }
    if (internal_server_) internal_server_->stop_within(kRequestSecondsMin);
    if (clustered) leave_cluster(end_ms);
    if (cluster_) cluster_->stop_node();
    if (engine_) engine_->stop();
    if (cluster_) cluster_->stop_network();
    if (api_) obs::info("stopped");
  }

 private:
  // A port that the system chose is told whatever the log's level: nobody could find the node.
  void tell_port() const {
    if (config_.port != 0) return;
    std::printf("port %u\n", unsigned{server_->port()});
    std::fflush(stdout);
  }

  // All of them before anything is recovered: one that is taken is told at once.
  Status open_ports() {
    http::ServerOptions options = server_options(config_);
    options.tls = security_->public_tls();
    FERRO_ASSIGN_OR_RETURN(server_, http::Server::start(options, front_));
    if (security_->internal_tls() != nullptr) {
      options.tls = security_->internal_tls();
      options.port = static_cast<uint16_t>(config::internal_port_of(config_));
      auto started = http::Server::start(options, internal_front_);
      if (!started.ok()) return started.status().with_context("cluster.tls.internal_port");
      internal_server_ = *std::move(started);
    }
    if (!config_.cluster.enabled) return {};
    FERRO_ASSIGN_OR_RETURN(const NodeAddresses addresses,
                           node_addresses(config_, server_->port(), interfaces_of_this_machine()));
    FERRO_ASSIGN_OR_RETURN(cluster_, ClusterRuntime::open(addresses, security_->peer_tls(), clock_));
    return {};
  }

  Status open_engine() {
    engine::OpenReport report;
    FERRO_ASSIGN_OR_RETURN(
        engine_, engine::Engine::open(engine_options(config_, salvage_), file_system_, clock_, report));
    for (const std::string& dropped : report.dropped) obs::warn("salvage dropped data", {{"what", dropped}});
    obs::info("recovered", {{"snapshot_entries", std::to_string(report.snapshot_entries)},
                            {"log_records", std::to_string(report.wal_records)},
                            {"torn_bytes", std::to_string(report.torn_bytes)},
                            {"elapsed_ms", std::to_string(report.elapsed_ms)}});
    return {};
  }

  Status join_cluster() {
    if (!cluster_) {
      local_cache_ = cache::make_local_cache(*engine_);
      return {};
    }
    FERRO_RETURN_IF_ERROR(cluster_->start(config_, *engine_, file_system_));
    tell_credentials();
    obs::info("joining the cluster", {{"cluster", config_.cluster.id},
                                      {"gossip_addr", cluster::to_string(cluster_->advertised())},
                                      {"seeds", std::to_string(config_.cluster.seed_nodes.size())},
                                      {"tls", security_->peer_tls() != nullptr ? "on" : "off"}});
    return {};
  }

  // Tells the cluster what changed in the files; it compares.
  void tell_credentials() {
    if (!cluster_) return;
    cluster::Credentials now = security_->credentials();
    if (now == told_) return;
    told_ = now;
    cluster_->node().set_credentials(std::move(now));
  }

  int64_t steady_ms() const { return clock_.steady_ns() / 1'000'000; }

  // Calls `begin` with how long it may take and waits until it says that it is over. A second signal ends the
  // wait, and everything that is to come is done at once.
  void wait_for_cluster(int64_t until_ms,
                        const std::function<void(int64_t timeout_ms, std::function<void()> done)>& begin) {
    const int64_t timeout_ms = hurried_ ? 0 : std::max<int64_t>(0, until_ms - steady_ms());
    const auto over = std::make_shared<std::atomic<bool>>(false);
    begin(timeout_ms, [over] { over->store(true); });
    const int64_t give_up_ms = steady_ms() + timeout_ms + kGoodbyeMsMax;
    while (!over->load() && steady_ms() < give_up_ms) {
      if (wait_for_signal(kLeavePollMs) != Signal::stop || hurried_) continue;
      obs::warn("asked to stop again: leaving at once");
      hurried_ = true;
      return;
    }
    if (!over->load()) obs::warn("the cluster does not let go in time: others must notice by themselves");
  }

  void hand_off(int64_t end_ms) {
    obs::info("leaving the cluster");
    // The rest is for the requests that run, and for what they write.
    const int64_t until_ms = end_ms - (end_ms - steady_ms()) / kRequestShare;
    wait_for_cluster(until_ms, [this](int64_t timeout_ms, std::function<void()> done) {
      cluster_->node().hand_off(timeout_ms, std::move(done));
    });
  }

  void leave_cluster(int64_t end_ms) {
    const int64_t until_ms = std::max(end_ms, steady_ms() + kLastWritesMs);
    wait_for_cluster(until_ms, [this](int64_t timeout_ms, std::function<void()> done) {
      cluster_->node().leave(timeout_ms, std::move(done));
    });
  }

  metrics::Sources metric_sources() {
    const http::ServerFigures& figures = server_->figures();
    metrics::Sources sources;
    sources.http_connections = [&figures] { return figures.connections.load(); };
    sources.http_requests_total = [&figures] { return figures.requests_total.load(); };
    sources.http_requests_in_flight = [&figures] { return figures.requests_in_flight.load(); };
    sources.http_requests_shed = [&figures] { return figures.requests_shed.load(); };
    sources.http_connections_total = [&figures] { return figures.connections_total.load(); };
    sources.http_connections_refused = [&figures] { return figures.connections_refused.load(); };
    sources.http_requests_refused = [&figures] { return figures.requests_refused.load(); };
    security_->add_to(sources);
    sources.disk = [folder = config_.wal_path] { return io::disk_space(folder); };
    if (cluster_) sources.cluster = [this] { return cluster_->node().status(); };
    return sources;
  }

  void attach_api() {
    metrics_ = metrics::Metrics::create({config_.metrics.max_namespaces, kVersion}, *engine_, clock_,
                                        metric_sources());

    api::ApiOptions options;
    options.max_response_bytes = config_.limits.max_response_bytes;
    options.max_batch_items = config_.limits.max_batch_items;
    options.metrics_auth = config_.http.metrics_auth;
    options.read_repair_enabled = config_.cluster.read_repair_enabled;
    options.replication_factor = config_.cluster.replication_factor;
    options.write_consistency = config_.cluster.write_consistency;
    options.version = kVersion;
    options.certificate = [this] { return security_->public_certificate(); };
    if (security_->peer_tls() != nullptr) {
      options.node_credentials = [this]() -> std::optional<cluster::Credentials> {
        return security_->credentials();
      };
    }
    cache::Cache& cache = cluster_ ? cluster_->node().cache() : *local_cache_;
    cluster::ClusterNode* const node = cluster_ ? &cluster_->node() : nullptr;
    api_ =
        api::Api::create(std::move(options), {*engine_, cache, security_->tokens(), *metrics_, clock_, node});
    front_.attach(*api_);
    internal_front_.attach(api_->for_peers());
  }

  const config::Config config_;
  const bool salvage_;
  LiveSettings live_;
  SystemClock clock_;
  io::PosixFileSystem file_system_;
  bool hurried_ = false;  // asked to stop again
  StartupService front_, internal_front_;
  std::unique_ptr<SecurityFiles> security_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<cache::Cache> local_cache_;  // of a node alone
  std::unique_ptr<ClusterRuntime> cluster_;    // else
  cluster::Credentials told_;
  std::unique_ptr<metrics::Metrics> metrics_;
  std::unique_ptr<api::Api> api_;
  // Last: their threads use all of the above until stop().
  std::unique_ptr<http::Server> server_, internal_server_;
};

}  // namespace

Status run(config::Invocation invocation, const std::vector<std::string>& arguments) {
  NodeApp app(std::move(invocation), arguments);
  Status started = app.start();
  if (started.ok()) app.serve();
  app.stop();
  return started;
}

}  // namespace ferro::node::app
