#include "operator/controllers/cluster_figures.h"

#include <prometheus/client_metric.h>

#include "operator/runtime/store.h"

namespace ferro::oper::controllers {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using Labels = std::vector<ClientMetric::Label>;

constexpr const char* kPhases[] = {"Pending",  "Provisioning", "Ready",      "Updating", "Scaling",
                                   "Degraded", "Paused",       "Hibernated", "Failed"};

MetricFamily gauge(const char* name, const char* help) {
  return {name, help, prometheus::MetricType::Gauge, {}};
}

void add(MetricFamily& family, const Labels& cluster, Labels more, double value) {
  ClientMetric metric;
  metric.label = cluster;
  metric.label.insert(metric.label.end(), more.begin(), more.end());
  metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
}

double as_number(const std::string& condition) {
  return condition == "True" ? 1 : condition == "False" ? 0 : -1;
}

}  // namespace

void ClusterFiguresBook::set(const std::string& key, ClusterFigures figures) {
  const std::lock_guard lock(mutex_);
  by_cluster_[key] = std::move(figures);
}

void ClusterFiguresBook::forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  by_cluster_.erase(key);
}

std::vector<MetricFamily> ClusterFiguresBook::Collect() const {
  MetricFamily phase = gauge("ferrocache_operator_cluster_phase", "1 for the phase that the cluster is in");
  MetricFamily desired = gauge("ferrocache_operator_cluster_replicas_desired", "spec.replicas");
  MetricFamily ready = gauge("ferrocache_operator_cluster_replicas_ready", "Members that are ready");
  MetricFamily paused =
      gauge("ferrocache_operator_cluster_paused", "1 while the operator is told to leave it alone");
  MetricFamily condition = gauge("ferrocache_operator_cluster_condition",
                                 "A condition of the resource: 1 True, 0 False, -1 Unknown");
  MetricFamily expiry =
      gauge("ferrocache_operator_certificate_expiry_timestamp_seconds",
            "When the authority, the first of the nodes' certificates and the operator's own end");
  MetricFamily blocked = gauge("ferrocache_operator_cluster_blocked_since_timestamp_seconds",
                               "Since when an action waits for a rule");
  const std::lock_guard lock(mutex_);
  for (const auto& [key, figures] : by_cluster_) {
    const auto [ns, name] = runtime::split_key(key);
    const Labels cluster{{"namespace", ns}, {"name", name}};
    for (const char* const one : kPhases) add(phase, cluster, {{"phase", one}}, figures.phase == one ? 1 : 0);
    add(desired, cluster, {}, static_cast<double>(figures.desired));
    add(ready, cluster, {}, static_cast<double>(figures.ready));
    add(paused, cluster, {}, figures.paused ? 1 : 0);
    for (const auto& [type, status] : figures.conditions)
      add(condition, cluster, {{"type", type}}, as_number(status));
    for (const auto& [certificate, unix] : figures.expiries) {
      if (unix > 0) add(expiry, cluster, {{"certificate", certificate}}, static_cast<double>(unix));
    }
    for (const api::Blocker& blocker : figures.blocked) {
      add(blocked, cluster, {{"action", blocker.action}, {"rule", blocker.rule}, {"member", blocker.member}},
          static_cast<double>(blocker.since_unix));
    }
  }
  return {phase, desired, ready, paused, condition, expiry, blocked};
}

}  // namespace ferro::oper::controllers
