// The process: everything there is, in the order in which it starts and stops.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "common/time/clock.h"
#include "operator/app/http_server.h"
#include "operator/app/metrics.h"
#include "operator/app/options.h"
#include "operator/controllers/caches.h"
#include "operator/controllers/cluster_controller.h"
#include "operator/k8s/credentials.h"
#include "operator/k8s/gated_transport.h"
#include "operator/k8s/rest_client.h"
#include "operator/k8s/transport.h"
#include "operator/nodeclient/beast_node_client.h"
#include "operator/runtime/event_recorder.h"
#include "operator/runtime/leader_election.h"
#include "operator/runtime/reflector.h"
#include "operator/runtime/step_thread.h"
#include "operator/runtime/worker.h"

namespace ferro::oper::app {

// How a run ended.
enum class Ended : uint8_t { stopped, leadership_lost };

// Made, run and destroyed by main, on its thread.
class OperatorApp {
 public:
  // `where`: the way to the API server, for the log and for defaults.
  OperatorApp(Options options, const k8s::Access& where, std::unique_ptr<k8s::Transport> transport,
              std::string identity);
  ~OperatorApp();

  // Listens, watches and runs for leadership. The error says which part and why.
  Status start();
  // Until a signal, or until leadership is lost. Stops everything within kStopMs.
  Ended run();

 private:
  static constexpr int64_t kStopMs = 9'000;

  void start_reflectors();
  void start_workers();
  void stop(int exit_code);
  HttpReply health(std::string_view path) const;
  HttpReply metrics_page(std::string_view path) const;
  void on_change(const k8s::Resource& resource, const runtime::Change& change);

  const Options options_;
  const std::string operator_namespace_, lease_namespace_, identity_;
  const SystemClock clock_;
  k8s::SystemWaiter waiter_;
  Metrics metrics_;
  std::unique_ptr<k8s::Transport> transport_;
  k8s::RestClient lease_client_;
  runtime::LeaderElection election_;
  k8s::GatedTransport gated_;
  k8s::RestClient client_;
  nodeclient::BeastNodeClient nodes_;
  controllers::Caches caches_;
  runtime::EventRecorder events_;
  controllers::ClusterFiguresBook figures_;
  runtime::WorkQueue queue_;
  controllers::ClusterController controller_;
  std::atomic<int64_t> alive_ns_{0};  // when the main loop last went round
  std::atomic<runtime::WorkerPool*> workers_to_wake_{nullptr};
  std::atomic<runtime::StepThread*> events_to_wake_{nullptr};

  // From here on what has threads, in the order in which they start.
  std::unique_ptr<HttpServer> metrics_server_, health_server_;
  std::vector<std::unique_ptr<runtime::Reflector>> reflectors_;
  std::vector<std::unique_ptr<runtime::StepThread>> reflector_threads_;
  std::unique_ptr<runtime::StepThread> events_thread_, election_thread_;
  std::unique_ptr<runtime::WorkerPool> workers_;
};

// Reaches the API server and runs until the end; the exit code for main.
int run_operator(const Options& options);

}  // namespace ferro::oper::app
