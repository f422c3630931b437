#include "node/app/node_app.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/io/posix_file_system.h"
#include "common/obs/log.h"
#include "common/time/clock.h"
#include "node/api/api.h"
#include "node/app/engine_options.h"
#include "node/app/environment.h"
#include "node/app/signals.h"
#include "node/app/startup_service.h"
#include "node/app/version.h"
#include "node/cache/cache.h"
#include "node/engine/engine.h"
#include "node/http/server.h"
#include "node/metrics/metrics.h"
#include "node/security/server_tls.h"
#include "node/security/tokens.h"

namespace ferro::node::app {

namespace {

// Mounted files are looked at this often; the contract allows five seconds from a change to its effect.
constexpr long kPollIntervalMs = 1000;
// Of tokens' generations in metrics: the newest; a rotation has two.
constexpr std::ptrdiff_t kGenerationsShown = 16;

// Everything that run() owns, in order of construction; destroyed in reverse, after stop().
class NodeApp {
 public:
  NodeApp(config::Invocation invocation, const std::vector<std::string>& arguments)
      : config_(std::move(invocation.config)), salvage_(invocation.salvage), arguments_(arguments) {}

  Status start() {
    FERRO_ASSIGN_OR_RETURN(const obs::Level level, obs::parse_level(config_.log.level));
    FERRO_RETURN_IF_ERROR(obs::init_logging(level, config_.log.format));
    block_signals();
    FERRO_RETURN_IF_ERROR(open_security());
    FERRO_RETURN_IF_ERROR(open_port());
    FERRO_RETURN_IF_ERROR(open_engine());
    attach_api();
    obs::info("ready", {{"version", kVersion},
                        {"port", std::to_string(server_->port())},
                        {"node_id", engine_->options().node_id},
                        {"data_folder", config_.wal_path},
                        {"entries", std::to_string(engine_->figures().live_entries)},
                        {"tls", tls_ ? "on" : "off"},
                        {"tokens", tokens_->enabled() ? "on" : "off"}});
    return {};
  }

  // Until SIGTERM or SIGINT.
  void serve() {
    for (;;) {
      const Signal signal = wait_for_signal(kPollIntervalMs);
      if (signal == Signal::stop) return;
      if (signal == Signal::reload) reload_log_level();
      poll_files(signal == Signal::reload);
    }
  }

  // Requests first, then what they wrote; safe after a start that failed half-way.
  void stop() {
    if (api_) api_->begin_drain();
    if (server_) {
      obs::info("stopping",
                {{"requests_in_flight", std::to_string(server_->figures().requests_in_flight.load())}});
      server_->stop();
    }
    if (engine_) engine_->stop();
    if (api_) obs::info("stopped");
  }

 private:
  Status open_security() {
    FERRO_ASSIGN_OR_RETURN(tokens_, security::TokenSource::open(config_.auth_token, config_.auth_token_file));
    if (!tokens_->enabled()) {
      obs::warn(
          "authentication is off: anyone who reaches the port can read and write; set auth_token or "
          "auth_token_file");
    }
    if (config_.http.tls.cert_path.empty()) return {};
    const auto& files = config_.http.tls;
    FERRO_ASSIGN_OR_RETURN(
        tls_, security::ServerTls::open({files.cert_path, files.key_path, files.client_ca_path}));
    return {};
  }

  Status open_port() {
    http::ServerOptions options = server_options(config_);
    options.tls = tls_.get();
    FERRO_ASSIGN_OR_RETURN(server_, http::Server::start(options, front_));
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

  metrics::Sources metric_sources() {
    const http::ServerFigures& figures = server_->figures();
    metrics::Sources sources;
    sources.http_connections = [&figures] { return figures.connections.load(); };
    sources.http_requests_total = [&figures] { return figures.requests_total.load(); };
    sources.http_requests_in_flight = [&figures] { return figures.requests_in_flight.load(); };
    sources.http_requests_shed = [&figures] { return figures.requests_shed.load(); };
    sources.certificate_not_after_unix = [this] {
      return tls_ ? tls_->certificate().not_after_unix : int64_t{0};
    };
    sources.http_connections_total = [&figures] { return figures.connections_total.load(); };
    sources.http_connections_refused = [&figures] { return figures.connections_refused.load(); };
    sources.http_requests_refused = [&figures] { return figures.requests_refused.load(); };
    sources.tokens = [this] { return uint64_t{tokens_->current()->size()}; };
    sources.token_generation = [this] { return tokens_->current()->newest_generation(); };
    sources.token_uses = [this] {
      std::vector<metrics::TokenUse> uses;
      for (const security::GenerationUse& use : tokens_->current()->generations())
        uses.push_back({use.generation, use.last_used_unix});
      if (std::ssize(uses) > kGenerationsShown) uses.erase(uses.begin(), uses.end() - kGenerationsShown);
      return uses;
    };
    sources.token_reloads = [this] { return tokens_->reloads(); };
    sources.token_reload_failed = [this] { return tokens_->last_poll_failed(); };
    sources.certificate_reload_failed = [this] { return tls_ && tls_->last_poll_failed(); };
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
    options.version = kVersion;
    options.certificate = [this]() -> std::optional<api::Certificate> {
      if (!tls_) return std::nullopt;
      const security::CertificateFacts facts = tls_->certificate();
      return api::Certificate{facts.fingerprint_sha256, facts.not_after_unix};
    };
    cache_ = cache::make_local_cache(*engine_);
    api_ = api::Api::create(std::move(options), {*engine_, *cache_, *tokens_, *metrics_, clock_});
    front_.attach(*api_);
  }

  // Says once that a file went bad and once that it is good again, not at every look.
  void poll_files(bool asked) {
    const auto tell = [asked](const char* what, const Result<bool>& polled, bool failed_before) {
      if (!polled.ok()) {
        if (!failed_before || asked)
          obs::error(std::string(what) + " could not be reloaded; the last good ones stay in force",
                     {{"reason", polled.status().message()}});
      } else if (*polled) {
        obs::info(std::string(what) + " reloaded");
      } else if (failed_before) {
        obs::info(std::string(what) + " are readable again, unchanged");
      }
    };
    const bool tokens_failed = tokens_->last_poll_failed();
    tell("tokens", tokens_->poll(), tokens_failed);
    if (tls_) {
      const bool certificate_failed = tls_->last_poll_failed();
      tell("certificates", tls_->poll(), certificate_failed);
    }
  }

  void reload_log_level() {
    const auto again = config::load(arguments_, process_environment());
    if (!again.ok()) {
      obs::error("the configuration could not be read again; nothing changed",
                 {{"reason", again.status().message()}});
      return;
    }
    const auto level = obs::parse_level(again->config.log.level);
    if (!level.ok()) return;
    obs::set_level(*level);
    obs::info("reloaded on SIGHUP", {{"log_level", again->config.log.level}});
  }

  const config::Config config_;
  const bool salvage_;
  const std::vector<std::string>& arguments_;
  SystemClock clock_;
  io::PosixFileSystem file_system_;
  StartupService front_;
  std::unique_ptr<security::TokenSource> tokens_;
  std::unique_ptr<security::ServerTls> tls_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<cache::Cache> cache_;
  std::unique_ptr<metrics::Metrics> metrics_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<http::Server> server_;  // last: its threads use all of the above until stop()
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
