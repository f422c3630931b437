#include "operator/app/metrics.h"

#include <prometheus/client_metric.h>
#include <prometheus/text_serializer.h>

#include <map>

#include "operator/app/version.h"

namespace ferro::oper::app {
namespace {

using prometheus::BuildCounter;
using prometheus::BuildHistogram;
using prometheus::ClientMetric;
using prometheus::Histogram;
using prometheus::MetricFamily;
using prometheus::MetricType;

const Histogram::BucketBoundaries kSeconds{0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};

MetricFamily family(const char* name, const char* help, MetricType type) {
  return {name, help, type, {}};
}

void add(MetricFamily& to, std::vector<ClientMetric::Label> labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  if (to.type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  to.metric.push_back(std::move(metric));
}

MetricFamily single(const char* name, const char* help, MetricType type, double value) {
  MetricFamily made = family(name, help, type);
  add(made, {}, value);
  return made;
}

const char* result(bool ok) {
  return ok ? "ok" : "failed";
}

}  // namespace

Metrics::Metrics()
    : requests_(BuildCounter()
                    .Name("ferrocache_operator_api_requests_total")
                    .Help("Requests to the API server; code 0 = no answer")
                    .Register(registry_)),
      request_seconds_(BuildHistogram()
                           .Name("ferrocache_operator_api_request_duration_seconds")
                           .Help("Time of requests to the API server, watches apart")
                           .Register(registry_)),
      retries_(BuildCounter()
                   .Name("ferrocache_operator_api_retries_total")
                   .Help("Requests that were sent again")
                   .Register(registry_)),
      garbage_(BuildCounter()
                   .Name("ferrocache_operator_watch_garbage_total")
                   .Help("Lines of watches that could not be read")
                   .Register(registry_)),
      passes_(BuildCounter()
                  .Name("ferrocache_operator_reconcile_total")
                  .Help("Passes over one cluster")
                  .Register(registry_)),
      pass_seconds_(BuildHistogram()
                        .Name("ferrocache_operator_reconcile_duration_seconds")
                        .Help("Time of a pass over one cluster")
                        .Register(registry_)
                        .Add({}, kSeconds)),
      actions_(BuildCounter()
                   .Name("ferrocache_operator_actions_total")
                   .Help("Actions that were performed or failed")
                   .Register(registry_)) {
  for (const bool ok : {true, false}) passes_.Add({{"result", result(ok)}});
}

void Metrics::on_request(const k8s::RequestFacts& facts) {
  requests_
      .Add({{"verb", std::string(facts.verb)},
            {"resource", std::string(facts.resource)},
            {"code", std::to_string(facts.code)}})
      .Increment();
  if (facts.verb == "watch") return;
  request_seconds_.Add({{"verb", std::string(facts.verb)}}, kSeconds)
      .Observe(static_cast<double>(facts.duration_us) / 1e6);
}

void Metrics::on_retry(std::string_view verb, int code) {
  retries_.Add({{"verb", std::string(verb)}, {"code", std::to_string(code)}}).Increment();
}

void Metrics::on_garbage(std::string_view resource) {
  garbage_.Add({{"resource", std::string(resource)}}).Increment();
}

void Metrics::on_pass(bool ok, int64_t duration_us) {
  passes_.Add({{"result", result(ok)}}).Increment();
  pass_seconds_.Observe(static_cast<double>(duration_us) / 1e6);
}

void Metrics::on_action(std::string_view action, bool ok) {
  actions_.Add({{"action", std::string(action)}, {"result", result(ok)}}).Increment();
}

void Metrics::scrape(std::string resource, const runtime::Reflector& reflector) {
  reflectors_.emplace_back(std::move(resource), &reflector);
}

std::vector<MetricFamily> Metrics::watch_figures() const {
  MetricFamily lists =
      family("ferrocache_operator_watch_lists_total", "Lists of a kind", MetricType::Counter);
  MetricFamily watches = family("ferrocache_operator_watch_starts_total", "Watches of a kind that were begun",
                                MetricType::Counter);
  MetricFamily gone = family("ferrocache_operator_watch_gone_total", "Watches that had to list anew (410)",
                             MetricType::Counter);
  MetricFamily failures = family("ferrocache_operator_watch_failures_total", "Lists and watches that failed",
                                 MetricType::Counter);
  MetricFamily contact = family("ferrocache_operator_watch_last_contact_timestamp_seconds",
                                "When the API server was last heard of on a watch", MetricType::Gauge);
  std::map<std::string, runtime::ReflectorFigures> by_resource;  // the namespaces together
  for (const auto& [resource, reflector] : reflectors_) {
    const runtime::ReflectorFigures one = reflector->figures();
    const auto [sum, first] = by_resource.emplace(resource, one);
    if (first) continue;
    sum->second.lists += one.lists;
    sum->second.watches += one.watches;
    sum->second.gone += one.gone;
    sum->second.failures += one.failures;
    sum->second.last_contact_ms = std::min(sum->second.last_contact_ms, one.last_contact_ms);
  }
  for (const auto& [resource, sum] : by_resource) {
    const std::vector<ClientMetric::Label> label{{"resource", resource}};
    add(lists, label, static_cast<double>(sum.lists));
    add(watches, label, static_cast<double>(sum.watches));
    add(gone, label, static_cast<double>(sum.gone));
    add(failures, label, static_cast<double>(sum.failures));
    add(contact, label, static_cast<double>(sum.last_contact_ms) / 1000);
  }
  return {lists, watches, gone, failures, contact};
}

std::vector<MetricFamily> Metrics::figures() const {
  std::vector<MetricFamily> all;
  MetricFamily build = family("ferrocache_operator_build_info", "Always 1", MetricType::Gauge);
  add(build, {{"version", kVersion}}, 1);
  all.push_back(std::move(build));
  if (parts_.queue != nullptr) {
    all.push_back(single("ferrocache_operator_queue_depth", "Clusters that wait for a pass",
                         MetricType::Gauge, static_cast<double>(parts_.queue->depth())));
    all.push_back(single("ferrocache_operator_queue_delayed", "Clusters that are to be looked at later",
                         MetricType::Gauge, static_cast<double>(parts_.queue->delayed())));
    all.push_back(single("ferrocache_operator_queue_oldest_seconds", "How long the first of them has waited",
                         MetricType::Gauge, static_cast<double>(parts_.queue->oldest_age_ms()) / 1000));
  }
  if (parts_.leads) {
    all.push_back(single("ferrocache_operator_leader", "1 if this process acts", MetricType::Gauge,
                         parts_.leads() ? 1 : 0));
  }
  if (parts_.synced) {
    all.push_back(single("ferrocache_operator_synced", "1 when everything watched was listed once",
                         MetricType::Gauge, parts_.synced() ? 1 : 0));
  }
  if (parts_.events_sent && parts_.events_dropped) {
    all.push_back(single("ferrocache_operator_events_total", "Events that were recorded", MetricType::Counter,
                         static_cast<double>(parts_.events_sent())));
    all.push_back(single("ferrocache_operator_events_dropped_total", "Events that could not be recorded",
                         MetricType::Counter, static_cast<double>(parts_.events_dropped())));
  }
  return all;
}

std::string Metrics::render() const {
  std::vector<MetricFamily> all = registry_.Collect();
  const auto append = [&all](std::vector<MetricFamily> more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  append(figures());
  append(watch_figures());
  if (clusters_ != nullptr) append(clusters_->Collect());
  // A family without a series would be a HELP line that leads nowhere.
  std::erase_if(all, [](const MetricFamily& each) { return each.metric.empty(); });
  return prometheus::TextSerializer().Serialize(all);
}

}  // namespace ferro::oper::app
