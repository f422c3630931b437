#include "operator/app/operator_app.h"

#include <utility>

#include "common/crypto/digest.h"
#include "common/obs/log.h"
#include "operator/app/signals.h"
#include "operator/app/stop_watchdog.h"
#include "operator/app/version.h"
#include "operator/controllers/relevance.h"

namespace ferro::oper::app {
namespace {

constexpr int kWorkers = 4;                 // clusters looked at at the same time
constexpr int64_t kLeaseTimeoutMs = 4'000;  // well under the renew deadline
constexpr int64_t kCallTimeoutMs = 8'000;   // of a call with its retries: a stop must not wait longer
constexpr long kLoopMs = 200;               // how late a won or lost election may be noticed
constexpr int64_t kStuckNs =
    60'000'000'000;  // a main loop that stands still for this long is no longer alive

k8s::RestOptions rest_options(int64_t timeout_ms) {
  k8s::RestOptions options;
  options.timeout_ms = timeout_ms;
  return options;
}

runtime::LeaderOptions leader_options(const Options& options, const std::string& ns,
                                      const std::string& identity) {
  runtime::LeaderOptions leader;
  leader.ns = ns;
  leader.name = options.lease_name;
  leader.identity = identity;
  return leader;
}

runtime::EventRecorderOptions event_options(const std::string& identity) {
  runtime::EventRecorderOptions events;
  events.instance = identity;
  return events;
}

// Its pods' namespace, for the clusters' network policies: outside a cluster there are none to let in.
std::string namespace_of_pods(const Options& options, const k8s::Access& where) {
  return options.kubeconfig.empty() ? where.ns : std::string();
}

std::string lease_namespace(const Options& options, const k8s::Access& where) {
  if (!options.lease_namespace.empty()) return options.lease_namespace;
  return where.ns.empty() ? "default" : where.ns;
}

}  // namespace

OperatorApp::OperatorApp(Options options, const k8s::Access& where, std::unique_ptr<k8s::Transport> transport,
                         std::string identity)
    : options_(std::move(options)),
      operator_namespace_(namespace_of_pods(options_, where)),
      lease_namespace_(lease_namespace(options_, where)),
      identity_(std::move(identity)),
      transport_(std::move(transport)),
      lease_client_(*transport_, clock_, waiter_, &metrics_, rest_options(kLeaseTimeoutMs)),
      election_(lease_client_, clock_, leader_options(options_, lease_namespace_, identity_)),
      gated_(*transport_, election_),
      client_(gated_, clock_, waiter_, &metrics_, rest_options(kCallTimeoutMs)),
      nodes_(clock_),
      events_(client_, clock_, event_options(identity_)),
      queue_(clock_, {},
             [this] {
               if (runtime::WorkerPool* const workers = workers_to_wake_.load()) workers->wake();
             }),
      controller_({caches_, client_, nodes_, election_, events_, figures_, metrics_, clock_},
                  {options_.node_image, operator_namespace_}) {
  events_.on_recorded([this] {
    if (runtime::StepThread* const thread = events_to_wake_.load()) thread->wake();
  });
  ScrapedParts parts;
  parts.queue = &queue_;
  parts.leads = [this] { return election_.still_leader(); };
  parts.synced = [this] { return caches_.synced(); };
  parts.events_sent = [this] { return events_.sent(); };
  parts.events_dropped = [this] { return events_.dropped(); };
  metrics_.scrape(std::move(parts));
  metrics_.scrape(figures_);
}

OperatorApp::~OperatorApp() = default;

Status OperatorApp::start() {
  alive_ns_ = clock_.steady_ns();
  FERRO_ASSIGN_OR_RETURN(const ListenAddress metrics, parse_address(options_.metrics_addr));
  FERRO_ASSIGN_OR_RETURN(const ListenAddress health, parse_address(options_.health_addr));
  auto health_server =
      HttpServer::start(health, [this](std::string_view path) { return this->health(path); });
  if (!health_server.ok()) return health_server.status().with_context("--health-addr");
  health_server_ = std::move(health_server).value();
  start_reflectors();
  auto metrics_server =
      HttpServer::start(metrics, [this](std::string_view path) { return metrics_page(path); });
  if (!metrics_server.ok()) return metrics_server.status().with_context("--metrics-addr");
  metrics_server_ = std::move(metrics_server).value();
  events_thread_ = std::make_unique<runtime::StepThread>("events", [this] { return events_.step(); });
  events_to_wake_ = events_thread_.get();
  election_thread_ = std::make_unique<runtime::StepThread>("election", [this] { return election_.step(); });
  return {};
}

void OperatorApp::start_reflectors() {
  std::vector<std::string> scopes = options_.watch_namespaces;
  if (scopes.empty()) scopes.emplace_back();  // all namespaces
  uint64_t seed = 0;
  caches_.each([&](controllers::Caches::Kind& kind) {
    for (const std::string& scope : scopes) {
      kind.store.expect_scope(scope);
      runtime::ReflectorOptions options;
      options.list.ns = scope;
      options.list.label_selector = std::string(kind.label_selector);
      options.seed = ++seed;
      const k8s::Resource resource = kind.resource;
      reflectors_.push_back(std::make_unique<runtime::Reflector>(
          client_, clock_, resource, kind.store,
          [this, resource](const runtime::Change& change) { on_change(resource, change); }, options));
      metrics_.scrape(std::string(resource.plural), *reflectors_.back());
    }
  });
  for (const auto& reflector : reflectors_) {
    const std::string name = std::string(reflector->resource().plural).substr(0, 15);
    reflector_threads_.push_back(
        std::make_unique<runtime::StepThread>(name, [one = reflector.get()] { return one->step(); }));
  }
}

void OperatorApp::on_change(const k8s::Resource& resource, const runtime::Change& change) {
  if (!controllers::is_relevant(resource, change)) return;
  if (const std::string key = controllers::cluster_key_of(resource, change); !key.empty()) queue_.add(key);
}

void OperatorApp::start_workers() {
  obs::info("leading", {{"lease", lease_namespace_ + "/" + options_.lease_name}, {"identity", identity_}});
  workers_ = std::make_unique<runtime::WorkerPool>(
      queue_, [this](const std::string& key) { return controller_.reconcile(key); }, kWorkers);
  workers_to_wake_ = workers_.get();
  workers_->wake();
}

Ended OperatorApp::run() {
  while (!stop_signal_within(kLoopMs)) {
    alive_ns_ = clock_.steady_ns();
    if (election_.lost()) {
      obs::error("leadership was lost: ending, so that nothing old is acted upon");
      stop(1);
      return Ended::leadership_lost;
    }
    if (workers_ == nullptr && election_.still_leader() && caches_.synced()) start_workers();
  }
  obs::info("stopping");
  stop(0);
  return Ended::stopped;
}

// Passes end after the action under way; then the Lease is given up, so that another goes on at once.
void OperatorApp::stop(int exit_code) {
  const StopWatchdog watchdog(kStopMs, exit_code);
  queue_.shut_down();
  nodes_.interrupt();
  waiter_.stop();
  transport_->interrupt_streams();
  if (workers_ != nullptr) workers_->stop();
  workers_to_wake_ = nullptr;
  events_thread_->stop();
  events_to_wake_ = nullptr;
  election_thread_->stop();
  election_.release();
  for (const auto& thread : reflector_threads_) thread->stop();
  metrics_server_.reset();
  health_server_.reset();
}

HttpReply OperatorApp::health(std::string_view path) const {
  const HttpReply good{200, "text/plain; charset=utf-8", "ok\n"};
  if (path == "/healthz" || path == "/livez") {
    const bool alive = clock_.steady_ns() - alive_ns_.load() < kStuckNs;
    return alive ? good : HttpReply{500, good.content_type, "the main loop stands still\n"};
  }
  if (path == "/readyz") {
    // One that waits for the Lease is ready too: it takes over at once.
    return caches_.synced() ? good : HttpReply{503, good.content_type, "the first lists are not complete\n"};
  }
  return {};
}

HttpReply OperatorApp::metrics_page(std::string_view path) const {
  if (path != "/metrics") return {};
  return {200, "text/plain; version=0.0.4; charset=utf-8", metrics_.render()};
}

}  // namespace ferro::oper::app
