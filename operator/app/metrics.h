// The operator's own metrics. docs/operator/metrics.md.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "operator/controllers/cluster_figures.h"
#include "operator/controllers/pass_observer.h"
#include "operator/k8s/observer.h"
#include "operator/runtime/reflector.h"
#include "operator/runtime/work_queue.h"

namespace ferro::oper::app {

// What is read at the time of a scrape. Everything outlives the metrics server.
struct ScrapedParts {
  const runtime::WorkQueue* queue = nullptr;
  std::function<bool()> leads;
  std::function<bool()> synced;
  std::function<uint64_t()> events_sent, events_dropped;
};

// Thread-safe; owned by main, outlives whoever tells it something.
class Metrics final : public k8s::RequestObserver, public controllers::PassObserver {
 public:
  Metrics();

  void on_request(const k8s::RequestFacts& facts) override;
  void on_retry(std::string_view verb, int code) override;
  void on_garbage(std::string_view resource) override;
  void on_pass(bool ok, int64_t duration_us) override;
  void on_action(std::string_view action, bool ok) override;

  // Before the server starts.
  void scrape(ScrapedParts parts) { parts_ = std::move(parts); }
  void scrape(const controllers::ClusterFiguresBook& clusters) { clusters_ = &clusters; }
  // Of a reflector that is called `resource` in metrics, in one namespace or all.
  void scrape(std::string resource, const runtime::Reflector& reflector);

  // Text exposition format 0.0.4.
  std::string render() const;

 private:
  std::vector<prometheus::MetricFamily> figures() const;
  std::vector<prometheus::MetricFamily> watch_figures() const;

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& request_seconds_;
  prometheus::Family<prometheus::Counter>& retries_;
  prometheus::Family<prometheus::Counter>& garbage_;
  prometheus::Family<prometheus::Counter>& passes_;
  prometheus::Histogram& pass_seconds_;
  prometheus::Family<prometheus::Counter>& actions_;
  ScrapedParts parts_;
  const controllers::ClusterFiguresBook* clusters_ = nullptr;
  std::vector<std::pair<std::string, const runtime::Reflector*>> reflectors_;
};

}  // namespace ferro::oper::app
